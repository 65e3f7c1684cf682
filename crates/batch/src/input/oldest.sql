-- The smallest event time of the lake, echoes included.
SELECT CAST(min(mtime) AS BIGINT) / 1000 AS millis FROM lake WHERE reason IS NULL
