-- For the terms that have several names, those that each pane brings worldwide, before the windows that
-- end with the pane.
named AS (
  SELECT
    *,
    min_within(own_name, slot, $reach_ms, 0) OVER (
      PARTITION BY term ORDER BY slot, window_end NULLS FIRST
    ) AS name
  FROM (
    SELECT term, slot, NULL AS own_name, {scope}window_end{columns}
    FROM {chosen}
    UNION ALL
    SELECT names.term_number, pane, min(names.number), {nulls}
    FROM {names} AS names
    JOIN (SELECT pane, unnest(keys) AS key, unnest(names) AS name FROM recent) AS carried
      ON carried.key = names.term AND carried.name = names.name
    WHERE names.several
    GROUP BY names.term_number, pane
  )
)
