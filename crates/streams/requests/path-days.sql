-- How often each path was asked for on each UTC day, by how many visitors, and when first and last. A visitor is an
-- address with a user agent; an error is a status of 400 or more.
-- Needs only the days themselves.
WITH today AS (
  SELECT
    "day",
    unnest(paths) AS path,
    status,
    bytes,
    millis,
    concat(source_ip, ' ', coalesce(user_agent, '')) AS visitor
  FROM facts
  WHERE "day" BETWEEN $from_day AND $to_day
)
SELECT
  to_timestamp_millis(CAST(CAST("day" AS INT) AS BIGINT) * 86400000) AS "@timestamp",
  "day",
  path,
  count(*) AS requests,
  count(DISTINCT visitor) AS visitors,
  sum(bytes) AS bytes,
  count(*) FILTER (WHERE status >= 400) AS errors,
  to_timestamp_millis(min(millis)) AS "first",
  to_timestamp_millis(max(millis)) AS "last"
FROM today
GROUP BY "day", path
