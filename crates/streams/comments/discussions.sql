-- Each event as of now: what the latest comment said of it, and its comments by their state.
-- Needs the whole lake.
WITH seen AS (
  SELECT
    event_id,
    max(version) AS version,
    min(millis) AS first_millis,
    max(millis) AS last_millis,
    count(*) FILTER (WHERE current AND status = 'active') AS comments,
    count(*) FILTER (WHERE current AND status = 'deleted') AS deleted
  FROM versions
  GROUP BY event_id
),
members AS (
  SELECT event_id, count(DISTINCT member_id) AS members
  FROM versions
  WHERE current AND status = 'active'
  GROUP BY event_id
)
SELECT
  latest.time AS "@timestamp",
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
  coalesce(members.members, 0) AS members,
  to_timestamp_millis(seen.first_millis) AS "first",
  to_timestamp_millis(seen.last_millis) AS "last"
FROM seen
LEFT JOIN members ON members.event_id = seen.event_id
JOIN facts AS latest ON latest.version = seen.version
