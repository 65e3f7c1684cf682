-- How much was posted in each language on each UTC day, and by how many.
-- Needs only the days themselves.
WITH today AS (
  SELECT "day", language, did, kind FROM facts WHERE "day" BETWEEN $from_day AND $to_day
),
seen AS (
  SELECT
    "day",
    language,
    count(*) AS posts,
    count(*) FILTER (WHERE kind = 'reply') AS replies,
    count(*) FILTER (WHERE kind = 'quote') AS quotes
  FROM today
  GROUP BY "day", language
),
authors AS (
  SELECT "day", language, count(DISTINCT did) AS authors FROM today GROUP BY "day", language
)
SELECT
  to_timestamp_millis(CAST(CAST(seen."day" AS INT) AS BIGINT) * 86400000) AS "@timestamp",
  seen."day" AS "day",
  seen.language AS language,
  seen.posts AS posts,
  authors.authors AS authors,
  seen.replies AS replies,
  seen.quotes AS quotes
FROM seen
JOIN authors ON authors."day" = seen."day" AND authors.language = seen.language
