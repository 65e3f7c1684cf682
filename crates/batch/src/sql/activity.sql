-- What happened in each pane, by scope and kind of fact.
-- Needs only the days themselves: a day is a multiple of a pane.
SELECT
  to_timestamp_millis(pane) AS "@timestamp",
  {by},
  {sums}
FROM (
  SELECT
    *,
    -- Rounded down, also before 1970.
    millis - ((millis % $slide_ms) + $slide_ms) % $slide_ms AS pane
  FROM facts
  WHERE "day" BETWEEN $from_day AND $to_day
)
GROUP BY pane, {by}
