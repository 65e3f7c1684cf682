-- How similar topics are, by the groups that have both: the Jaccard index, which is the number of groups with
-- both topics over the number of groups with either (P. Jaccard, "The distribution of the flora in the alpine
-- zone", New Phytologist 11, 1912). Each group counts once, with the topics that its latest response named.
-- Of each topic the 20 most similar ones that at least 3 groups share with it: fewer groups are chance.
-- Needs the whole lake.
WITH seen AS (
  SELECT group_id, max(version) AS version FROM versions GROUP BY group_id
),
carried AS (
  SELECT DISTINCT latest.group_id AS group_id, latest.millis AS millis, unnest(latest.topics) AS topic
  FROM seen
  JOIN facts AS latest ON latest.version = seen.version
),
counted AS (
  SELECT topic, count(*) AS groups FROM carried GROUP BY topic
),
shared AS (
  SELECT one.topic AS topic, other.topic AS other, count(*) AS groups, max(one.millis) AS millis
  FROM carried AS one
  JOIN carried AS other ON other.group_id = one.group_id
  WHERE other.topic <> one.topic
  GROUP BY one.topic, other.topic
  HAVING count(*) >= 3
),
measured AS (
  SELECT
    shared.topic AS topic,
    shared.other AS other,
    shared.groups AS groups,
    shared.millis AS millis,
    CAST(shared.groups AS DOUBLE) / CAST(ones.groups + others.groups - shared.groups AS DOUBLE) AS similarity
  FROM shared
  JOIN counted AS ones ON ones.topic = shared.topic
  JOIN counted AS others ON others.topic = shared.other
),
ranked AS (
  SELECT *, row_number() OVER (PARTITION BY topic ORDER BY similarity DESC, other) AS place FROM measured
)
SELECT
  to_timestamp_millis(millis) AS "@timestamp",
  topic,
  other,
  groups,
  round(similarity * 10000.0) / 10000.0 AS similarity
FROM ranked
WHERE place <= 20
