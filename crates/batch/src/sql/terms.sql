-- The terms of a facet, numbered in their order. Numbers sort and compare several times as fast as
-- text, and a sort of text takes all of the text behind an array for the memory of each slice of it.
SELECT term, CAST(row_number() OVER (ORDER BY term) AS BIGINT) AS number
FROM (SELECT DISTINCT unnest({keys}) AS term FROM facts WHERE "day" BETWEEN $from_day AND $to_day)
