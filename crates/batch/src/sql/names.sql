-- The terms of a facet with each of their names, numbered in their order. Numbers sort and compare several
-- times as fast as text, and a sort of text takes all of the text behind an array for the memory of each
-- slice of it. The number of a term is that of its first name.
SELECT
  term,
  name,
  number,
  min(number) OVER by_term AS term_number,
  count(*) OVER by_term > 1 AS several
FROM (
  SELECT term, name, CAST(row_number() OVER (ORDER BY term, name) AS BIGINT) AS number
  FROM (
    SELECT DISTINCT unnest({keys}) AS term, unnest({names}) AS name
    FROM facts
    WHERE "day" BETWEEN $from_day AND $to_day
  )
)
WINDOW by_term AS (PARTITION BY term)
