-- The smallest and largest event time of each day that has any, echoes included.
SELECT "day", CAST(min(time) AS BIGINT) / 1000 AS first, CAST(max(time) AS BIGINT) / 1000 AS last
FROM lake
WHERE reason IS NULL
GROUP BY "day"
