-- How often each path was asked for on each UTC day, by how many visitors, and when first and last. A visitor is an
-- address with a user agent; an error is a status of 400 or more.
-- Needs only the days themselves. Visitors are grouped first: a set of them for each path takes much memory.
WITH today AS (
  SELECT "day", unnest(paths) AS path, source_ip, user_agent, status, bytes, millis
  FROM facts
  WHERE "day" BETWEEN $from_day AND $to_day
),
visits AS (
  SELECT
    "day",
    path,
    count(*) AS requests,
    sum(bytes) AS bytes,
    count(*) FILTER (WHERE status >= 400) AS errors,
    min(millis) AS first_millis,
    max(millis) AS last_millis
  FROM today
  GROUP BY "day", path, source_ip, user_agent
)
SELECT
  to_timestamp_millis(CAST(CAST("day" AS INT) AS BIGINT) * 86400000) AS "@timestamp",
  "day",
  path,
  sum(requests) AS requests,
  count(*) AS visitors,
  sum(bytes) AS bytes,
  sum(errors) AS errors,
  to_timestamp_millis(min(first_millis)) AS "first",
  to_timestamp_millis(max(last_millis)) AS "last"
FROM visits
GROUP BY "day", path
