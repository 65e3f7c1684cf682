-- What was announced and called off in each category and country on each UTC day, and by how many groups.
-- Events without a category are left out.
-- Needs only the days themselves.
WITH today AS (
  SELECT
    "day",
    country,
    category,
    event_id,
    group_id,
    status
  FROM facts
  WHERE "day" BETWEEN $from_day AND $to_day AND category IS NOT NULL
),
seen AS (
  SELECT
    "day",
    country,
    category,
    count(*) AS announcements,
    count(*) FILTER (WHERE status = 'canceled') AS canceled
  FROM today
  GROUP BY "day", country, category
),
events AS (
  SELECT "day", country, category, count(DISTINCT event_id) AS events
  FROM today
  GROUP BY "day", country, category
),
organisers AS (
  SELECT "day", country, category, count(DISTINCT group_id) AS groups
  FROM today
  GROUP BY "day", country, category
)
SELECT
  to_timestamp_millis(CAST(CAST(seen."day" AS INT) AS BIGINT) * 86400000) AS "@timestamp",
  seen."day" AS "day",
  seen.country AS country,
  seen.category AS category,
  seen.announcements AS announcements,
  events.events AS events,
  seen.canceled AS canceled,
  organisers.groups AS groups
FROM seen
JOIN events
  ON events."day" = seen."day" AND events.country = seen.country AND events.category = seen.category
JOIN organisers
  ON organisers."day" = seen."day"
  AND organisers.country = seen.country
  AND organisers.category = seen.category
