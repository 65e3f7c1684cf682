-- How often each domain was linked to on each UTC day, by how many, and when first and last.
-- Needs only the days themselves.
WITH linked AS (
  SELECT "day", did, kind, millis, unnest(domains) AS domain
  FROM facts
  WHERE "day" BETWEEN $from_day AND $to_day
),
seen AS (
  SELECT
    "day",
    domain,
    count(*) AS posts,
    count(*) FILTER (WHERE kind = 'reply') AS replies,
    min(millis) AS first_millis,
    max(millis) AS last_millis
  FROM linked
  GROUP BY "day", domain
),
authors AS (
  SELECT "day", domain, count(DISTINCT did) AS authors FROM linked GROUP BY "day", domain
)
SELECT
  to_timestamp_millis(CAST(CAST(seen."day" AS INT) AS BIGINT) * 86400000) AS "@timestamp",
  seen."day" AS "day",
  seen.domain AS domain,
  seen.posts AS posts,
  authors.authors AS authors,
  seen.replies AS replies,
  to_timestamp_millis(seen.first_millis) AS "first",
  to_timestamp_millis(seen.last_millis) AS "last"
FROM seen
JOIN authors ON authors."day" = seen."day" AND authors.domain = seen.domain
