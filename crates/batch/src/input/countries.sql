-- The countries of the responses, numbered in their order, as the topics are.
SELECT country, CAST(row_number() OVER (ORDER BY country) AS BIGINT) AS number
FROM (SELECT DISTINCT country FROM responses WHERE "day" BETWEEN $from_day AND $to_day)
