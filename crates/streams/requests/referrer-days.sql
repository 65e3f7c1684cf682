-- How many requests came from pages of each host on each UTC day, by how many visitors, and when first and last. The
-- server's own host is left out where it is known. A visitor is an address with a user agent.
-- Needs only the days themselves. Visitors are grouped first: a set of them for each host takes much memory.
WITH today AS (
  SELECT "day", unnest(referrers) AS referrer, source_ip, user_agent, millis
  FROM facts
  WHERE "day" BETWEEN $from_day AND $to_day
),
visits AS (
  SELECT "day", referrer, count(*) AS requests, min(millis) AS first_millis, max(millis) AS last_millis
  FROM today
  GROUP BY "day", referrer, source_ip, user_agent
)
SELECT
  to_timestamp_millis(CAST(CAST("day" AS INT) AS BIGINT) * 86400000) AS "@timestamp",
  "day",
  referrer,
  sum(requests) AS requests,
  count(*) AS visitors,
  to_timestamp_millis(min(first_millis)) AS "first",
  to_timestamp_millis(max(last_millis)) AS "last"
FROM visits
GROUP BY "day", referrer
