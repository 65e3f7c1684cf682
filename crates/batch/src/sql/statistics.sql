-- Statistics of `{field}` in each pane{where}.
-- Needs only the days themselves: a day is a multiple of a pane.
SELECT
  to_timestamp_millis(_pane) AS "@timestamp",
  {shown}
FROM (
  SELECT
    _pane,
    {by}statistics(_number, {scale}) AS _told
  FROM (
    SELECT
      -- Rounded down, also before 1970.
      millis - ((millis % $slide_ms) + $slide_ms) % $slide_ms AS _pane,
      {by}{number} AS _number
    FROM facts
    WHERE "day" BETWEEN $from_day AND $to_day
  )
  WHERE _number BETWEEN -{number_max} AND {number_max}
  GROUP BY {by}_pane
)
