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
