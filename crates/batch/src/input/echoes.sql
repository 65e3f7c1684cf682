-- The positions of the echoes of a stretch of event time: messages that are the same response as an
-- earlier one of their partition. The two may be up to a second apart, also on both sides of midnight.
WITH valid AS (
  SELECT
    "partition",
    "offset",
    rsvp_id,
    response,
    guests,
    -- The nearest second, half up, counted from the year 1: a division rounds towards zero, which
    -- would be up for negative numbers.
    (millis + 62135596800500) / 1000 AS second
  FROM (
    SELECT *, CAST(mtime AS BIGINT) / 1000 AS millis
    FROM lake
    WHERE reason IS NULL AND "day" BETWEEN $from_day AND $to_day
  )
  WHERE millis >= $from_ms AND millis < $to_ms
),
repeated AS (
  SELECT rsvp_id, second, response, guests, min("offset") AS first
  FROM valid
  GROUP BY rsvp_id, second, response, guests
  HAVING count(*) > 1
)
SELECT valid."partition", valid."offset", repeated.first
FROM repeated
JOIN valid
  ON valid.rsvp_id = repeated.rsvp_id
  AND valid.second = repeated.second
  AND valid.response = repeated.response
  AND valid.guests = repeated.guests
WHERE valid."offset" > repeated.first
