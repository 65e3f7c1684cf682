-- The score of each term in each window, {where}, for the windows that end in the days, and for those before
-- from which a trend may go on.
recent AS (
  SELECT
    millis - ((millis % $slide_ms) + $slide_ms) % $slide_ms AS pane,
    {recent}
  FROM facts
  WHERE "day" BETWEEN $lookback_day AND $to_day AND millis >= $lookback_ms
),
-- Each time that a fact carries a term.
mentions AS (
  SELECT terms.number AS term, carried.*
  FROM {terms} AS terms
  JOIN (SELECT {carried}, unnest(keys) AS key FROM {numbered}) AS carried ON carried.key = terms.term
),
{panes}-- A window holds what `leaving` says of its panes, and of its newest what `staying` says. It holds most when
-- its last pane has just come in.
busy AS (
  SELECT
    *,
    staying + sum_within(leaving, pane, $reach_ms, 0) OVER by_pane AS ranked,
    lead(pane) OVER by_pane AS next_pane
  FROM panes
  WINDOW by_pane AS (PARTITION BY {scope}term ORDER BY pane)
),
-- What a listed window needs, itself or for its baseline: panes that are, or soon precede, the last of a
-- window that is listable.
needed AS (
  SELECT *
  FROM (
    SELECT
      *,
      sum_within(CASE WHEN ranked > $count_above THEN 1 ELSE 0 END, -pane, $history_reach_ms, 0) OVER (
        PARTITION BY {scope}term ORDER BY pane DESC
      ) AS listable
    FROM busy
  )
  WHERE listable > 0
),
-- The slots that panes reach, each once: from a pane until the next one, as far as its windows go.
slots AS (
  SELECT
    {scope}term,
    pane,
    slot,
    staying,
    CASE WHEN slot = pane THEN leaving ELSE 0 END AS leaving{in_slot}
  FROM (
    SELECT *, unnest(range(pane, least(pane + $size_ms, next_pane), $slide_ms)) AS slot FROM needed
  )
),
-- The windows by their last slot. Slots come in the order of their panes, so to order by these sorts nothing
-- anew; the functions refuse rows in another order.
windows AS (
  SELECT
    {scope}term,
    pane,
    slot,
    slot + $slide_ms AS window_end,
    staying + sum_within(leaving, slot, $reach_ms, 0) OVER by_slot AS ranked{in_window}{total}
  FROM slots
  WINDOW by_slot AS (PARTITION BY {scope}term ORDER BY pane)
),
-- What a window is compared with. Windows that count 0 are no rows, and would add nothing to the sums.
compared AS (
  SELECT
    *,
    sum_within(ranked, slot, $growth_ms, $growth_ms) OVER by_slot AS earlier,
    sum_within(ranked, slot, $baseline_ms, $newest_ms) OVER by_slot AS past
  FROM windows
  WINDOW by_slot AS (PARTITION BY {scope}term ORDER BY pane)
),
-- How busy the stream is, by the last slot of a window.
busy_slots AS (
  SELECT {scope}pane, slot, CASE WHEN slot = pane THEN busyness ELSE 0 END AS busyness
  FROM (
    SELECT *, unnest(range(pane, least(pane + $size_ms, next_pane), $slide_ms)) AS slot
    FROM (SELECT *, lead(pane) OVER ({by_scope}ORDER BY pane) AS next_pane FROM {busyness})
  )
),
busy_windows AS (
  SELECT {scope}pane, slot, sum_within(busyness, slot, $reach_ms, 0) OVER ({by_scope}ORDER BY pane) AS busyness
  FROM busy_slots
),
busyness AS (
  SELECT
    *,
    sum_within(busyness, slot, $baseline_ms, $newest_ms) OVER ({by_scope}ORDER BY pane) AS busyness_past
  FROM busy_windows
),
-- How many windows of the past say what is usual in each: those that have at least one fact for `$sparse` of
-- its own. Where there are fewer the source was away, and only stragglers are known.
filled AS (
  SELECT
    slot,
    count_within(facts * $sparse, slot, $baseline_ms, $newest_ms, facts) OVER (ORDER BY pane) AS n
  FROM (
    SELECT pane, slot, sum_within(facts, slot, $reach_ms, 0) OVER (ORDER BY pane) AS facts
    FROM (
      SELECT pane, slot, CASE WHEN slot = pane THEN busyness ELSE 0 END AS facts
      FROM (
        SELECT *, unnest(range(pane, least(pane + $size_ms, next_pane), $slide_ms)) AS slot
        FROM (SELECT *, lead(pane) OVER (ORDER BY pane) AS next_pane FROM {facts})
      )
    )
  )
),
-- What is usual: the mean of the past, corrected by how much busier the rest of the stream is now. And the
-- number if it went on growing as of late.
expected AS (
  SELECT
    compared.*,
    CASE
      WHEN n >= $past_windows_min THEN
        CAST(past AS DOUBLE) * CAST(busyness - ranked + $others AS DOUBLE)
        / CAST(busyness_past - past + $others * n AS DOUBLE)
    END AS usual,
    CAST($size * ranked - ($size - $growth) * earlier AS DOUBLE) / $growth AS grown,
    CAST(2 * $size - $growth AS DOUBLE) / $growth AS spread
  -- What is few stands first: a join keeps that side in memory.
  FROM (busyness JOIN filled ON filled.slot = busyness.slot)
  JOIN compared ON {same_scope}compared.slot = busyness.slot
  WHERE ranked > $count_above AND window_end >= $judged_ms AND window_end < $to_ms
),
scored AS (
  SELECT
    *,
    round(
      greatest(
        (ranked - usual) / sqrt(usual + 0.04 * (usual * usual) + 1.0),
        (grown - usual) / sqrt(spread * usual + 0.04 * (usual * usual) + spread)
      )
      * 1000.0
    ) / 1000.0 AS score
  FROM expected
)
