-- The names of topics, numbered in their order, as the topics are.
SELECT name, CAST(row_number() OVER (ORDER BY name) AS BIGINT) AS number
FROM (
  SELECT DISTINCT unnest(topic_names) AS name FROM responses WHERE "day" BETWEEN $from_day AND $to_day
)
WHERE name IS NOT NULL
