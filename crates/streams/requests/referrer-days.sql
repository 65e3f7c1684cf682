-- How many requests came from pages of each host on each UTC day, by how many visitors, and when first and last. The
-- server's own host is left out where it is known. A visitor is an address with a user agent.
-- Needs only the days themselves.
WITH today AS (
  SELECT
    "day",
    unnest(referrers) AS referrer,
    millis,
    concat(source_ip, ' ', coalesce(user_agent, '')) AS visitor
  FROM facts
  WHERE "day" BETWEEN $from_day AND $to_day
)
SELECT
  to_timestamp_millis(CAST(CAST("day" AS INT) AS BIGINT) * 86400000) AS "@timestamp",
  "day",
  referrer,
  count(*) AS requests,
  count(DISTINCT visitor) AS visitors,
  to_timestamp_millis(min(millis)) AS "first",
  to_timestamp_millis(max(millis)) AS "last"
FROM today
GROUP BY "day", referrer
