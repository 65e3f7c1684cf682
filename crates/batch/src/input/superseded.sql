-- The positions of the responses that are not the state of their RSVP: a later one changed it.
WITH changed AS (
  SELECT rsvp_id, max(version) AS latest FROM responses GROUP BY rsvp_id HAVING count(*) > 1
)
SELECT responses."partition", responses."offset", changed.latest
FROM changed
JOIN responses ON responses.rsvp_id = changed.rsvp_id
WHERE responses.version < changed.latest
