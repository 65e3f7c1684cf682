-- What happened in each pane in each country, by kind of response.
-- Needs only the days themselves: a day is a multiple of a pane.
SELECT
  to_timestamp_millis(pane) AS "@timestamp",
  country,
  response,
  count(*) AS responses,
  sum(guests) AS guests,
  sum(attendees) AS attendees,
  -- The mean in whole microdegrees.
  round(CAST(sum(latitude) AS DOUBLE) / count(latitude)) / 1e6 AS "location.lat",
  round(CAST(sum(longitude) AS DOUBLE) / count(longitude)) / 1e6 AS "location.lon"
FROM (
  SELECT
    -- Rounded down, also before 1970.
    millis - ((millis % $slide_ms) + $slide_ms) % $slide_ms AS pane,
    country,
    response,
    guests,
    CASE WHEN response = 'yes' THEN 1 + guests ELSE 0 END AS attendees,
    CAST(round(group_lat * 1e6) AS BIGINT) AS latitude,
    CAST(round(group_lon * 1e6) AS BIGINT) AS longitude
  FROM responses
  WHERE "day" BETWEEN $from_day AND $to_day
)
GROUP BY pane, country, response
