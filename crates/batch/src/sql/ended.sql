WITH {scored},
unusual AS (
  SELECT *, lag(window_end) OVER (PARTITION BY {scope}term ORDER BY window_end) AS before
  FROM scored
  WHERE score >= $unusual_from
),
-- A trend goes on without a gap of more than a window. It is called by where it began.
lives AS (
  SELECT
    *,
    max(CASE WHEN window_end - before <= $size_ms THEN NULL ELSE window_end END) OVER (
      PARTITION BY {scope}term ORDER BY window_end ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS life
  FROM unusual
),
-- It is told a window after its last one, and followed back from there.
followed AS (
  SELECT *
  FROM (SELECT *, max(window_end) OVER (PARTITION BY {scope}term, life) AS ended FROM lives)
  WHERE window_end > ended - $life_ms AND ended >= $from_ms - $size_ms AND ended < $to_ms - $size_ms
),
ended AS (
  SELECT
    {scope}term,
    ended AS window_end,
    ended - $slide_ms AS slot,
    min(window_end) AS began,
    first_value(window_end ORDER BY score DESC, window_end) AS peak,
    max(score) AS peak_score,
    first_value(ranked ORDER BY score DESC, window_end) AS ranked,
    max(total) - min(total - {facts}) AS count
  FROM followed
  GROUP BY {scope}term, life, ended
),
{named}
SELECT
  to_timestamp_millis(window_end + $size_ms) AS "@timestamp",
  {shown}
FROM {names} AS names
RIGHT JOIN (
  {terms} AS terms RIGHT JOIN {named_rows} ON terms.number = named.term
) ON names.number = named.name
WHERE window_end IS NOT NULL
