-- What happened in each event on each UTC day, with what the day's latest response said of the event.
-- Needs only the days themselves.
WITH today AS (
  SELECT * FROM facts WHERE "day" BETWEEN $from_day AND $to_day
),
seen AS (
  SELECT
    "day",
    event_id,
    max(version) AS version,
    count(*) AS responses,
    count(*) FILTER (WHERE response = 'yes') AS yes,
    count(*) FILTER (WHERE response = 'no') AS no,
    sum(guests) AS guests,
    sum(1 + guests) FILTER (WHERE response = 'yes') AS attendees
  FROM today
  GROUP BY "day", event_id
),
members AS (
  SELECT "day", event_id, count(DISTINCT member_id) AS members FROM today GROUP BY "day", event_id
)
SELECT
  to_timestamp_millis(CAST(CAST(seen."day" AS INT) AS BIGINT) * 86400000) AS "@timestamp",
  seen."day" AS "day",
  latest.event_id AS "event.id",
  latest.event_name AS "event.name",
  latest.event_url AS "event.url",
  latest.event_time AS "event.time",
  latest.group_id AS "group.id",
  latest.group_name AS "group.name",
  latest.group_urlname AS "group.urlname",
  latest.group_city AS "group.city",
  latest.group_state AS "group.state",
  latest.country AS "group.country",
  latest.latitude AS "group.location.lat",
  latest.longitude AS "group.location.lon",
  coalesce(latest.venue_latitude, latest.latitude) AS "location.lat",
  coalesce(latest.venue_longitude, latest.longitude) AS "location.lon",
  seen.responses AS responses,
  seen.yes AS yes,
  seen.no AS no,
  seen.guests AS guests,
  coalesce(seen.attendees, 0) AS attendees,
  members.members AS members
FROM seen
JOIN members ON members."day" = seen."day" AND members.event_id = seen.event_id
JOIN today AS latest ON latest.version = seen.version
