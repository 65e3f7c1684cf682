-- What was said about each event on each UTC day, with what the day's latest comment said of the event.
-- Needs only the days themselves.
WITH today AS (
  SELECT * FROM facts WHERE "day" BETWEEN $from_day AND $to_day
),
seen AS (
  SELECT
    "day",
    event_id,
    max(version) AS version,
    count(*) FILTER (WHERE status = 'active') AS comments,
    count(*) FILTER (WHERE status = 'deleted') AS deleted
  FROM today
  GROUP BY "day", event_id
),
members AS (
  SELECT "day", event_id, count(DISTINCT member_id) AS members
  FROM today
  WHERE status = 'active'
  GROUP BY "day", event_id
)
SELECT
  to_timestamp_millis(CAST(CAST(seen."day" AS INT) AS BIGINT) * 86400000) AS "@timestamp",
  seen."day" AS "day",
  latest.event_id AS event_id,
  latest.event_name AS event_name,
  latest.group_id AS "group.id",
  latest.group_name AS "group.name",
  latest.group_urlname AS "group.urlname",
  latest.country AS "group.country",
  latest.latitude AS "group.location.lat",
  latest.longitude AS "group.location.lon",
  seen.comments AS comments,
  seen.deleted AS deleted,
  coalesce(members.members, 0) AS members
FROM seen
LEFT JOIN members ON members."day" = seen."day" AND members.event_id = seen.event_id
JOIN today AS latest ON latest.version = seen.version
