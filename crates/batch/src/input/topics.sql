-- The topics of the responses, numbered in their order. Numbers sort and compare several times as fast
-- as text, and a sort of text takes all of the text behind an array for the memory of each slice of it.
SELECT topic, CAST(row_number() OVER (ORDER BY topic) AS BIGINT) AS number
FROM (SELECT DISTINCT unnest(topics) AS topic FROM responses WHERE "day" BETWEEN $from_day AND $to_day)
