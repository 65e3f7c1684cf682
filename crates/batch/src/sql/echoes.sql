-- The positions of the echoes of a stretch of event time: messages that are the same fact as an earlier
-- one of their partition, by the columns {columns} of its identity{within}.
WITH valid AS (
  SELECT *
  FROM (
    SELECT
      *,
      -- The nearest second, half up, counted from the year 1: a division rounds towards zero, which
      -- would be up for negative numbers.
      (millis + 62135596800500) / 1000 AS second
    FROM (
      SELECT *, CAST(time AS BIGINT) / 1000 AS millis
      FROM lake
      WHERE reason IS NULL AND "day" BETWEEN $from_day AND $to_day
    )
  )
  WHERE millis >= $from_ms AND millis < $to_ms
),
repeated AS (
  SELECT {columns} FROM valid GROUP BY {columns} HAVING count(*) > 1
)
SELECT "partition", "offset"
FROM (
  SELECT
    valid."partition", valid."offset",
    min(valid."offset") OVER (PARTITION BY {repeated}{near}) AS first
  FROM repeated
  JOIN valid ON {equal}
)
WHERE "offset" > first
