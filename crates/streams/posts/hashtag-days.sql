-- How often each hashtag was used on each UTC day, by how many, and when first and last.
-- Needs only the days themselves.
WITH used AS (
  SELECT "day", did, kind, millis, unnest(hashtags) AS hashtag, unnest(hashtag_names) AS name
  FROM facts
  WHERE "day" BETWEEN $from_day AND $to_day
),
seen AS (
  SELECT
    "day",
    hashtag,
    min(name) AS name,
    count(*) AS posts,
    count(*) FILTER (WHERE kind = 'reply') AS replies,
    min(millis) AS first_millis,
    max(millis) AS last_millis
  FROM used
  GROUP BY "day", hashtag
),
authors AS (
  SELECT "day", hashtag, count(DISTINCT did) AS authors FROM used GROUP BY "day", hashtag
)
SELECT
  to_timestamp_millis(CAST(CAST(seen."day" AS INT) AS BIGINT) * 86400000) AS "@timestamp",
  seen."day" AS "day",
  seen.hashtag AS hashtag,
  seen.name AS name,
  seen.posts AS posts,
  authors.authors AS authors,
  seen.replies AS replies,
  to_timestamp_millis(seen.first_millis) AS "first",
  to_timestamp_millis(seen.last_millis) AS "last"
FROM seen
JOIN authors ON authors."day" = seen."day" AND authors.hashtag = seen.hashtag
