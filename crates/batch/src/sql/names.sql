-- The names of a facet's terms, numbered in their order, as the terms are.
SELECT name, CAST(row_number() OVER (ORDER BY name) AS BIGINT) AS number
FROM (SELECT DISTINCT unnest({names}) AS name FROM facts WHERE "day" BETWEEN $from_day AND $to_day)
WHERE name IS NOT NULL
