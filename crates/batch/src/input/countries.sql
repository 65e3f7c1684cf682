-- The countries of the responses, numbered in their order, as the topics are.
SELECT country, row_number() OVER (ORDER BY country) AS number
FROM (SELECT DISTINCT country FROM responses WHERE "day" BETWEEN $from_day AND $to_day)
