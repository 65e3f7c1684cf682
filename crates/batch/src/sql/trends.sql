-- The terms that most facts of a window carry, or the facts of most actors, {where} for the windows that
-- end in the days. The name of a term is that of the window worldwide.
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
-- Windows that count 0 are no rows, and would add nothing to the sums.
compared AS (
  SELECT
    *,
    least(greatest((window_end - $first_end_ms) / $slide_ms, 0), $baseline_windows) AS n,
    sum_within(ranked, slot, $baseline_ms, $slide_ms) OVER by_slot AS s1,
    sum_within(ranked * ranked, slot, $baseline_ms, $slide_ms) OVER by_slot AS s2
  FROM windows
  WINDOW by_slot AS (PARTITION BY {scope}term ORDER BY slot)
),
scored AS (
  SELECT
    *,
    CASE
      WHEN n = 0 THEN 0.0
      ELSE
        round(
          (ranked - CAST(s1 AS DOUBLE) / n)
          / sqrt(greatest(CAST(s2 AS DOUBLE) / n - (CAST(s1 AS DOUBLE) / n) * (CAST(s1 AS DOUBLE) / n), 0.0) + 1.0)
          * 1000.0
        ) / 1000.0
    END AS score
  FROM compared
  WHERE ranked > $count_above AND window_end >= $from_ms AND window_end < $to_ms
),
listed AS (
  SELECT *
  FROM (
    SELECT
      *,
      row_number() OVER (
        PARTITION BY {scope}window_end ORDER BY ranked DESC, score DESC, term
      ) AS rank
    FROM scored
  )
  WHERE rank <= {listed_max}
),
-- For the terms that have several names, those that each pane brings worldwide, before the listed windows
-- that end with the pane.
named AS (
  SELECT
    {scope}term,
    window_end,
    rank,
    score,
    ranked{columns},
    min_within(name, slot, $reach_ms, 0) OVER (
      PARTITION BY term ORDER BY slot, rank NULLS FIRST
    ) AS name
  FROM (
    SELECT term, slot, NULL AS name, {scope}window_end, rank, score, ranked{columns}
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
