-- In which panes each actor mentions a term.
mentioned AS (
  SELECT DISTINCT scopes.number AS scope, terms.number AS term, actors.number AS actor, pane
  FROM {scopes} AS scopes
  JOIN (
    {terms} AS terms JOIN (actors JOIN carried ON carried.actor = actors.value)
      ON carried.term = terms.term
  ) ON carried.scope = scopes.value
),
stays AS (
  SELECT scope, term, pane, lag(pane) OVER by_actor AS before, lead(pane) OVER by_actor AS after
  FROM mentioned
  WINDOW by_actor AS (PARTITION BY scope, term, actor ORDER BY pane)
),
-- An actor comes into the window with a pane, unless he is in it for an earlier one, and leaves it with the
-- pane, unless he has come again.
ranked AS (
  SELECT scope, term, pane AS slot, 1 AS ranked FROM stays WHERE before IS NULL OR pane - before >= $size_ms
  UNION ALL
  SELECT scope, term, pane + $size_ms, -1 FROM stays WHERE after IS NULL OR after - pane >= $size_ms
),
