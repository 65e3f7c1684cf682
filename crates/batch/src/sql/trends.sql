-- The terms that most facts of a window carry, or the facts of most actors, and the most unusual ones, {where}
-- for the windows that end in the days. The name of a term is that of the window worldwide.
-- Needs one window and the baseline before the days: from `$lookback_day`, `$lookback_ms` on.
WITH recent AS (
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
      sum_within(CASE WHEN ranked > $count_above THEN 1 ELSE 0 END, -pane, $lookback_reach_ms, 0) OVER (
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
    slot,
    staying,
    CASE WHEN slot = pane THEN leaving ELSE 0 END AS leaving{in_slot}
  FROM (
    SELECT *, unnest(range(pane, least(pane + $size_ms, next_pane), $slide_ms)) AS slot FROM needed
  )
),
-- The windows by their last slot.
windows AS (
  SELECT
    {scope}term,
    slot,
    slot + $slide_ms AS window_end,
    staying + sum_within(leaving, slot, $reach_ms, 0) OVER by_slot AS ranked{in_window}
  FROM slots
  WINDOW by_slot AS (PARTITION BY {scope}term ORDER BY slot)
),
-- What a window is compared with. Windows that count 0 are no rows, and would add nothing to the sums.
compared AS (
  SELECT
    *,
    sum_within(ranked, slot, $growth_ms, $growth_ms) OVER by_slot AS earlier,
    sum_within(ranked, slot, $baseline_ms, $newest_ms) OVER by_slot AS past
  FROM windows
  WINDOW by_slot AS (PARTITION BY {scope}term ORDER BY slot)
),
-- How busy the stream is, by the last slot of a window: facts or, where actors are counted, for each pane
-- those who mention any term.
busy_slots AS (
  SELECT {scope}slot, CASE WHEN slot = pane THEN busyness ELSE 0 END AS busyness
  FROM (
    SELECT *, unnest(range(pane, least(pane + $size_ms, next_pane), $slide_ms)) AS slot
    FROM (SELECT *, lead(pane) OVER ({by_scope}ORDER BY pane) AS next_pane FROM {busyness})
  )
),
busy_windows AS (
  SELECT {scope}slot, sum_within(busyness, slot, $reach_ms, 0) OVER ({by_scope}ORDER BY slot) AS busyness
  FROM busy_slots
),
busyness AS (
  SELECT *, sum_within(busyness, slot, $baseline_ms, $newest_ms) OVER ({by_scope}ORDER BY slot) AS busyness_past
  FROM busy_windows
),
-- The windows in which there is any fact, and how many of these are in the past of each.
filled AS (
  SELECT slot, sum_within(1, slot, $baseline_ms, $newest_ms) OVER (ORDER BY slot) AS n
  FROM (
    SELECT unnest(range(pane, least(pane + $size_ms, next_pane), $slide_ms)) AS slot
    FROM (
      SELECT pane, lead(pane) OVER (ORDER BY pane) AS next_pane FROM (SELECT DISTINCT pane FROM recent)
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
  FROM compared
  JOIN filled ON filled.slot = compared.slot
  JOIN busyness ON {same_scope}compared.slot = busyness.slot
  WHERE ranked > $count_above AND window_end >= $from_ms AND window_end < $to_ms
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
),
listed AS (
  SELECT *, CASE WHEN unusual THEN by_score END AS unusual_rank
  FROM (
    SELECT *, coalesce(score >= $unusual_from AND by_score <= {unusual_max}, FALSE) AS unusual
    FROM (
      SELECT
        *,
        row_number() OVER (PARTITION BY {scope}window_end ORDER BY ranked DESC, score DESC, term) AS rank,
        row_number() OVER (PARTITION BY {scope}window_end ORDER BY score DESC, ranked DESC, term) AS by_score
      FROM scored
    )
  )
  WHERE rank <= {terms_max} OR unusual
),
-- For the terms that have several names, those that each pane brings worldwide, before the listed windows
-- that end with the pane.
named AS (
  SELECT
    {scope}term,
    window_end,
    rank,
    unusual_rank,
    score,
    ranked{columns},
    min_within(name, slot, $reach_ms, 0) OVER (
      PARTITION BY term ORDER BY slot, rank NULLS FIRST
    ) AS name
  FROM (
    SELECT term, slot, NULL AS name, {scope}window_end, rank, unusual_rank, score, ranked{columns}
    FROM listed
    UNION ALL
    SELECT names.term_number, pane, min(names.number), {nulls}
    FROM {names} AS names
    JOIN (SELECT pane, unnest(keys) AS key, unnest(names) AS name FROM recent) AS carried
      ON carried.key = names.term AND carried.name = names.name
    WHERE names.several
    GROUP BY names.term_number, pane
  )
)
SELECT
  to_timestamp_millis(window_end) AS "@timestamp",
  to_timestamp_millis(window_end - $size_ms) AS window_start,
  {shown}
FROM {names} AS names
RIGHT JOIN (
  {terms} AS terms RIGHT JOIN {named} ON terms.number = named.term
) ON names.number = named.name
WHERE window_end IS NOT NULL
