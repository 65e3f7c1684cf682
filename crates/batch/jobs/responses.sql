-- Every response: messages that are neither dead letters nor echoes.
-- Needs only the days themselves.
SELECT
  mtime AS "@timestamp",
  rsvp_id,
  response,
  guests,
  CASE WHEN response = 'yes' THEN 1 + guests ELSE 0 END AS attendees,
  country,
  topics,
  topic_names,
  member_id AS "member.id",
  member_name AS "member.name",
  event_id AS "event.id",
  event_name AS "event.name",
  event_url AS "event.url",
  event_time AS "event.time",
  group_id AS "group.id",
  group_name AS "group.name",
  group_urlname AS "group.urlname",
  group_city AS "group.city",
  group_state AS "group.state",
  country AS "group.country",
  group_lat AS "group.location.lat",
  group_lon AS "group.location.lon",
  venue_id AS "venue.id",
  venue_name AS "venue.name",
  venue_lat AS "venue.location.lat",
  venue_lon AS "venue.location.lon"
FROM responses
WHERE "day" BETWEEN $from_day AND $to_day
