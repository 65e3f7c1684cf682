-- Every fact once. Besides the columns of the lake:
--   millis   the event time in milliseconds
--   version  grows with the event time; of equal times with the partition, then with the offset
SELECT
  *,
  -- 15 digits of milliseconds since the year 1, 5 of the partition, 18 of the offset.
  CAST(millis + 62135596800000 AS DECIMAL(15, 0)) * CAST('100000000000000000000000' AS DECIMAL(24, 0))
    + CAST("partition" AS DECIMAL(5, 0)) * CAST('1000000000000000000' AS DECIMAL(19, 0))
    + CAST("offset" AS DECIMAL(18, 0)) AS version
FROM (SELECT *, CAST(time AS BIGINT) / 1000 AS millis FROM lake WHERE reason IS NULL)
WHERE NOT discarded("partition", "offset")
