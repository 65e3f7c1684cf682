-- How much was asked for in each hour (UTC), by country, family of browser and kind of device. A visitor is an address
-- with a user agent; an error is a status of 400 or more.
-- Needs only the days themselves.
WITH today AS (
  SELECT
    "day",
    millis - millis % 3600000 AS hour_millis,
    country,
    browser,
    device,
    status,
    bytes,
    concat(source_ip, ' ', coalesce(user_agent, '')) AS visitor
  FROM facts
  WHERE "day" BETWEEN $from_day AND $to_day
)
SELECT
  to_timestamp_millis(hour_millis) AS "@timestamp",
  "day",
  to_timestamp_millis(hour_millis) AS hour,
  country,
  browser,
  device,
  count(*) AS requests,
  count(DISTINCT visitor) AS visitors,
  sum(bytes) AS bytes,
  count(*) FILTER (WHERE status >= 400) AS errors
FROM today
GROUP BY "day", hour_millis, country, browser, device
