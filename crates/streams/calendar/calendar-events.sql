-- Each event as of now: what its latest record says, and by their latest answers how many people are going. An event
-- whose record never came has answers alone.
-- Needs the whole lake.
WITH answered AS (
  SELECT event_uri, did, max(version) AS version
  FROM facts
  WHERE kind <> 'event'
  GROUP BY event_uri, did
),
answers AS (
  SELECT
    facts.event_uri AS event_uri,
    max(facts.time) AS time,
    count(*) FILTER (WHERE kind = 'going') AS going,
    count(*) FILTER (WHERE kind = 'interested') AS interested,
    count(*) FILTER (WHERE kind = 'notgoing') AS notgoing
  FROM answered
  JOIN facts ON facts.version = answered.version
  GROUP BY facts.event_uri
),
announced AS (
  SELECT event_uri, max(version) AS version FROM facts WHERE kind = 'event' GROUP BY event_uri
),
events AS (
  SELECT facts.* FROM announced JOIN facts ON facts.version = announced.version
)
SELECT
  greatest(events.time, answers.time) AS "@timestamp",
  coalesce(events.event_uri, answers.event_uri) AS event_uri,
  events.event_name AS event_name,
  events.did AS organiser,
  events.country AS country,
  events.city AS city,
  events.latitude AS "location.lat",
  events.longitude AS "location.lon",
  events.mode AS mode,
  events.event_status AS event_status,
  events.starts_at AS starts_at,
  events.ends_at AS ends_at,
  coalesce(answers.going, 0) AS going,
  coalesce(answers.interested, 0) AS interested,
  coalesce(answers.notgoing, 0) AS notgoing
FROM events
FULL JOIN answers ON answers.event_uri = events.event_uri
