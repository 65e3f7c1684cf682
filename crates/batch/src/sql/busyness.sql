-- How busy each pane is{where}: {counts}.
SELECT {number_of_scope}pane, busyness
FROM {scopes}(
  SELECT {scope}pane, {counted} AS busyness
  FROM (
    SELECT {distinct}{scope}millis - ((millis % $slide_ms) + $slide_ms) % $slide_ms AS pane{actor}
    FROM facts
    WHERE "day" BETWEEN $from_day AND $to_day
  )
  GROUP BY {scope}pane
) AS counted{same_scope}
