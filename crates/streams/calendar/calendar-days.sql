-- How many events were announced or changed on each UTC day, and how many people answered what.
-- Needs only the days themselves.
WITH today AS (
  SELECT "day", did, kind, event_uri FROM facts WHERE "day" BETWEEN $from_day AND $to_day
),
answers AS (
  SELECT
    "day",
    count(*) FILTER (WHERE kind = 'going') AS going,
    count(*) FILTER (WHERE kind = 'interested') AS interested,
    count(*) FILTER (WHERE kind = 'notgoing') AS notgoing
  FROM today
  GROUP BY "day"
),
events AS (
  SELECT "day", count(DISTINCT event_uri) AS events FROM today WHERE kind = 'event' GROUP BY "day"
),
people AS (
  SELECT "day", count(DISTINCT did) AS people FROM today WHERE kind <> 'event' GROUP BY "day"
)
SELECT
  to_timestamp_millis(CAST(CAST(answers."day" AS INT) AS BIGINT) * 86400000) AS "@timestamp",
  answers."day" AS "day",
  coalesce(events.events, 0) AS events,
  answers.going AS going,
  answers.interested AS interested,
  answers.notgoing AS notgoing,
  coalesce(people.people, 0) AS people
FROM answers
LEFT JOIN events ON events."day" = answers."day"
LEFT JOIN people ON people."day" = answers."day"
