-- The link graph of each UTC day: how many clicks led from where to which host, and when first and last.
-- Needs only the days themselves.
SELECT
  to_timestamp_millis(CAST(CAST("day" AS INT) AS BIGINT) * 86400000) AS "@timestamp",
  "day",
  referrer,
  target,
  count(*) AS clicks,
  count(*) FILTER (WHERE kind = 'known') AS known,
  to_timestamp_millis(min(millis)) AS "first",
  to_timestamp_millis(max(millis)) AS "last"
FROM facts
WHERE "day" BETWEEN $from_day AND $to_day
GROUP BY "day", referrer, target
