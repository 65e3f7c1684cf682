-- In which panes each actor mentions a term.
stays AS (
  SELECT *, lag(pane) OVER by_actor AS before, lead(pane) OVER by_actor AS after
  FROM (
    SELECT {scope}term, actor, pane, count(*) AS facts{sums}
    FROM mentions
    GROUP BY {scope}term, actor, pane
  )
  WINDOW by_actor AS (PARTITION BY {scope}term, actor ORDER BY pane)
),
-- An actor leaves the window with a pane, unless he mentions the term again while the window holds the
-- pane; until then he stays.
visits AS (
  SELECT
    {scope}term,
    pane,
    sum(facts) AS facts{sums},
    count(actor) FILTER (WHERE coalesce(after - pane >= $size_ms, TRUE)) AS leaving,
    count(actor) FILTER (WHERE after - pane < $size_ms) AS remaining,
    count(actor) FILTER (WHERE pane - before < $size_ms) AS back
  FROM stays
  GROUP BY {scope}term, pane
),
panes AS (
  SELECT
    *,
    sum(remaining - back) OVER (
      PARTITION BY {scope}term ORDER BY pane ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS staying
  FROM visits
),
