-- How much was asked for in each hour (UTC), by country, family of browser and kind of device. A visitor is an address
-- with a user agent; an error is a status of 400 or more.
-- Needs only the days themselves. Visitors are grouped first: a set of them for each row takes much memory.
WITH today AS (
  SELECT *, millis - millis % 3600000 AS hour_millis
  FROM facts
  WHERE "day" BETWEEN $from_day AND $to_day
),
visits AS (
  SELECT
    "day",
    hour_millis,
    country,
    browser,
    device,
    count(*) AS requests,
    sum(bytes) AS bytes,
    count(*) FILTER (WHERE status >= 400) AS errors
  FROM today
  GROUP BY "day", hour_millis, country, browser, device, source_ip, user_agent
)
SELECT
  to_timestamp_millis(hour_millis) AS "@timestamp",
  "day",
  to_timestamp_millis(hour_millis) AS hour,
  country,
  browser,
  device,
  sum(requests) AS requests,
  count(*) AS visitors,
  sum(bytes) AS bytes,
  sum(errors) AS errors
FROM visits
GROUP BY "day", hour_millis, country, browser, device
