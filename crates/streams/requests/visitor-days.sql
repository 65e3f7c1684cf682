-- How many visitors there were on each UTC day, by country and kind of device, and what they asked for. A visitor is an
-- address with a user agent; one whose address moves to another country on that day is one in each.
-- Needs only the days themselves.
WITH visits AS (
  SELECT
    "day",
    country,
    device,
    source_ip,
    user_agent,
    count(*) AS requests,
    sum(bytes) AS bytes
  FROM facts
  WHERE "day" BETWEEN $from_day AND $to_day
  GROUP BY "day", country, device, source_ip, user_agent
)
SELECT
  to_timestamp_millis(CAST(CAST("day" AS INT) AS BIGINT) * 86400000) AS "@timestamp",
  "day",
  country,
  device,
  count(*) AS visitors,
  count(*) FILTER (WHERE requests = 1) AS single_requests,
  sum(requests) AS requests,
  max(requests) AS requests_max,
  sum(bytes) AS bytes
FROM visits
GROUP BY "day", country, device
