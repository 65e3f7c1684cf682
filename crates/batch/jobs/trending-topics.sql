-- The topics that most responses of a window carry, for the windows that end in the days.
-- Needs one window and the baseline before the days: from `$lookback_day`, `$lookback_ms` on.
WITH recent AS (
  SELECT
    millis - ((millis % $slide_ms) + $slide_ms) % $slide_ms AS pane, topics, topic_names
  FROM responses
  WHERE "day" BETWEEN $lookback_day AND $to_day AND millis >= $lookback_ms
),
panes AS (
  SELECT topics.number AS topic, names.number AS name, pane, responses
  FROM names
  RIGHT JOIN (
    topics
    JOIN (
      SELECT pane, topic, count(*) AS responses, min(name) AS name
      FROM (SELECT pane, unnest(topics) AS topic, unnest(topic_names) AS name FROM recent)
      GROUP BY pane, topic
    ) AS mentions ON mentions.topic = topics.topic
  ) ON names.name = mentions.name
),
-- A window holds most when its last pane has just come in.
busy AS (
  SELECT
    *,
    sum_within(responses, pane, $reach_ms, 0) OVER (PARTITION BY topic ORDER BY pane) AS in_window
  FROM panes
),
-- What a listed window needs, itself or for its baseline.
needed AS (
  SELECT topic, pane, responses, name
  FROM (
    SELECT
      *,
      max(in_window) OVER (
        PARTITION BY topic ORDER BY pane RANGE BETWEEN CURRENT ROW AND $lookback_reach_ms FOLLOWING
      ) AS peak
    FROM busy
  )
  WHERE peak > $count_above
),
-- The slots that panes reach, each once: from a pane until the next one, as far as its windows go.
slots AS (
  SELECT
    topic,
    slot,
    CASE WHEN slot = pane THEN responses ELSE 0 END AS responses,
    CASE WHEN slot = pane THEN name END AS name
  FROM (
    SELECT *, unnest(range(pane, least(pane + $size_ms, next_pane), $slide_ms)) AS slot
    FROM (SELECT *, lead(pane) OVER (PARTITION BY topic ORDER BY pane) AS next_pane FROM needed)
  )
),
-- The windows by their last slot.
windows AS (
  SELECT
    topic,
    slot,
    slot + $slide_ms AS window_end,
    sum_within(responses, slot, $reach_ms, 0) OVER by_slot AS count,
    min_within(name, slot, $reach_ms, 0) OVER by_slot AS name
  FROM slots
  WINDOW by_slot AS (PARTITION BY topic ORDER BY slot)
),
-- Windows that count 0 are no rows, and would add nothing to the sums.
compared AS (
  SELECT
    topic,
    name,
    window_end,
    count,
    least(greatest((window_end - $first_end_ms) / $slide_ms, 0), $baseline_windows) AS n,
    sum_within(count, slot, $baseline_ms, $slide_ms) OVER by_slot AS s1,
    sum_within(count * count, slot, $baseline_ms, $slide_ms) OVER by_slot AS s2
  FROM windows
  WINDOW by_slot AS (PARTITION BY topic ORDER BY slot)
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
)
SELECT
  to_timestamp_millis(window_end) AS "@timestamp",
  to_timestamp_millis(window_end - $size_ms) AS window_start,
  topics.topic AS topic,
  names.name AS name,
  count,
  rank,
  score
FROM names
RIGHT JOIN (
  topics
  JOIN (
    SELECT
      *,
      row_number() OVER (PARTITION BY window_end ORDER BY count DESC, score DESC, topic) AS rank
    FROM scored
  ) AS ranked ON ranked.topic = topics.number
) ON names.number = ranked.name
WHERE rank <= $topics_max
