-- A fact leaves the window with its pane.
panes AS (
  SELECT {scope}term, pane, 0 AS staying, count(*) AS leaving{sums}
  FROM mentions
  GROUP BY {scope}term, pane
),
