-- Each event as of now: what its latest response said of it, and its RSVPs by their state.
-- Needs the whole lake.
WITH seen AS (
  SELECT
    event_id,
    max(version) AS version,
    min(millis) AS first_millis,
    count(*) FILTER (WHERE current) AS responses,
    count(*) FILTER (WHERE current AND response = 'yes') AS yes,
    count(*) FILTER (WHERE current AND response = 'no') AS no,
    sum(guests) FILTER (WHERE current) AS guests,
    sum(1 + guests) FILTER (WHERE current AND response = 'yes') AS attendees
  FROM versions
  GROUP BY event_id
),
members AS (
  SELECT event_id, count(DISTINCT member_id) AS members FROM versions WHERE current GROUP BY event_id
)
SELECT
  latest.time AS "@timestamp",
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
  coalesce(members.members, 0) AS members,
  seen.responses AS responses,
  seen.yes AS yes,
  seen.no AS no,
  coalesce(seen.guests, 0) AS guests,
  coalesce(seen.attendees, 0) AS attendees,
  to_timestamp_millis(seen.first_millis) AS first_response
FROM seen
LEFT JOIN members ON members.event_id = seen.event_id
JOIN facts AS latest ON latest.version = seen.version
