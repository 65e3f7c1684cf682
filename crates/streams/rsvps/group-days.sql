-- What happened in each group on each UTC day, with what the day's latest response said of the group.
-- Needs only the days themselves.
WITH today AS (
  SELECT * FROM facts WHERE "day" BETWEEN $from_day AND $to_day
),
seen AS (
  SELECT
    "day",
    group_id,
    max(version) AS version,
    count(*) AS responses,
    count(*) FILTER (WHERE response = 'yes') AS yes,
    count(*) FILTER (WHERE response = 'no') AS no,
    sum(guests) AS guests,
    sum(1 + guests) FILTER (WHERE response = 'yes') AS attendees
  FROM today
  GROUP BY "day", group_id
),
members AS (
  SELECT "day", group_id, count(DISTINCT member_id) AS members FROM today GROUP BY "day", group_id
),
events AS (
  SELECT "day", group_id, count(DISTINCT event_id) AS events FROM today GROUP BY "day", group_id
)
SELECT
  to_timestamp_millis(CAST(CAST(seen."day" AS INT) AS BIGINT) * 86400000) AS "@timestamp",
  seen."day" AS "day",
  latest.group_id AS "group.id",
  latest.group_name AS "group.name",
  latest.group_urlname AS "group.urlname",
  latest.group_city AS "group.city",
  latest.group_state AS "group.state",
  latest.country AS "group.country",
  latest.latitude AS "group.location.lat",
  latest.longitude AS "group.location.lon",
  seen.responses AS responses,
  seen.yes AS yes,
  seen.no AS no,
  seen.guests AS guests,
  coalesce(seen.attendees, 0) AS attendees,
  members.members AS members,
  events.events AS events
FROM seen
JOIN members ON members."day" = seen."day" AND members.group_id = seen.group_id
JOIN events ON events."day" = seen."day" AND events.group_id = seen.group_id
JOIN today AS latest ON latest.version = seen.version
