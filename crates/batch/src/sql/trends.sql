-- The terms that most facts of a window carry, or the facts of most actors, and the most unusual ones, {where}
-- for the windows that end in the days. The name of a term is that of the window worldwide.
-- Needs what their scores, and those of the two baselines before, look back to: from `$lookback_day`, `$lookback_ms` on.
WITH {scored},
-- Those that may be listed.
ranked AS (
  SELECT *
  FROM (
    SELECT
      *,
      coalesce(score >= $unusual_from, FALSE) AS unusual,
      row_number() OVER (PARTITION BY {scope}slot ORDER BY ranked DESC, score DESC, term) AS rank
    FROM scored
  )
  WHERE rank <= {terms_max} OR unusual
),
-- Since when they are unusual: without a gap of more than a window, as far back as a trend is followed.
dated AS (
  SELECT
    *,
    CASE
      WHEN unusual AND by_score <= {unusual_max} THEN greatest(
        -- The newest beginning: the smallest below zero.
        -min_within(
          CASE WHEN window_end - before <= $size_ms THEN NULL ELSE -window_end END, window_end, $life_reach_ms, 0
        ) OVER by_term,
        first_followed
      )
    END AS since
  FROM (
    SELECT
      *,
      lag(window_end) OVER by_term AS before,
      min_within(window_end, window_end, $life_reach_ms, 0) OVER by_term AS first_followed
    FROM (
      -- Before the others, which are in another order, and share it.
      SELECT
        *,
        row_number() OVER (
          PARTITION BY {scope}slot, unusual ORDER BY score DESC, ranked DESC, term
        ) AS by_score
      FROM ranked
    )
    WINDOW by_term AS (PARTITION BY {scope}term, unusual ORDER BY window_end)
  )
  WINDOW by_term AS (PARTITION BY {scope}term, unusual ORDER BY window_end)
),
listed AS (
  SELECT *, CASE WHEN since IS NOT NULL THEN by_score END AS unusual_rank
  FROM dated
  WHERE window_end >= $from_ms AND (rank <= {terms_max} OR since IS NOT NULL)
),
{named}
SELECT
  to_timestamp_millis(window_end) AS "@timestamp",
  to_timestamp_millis(window_end - $size_ms) AS window_start,
  {shown}
FROM {names} AS names
RIGHT JOIN (
  {terms} AS terms RIGHT JOIN {named_rows} ON terms.number = named.term
) ON names.number = named.name
WHERE window_end IS NOT NULL
