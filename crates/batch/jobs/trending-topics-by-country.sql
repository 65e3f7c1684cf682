-- The topics that most responses of a window carry in each country, for the windows that end in the
-- days. The name of a topic is that of the window worldwide.
-- Needs one window and the baseline before the days: from `$lookback_day`, `$lookback_ms` on.
WITH recent AS (
  SELECT
    millis - ((millis % $slide_ms) + $slide_ms) % $slide_ms AS pane,
    country,
    topics,
    topic_names,
    CASE WHEN group_lat IS NULL THEN 0 ELSE 1 END AS places,
    coalesce(CAST(round(group_lat * 1e6) AS BIGINT), 0) AS latitude,
    coalesce(CAST(round(group_lon * 1e6) AS BIGINT), 0) AS longitude
  FROM responses
  WHERE "day" BETWEEN $lookback_day AND $to_day AND millis >= $lookback_ms
),
mentions AS (
  SELECT
    pane,
    country,
    topic,
    count(*) AS responses,
    sum(places) AS places,
    sum(latitude) AS latitude,
    sum(longitude) AS longitude
  FROM (
    SELECT pane, country, places, latitude, longitude, unnest(topics) AS topic FROM recent
  )
  GROUP BY pane, country, topic
),
panes AS (
  SELECT
    countries.number AS country, topics.number AS topic, pane, responses, places, latitude, longitude
  FROM countries
  JOIN (topics JOIN mentions ON mentions.topic = topics.topic)
    ON mentions.country = countries.country
),
-- A window holds most when its last pane has just come in.
busy AS (
  SELECT
    *,
    sum_within(responses, pane, $reach_ms, 0) OVER (PARTITION BY country, topic ORDER BY pane) AS in_window
  FROM panes
),
-- What a listed window needs, itself or for its baseline.
needed AS (
  SELECT country, topic, pane, responses, places, latitude, longitude
  FROM (
    SELECT
      *,
      max(in_window) OVER (
        PARTITION BY country, topic ORDER BY pane
        RANGE BETWEEN CURRENT ROW AND $lookback_reach_ms FOLLOWING
      ) AS peak
    FROM busy
  )
  WHERE peak > $count_above
),
-- The slots that panes reach, each once: from a pane until the next one, as far as its windows go.
slots AS (
  SELECT
    country,
    topic,
    slot,
    CASE WHEN slot = pane THEN responses ELSE 0 END AS responses,
    CASE WHEN slot = pane THEN places ELSE 0 END AS places,
    CASE WHEN slot = pane THEN latitude ELSE 0 END AS latitude,
    CASE WHEN slot = pane THEN longitude ELSE 0 END AS longitude
  FROM (
    SELECT *, unnest(range(pane, least(pane + $size_ms, next_pane), $slide_ms)) AS slot
    FROM (
      SELECT *, lead(pane) OVER (PARTITION BY country, topic ORDER BY pane) AS next_pane FROM needed
    )
  )
),
-- The windows by their last slot.
windows AS (
  SELECT
    country,
    topic,
    slot,
    slot + $slide_ms AS window_end,
    sum_within(responses, slot, $reach_ms, 0) OVER by_slot AS count,
    sum_within(places, slot, $reach_ms, 0) OVER by_slot AS places,
    sum_within(latitude, slot, $reach_ms, 0) OVER by_slot AS latitude,
    sum_within(longitude, slot, $reach_ms, 0) OVER by_slot AS longitude
  FROM slots
  WINDOW by_slot AS (PARTITION BY country, topic ORDER BY slot)
),
-- Windows that count 0 are no rows, and would add nothing to the sums.
compared AS (
  SELECT
    *,
    least(greatest((window_end - $first_end_ms) / $slide_ms, 0), $baseline_windows) AS n,
    sum_within(count, slot, $baseline_ms, $slide_ms) OVER by_slot AS s1,
    sum_within(count * count, slot, $baseline_ms, $slide_ms) OVER by_slot AS s2
  FROM windows
  WINDOW by_slot AS (PARTITION BY country, topic ORDER BY slot)
),
scored AS (
  SELECT
    *,
    CASE
      WHEN n = 0 THEN 0.0
      ELSE
        round(
          (count - CAST(s1 AS DOUBLE) / n)
          / sqrt(greatest(CAST(s2 AS DOUBLE) / n - (CAST(s1 AS DOUBLE) / n) * (CAST(s1 AS DOUBLE) / n), 0.0) + 1.0)
          * 1000.0
        ) / 1000.0
    END AS score
  FROM compared
  WHERE count > $count_above AND window_end >= $from_ms AND window_end < $to_ms
),
listed AS (
  SELECT *
  FROM (
    SELECT
      *,
      row_number() OVER (
        PARTITION BY window_end, country ORDER BY count DESC, score DESC, topic
      ) AS rank
    FROM scored
  )
  WHERE rank <= $country_topics_max
),
-- The names that each pane brings worldwide beside the listed windows that end with the pane.
named AS (
  SELECT
    min(name) OVER (
      PARTITION BY topic ORDER BY slot RANGE BETWEEN $reach_ms PRECEDING AND CURRENT ROW
    ) AS name,
    topic, country, window_end, count, rank, score, places, latitude, longitude
  FROM (
    SELECT topic, slot, NULL AS name, country, window_end, count, rank, score, places, latitude, longitude
    FROM listed
    UNION ALL
    SELECT topics.number, pane, names.number, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
    FROM names
    JOIN (
      topics
      JOIN (
        SELECT pane, topic, min(name) AS name
        FROM (SELECT pane, unnest(topics) AS topic, unnest(topic_names) AS name FROM recent)
        GROUP BY pane, topic
      ) AS mentions ON mentions.topic = topics.topic
    ) ON names.name = mentions.name
  )
)
SELECT
  to_timestamp_millis(window_end) AS "@timestamp",
  to_timestamp_millis(window_end - $size_ms) AS window_start,
  countries.country AS country,
  topics.topic AS topic,
  names.name AS name,
  count,
  rank,
  score,
  round(CAST(latitude AS DOUBLE) / places) / 1e6 AS "location.lat",
  round(CAST(longitude AS DOUBLE) / places) / 1e6 AS "location.lon"
FROM names
RIGHT JOIN (
  countries JOIN (
    topics JOIN named ON named.topic = topics.number
  ) ON named.country = countries.number
) ON names.number = named.name
WHERE window_end IS NOT NULL
