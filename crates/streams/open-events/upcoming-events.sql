-- The events that are to take place, as their latest announcements have it: not those canceled or deleted since.
-- Needs the whole lake.
WITH upcoming AS (
  SELECT * FROM versions WHERE current AND status = 'upcoming'
),
seen AS (
  SELECT event_id, min(millis) AS first_millis, count(*) AS announcements
  FROM facts
  GROUP BY event_id
)
SELECT
  upcoming.time AS "@timestamp",
  upcoming.event_id AS "event.id",
  upcoming.event_name AS "event.name",
  upcoming.event_url AS "event.url",
  upcoming.event_time AS "event.time",
  upcoming.group_id AS "group.id",
  upcoming.group_name AS "group.name",
  upcoming.group_urlname AS "group.urlname",
  upcoming.country AS country,
  upcoming.city AS city,
  upcoming.venue_name AS venue_name,
  upcoming.latitude AS "location.lat",
  upcoming.longitude AS "location.lon",
  upcoming.category AS category,
  upcoming.duration_ms AS duration_ms,
  upcoming.yes AS yes,
  upcoming.rsvp_limit AS rsvp_limit,
  upcoming.fee AS fee,
  upcoming.currency AS currency,
  seen.announcements AS announcements,
  to_timestamp_millis(seen.first_millis) AS first_announced
FROM upcoming
JOIN seen ON seen.event_id = upcoming.event_id
