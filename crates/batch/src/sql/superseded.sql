-- The positions of the facts that are not the state: a later one of the same {state} replaced them.
WITH changed AS (
  SELECT {state}, max(version) AS latest FROM facts GROUP BY {state} HAVING count(*) > 1
)
SELECT facts."partition", facts."offset", changed.latest
FROM changed
JOIN facts ON facts.{state} = changed.{state}
WHERE facts.version < changed.latest
