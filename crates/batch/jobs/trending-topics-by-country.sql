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
    sum(responses) OVER (
      PARTITION BY country, topic ORDER BY pane RANGE BETWEEN $reach_ms PRECEDING AND CURRENT ROW
    ) AS in_window
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
-- The windows by their last pane; each pane is in all that hold it.
windows AS (
  SELECT
    country,
    topic,
    slot,
    slot + $slide_ms AS window_end,
    sum(responses) AS count,
    sum(places) AS places,
    sum(latitude) AS latitude,
    sum(longitude) AS longitude
  FROM (
    SELECT
      country, topic, responses, places, latitude, longitude,
      unnest(range(pane, pane + $size_ms, $slide_ms)) AS slot
    FROM needed
  )
  GROUP BY country, topic, slot
),
-- Windows that count 0 are no rows, and would add nothing to the sums.
compared AS (
  SELECT
    *,
    least(greatest((window_end - $first_end_ms) / $slide_ms, 0), $baseline_windows) AS n,
    coalesce(sum(count) OVER before, 0) AS s1,
    coalesce(sum(count * count) OVER before, 0) AS s2
  FROM windows
  WINDOW before AS (
    PARTITION BY country, topic ORDER BY slot
    RANGE BETWEEN $baseline_ms PRECEDING AND $slide_ms PRECEDING
  )
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
