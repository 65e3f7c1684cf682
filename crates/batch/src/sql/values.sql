-- The values of a column, numbered in their order, as the terms are.
SELECT value, CAST(row_number() OVER (ORDER BY value) AS BIGINT) AS number
FROM (SELECT DISTINCT {column} AS value FROM facts WHERE "day" BETWEEN $from_day AND $to_day)
WHERE value IS NOT NULL
