-- How many clicks came from each city on each UTC day, and to how many hosts. Clicks whose city is not known are
-- left out. The location is the mean, in whole microdegrees.
-- Needs only the days themselves.
WITH located AS (
  SELECT "day", country, coalesce(region, '') AS region, city, kind, target, latitude, longitude
  FROM facts
  WHERE "day" BETWEEN $from_day AND $to_day AND city <> ''
),
seen AS (
  SELECT
    "day",
    country,
    region,
    city,
    count(*) AS clicks,
    count(*) FILTER (WHERE kind = 'known') AS known,
    sum(CAST(round(latitude * 1e6) AS BIGINT)) AS latitude,
    sum(CAST(round(longitude * 1e6) AS BIGINT)) AS longitude,
    count(latitude) AS places
  FROM located
  GROUP BY "day", country, region, city
),
targets AS (
  SELECT "day", country, region, city, count(DISTINCT target) AS targets
  FROM located
  GROUP BY "day", country, region, city
)
SELECT
  to_timestamp_millis(CAST(CAST(seen."day" AS INT) AS BIGINT) * 86400000) AS "@timestamp",
  seen."day" AS "day",
  seen.country AS country,
  seen.region AS region,
  seen.city AS city,
  round(CAST(seen.latitude AS DOUBLE) / seen.places) / 1e6 AS "location.lat",
  round(CAST(seen.longitude AS DOUBLE) / seen.places) / 1e6 AS "location.lon",
  seen.clicks AS clicks,
  seen.known AS known,
  targets.targets AS targets
FROM seen
JOIN targets
  ON targets."day" = seen."day"
  AND targets.country = seen.country
  AND targets.region = seen.region
  AND targets.city = seen.city
