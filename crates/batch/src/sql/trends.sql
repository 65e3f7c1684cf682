-- The terms that most facts of a window carry, or the facts of most actors, {where} for the windows that
-- end in the days. The name of a term is that of the window worldwide.
-- Needs one window and the baseline before the days: from `$lookback_day`, `$lookback_ms` on.
WITH recent AS (
  SELECT
    millis - ((millis % $slide_ms) + $slide_ms) % $slide_ms AS pane,
    {recent}
  FROM facts
  WHERE "day" BETWEEN $lookback_day AND $to_day AND millis >= $lookback_ms
),
carried AS (
  SELECT pane, scope, actor, places, latitude, longitude, unnest(keys) AS term FROM recent
),
panes AS (
  SELECT scopes.number AS scope, terms.number AS term, pane, facts, places, latitude, longitude
  FROM {scopes} AS scopes
  JOIN (
    {terms} AS terms
    JOIN (
      SELECT
        pane,
        scope,
        term,
        count(*) AS facts,
        sum(places) AS places,
        sum(latitude) AS latitude,
        sum(longitude) AS longitude
      FROM carried
      GROUP BY pane, scope, term
    ) AS mentions ON mentions.term = terms.term
  ) ON mentions.scope = scopes.value
),
{ranked}-- What each pane changes when it enters the window, and again when it leaves it, by the last slot of the
-- first window that is changed.
changes AS (
  SELECT
    scope,
    term,
    slot,
    sum(ranked) AS ranked,
    sum(facts) AS facts,
    sum(places) AS places,
    sum(latitude) AS latitude,
    sum(longitude) AS longitude
  FROM (
    SELECT scope, term, pane AS slot, {entering} AS ranked, facts, places, latitude, longitude
    FROM panes
    UNION ALL
    SELECT scope, term, pane + $size_ms, {leaving}, -facts, -places, -latitude, -longitude
    FROM panes{ranked_changes}
  )
  GROUP BY scope, term, slot
),
-- The windows from one change until the next, which are all alike.
alike AS (
  SELECT
    scope,
    term,
    slot,
    sum(ranked) OVER by_slot AS ranked,
    sum(facts) OVER by_slot AS facts,
    sum(places) OVER by_slot AS places,
    sum(latitude) OVER by_slot AS latitude,
    sum(longitude) OVER by_slot AS longitude,
    lead(slot) OVER (PARTITION BY scope, term ORDER BY slot) AS next_slot
  FROM changes
  WINDOW by_slot AS (
    PARTITION BY scope, term ORDER BY slot ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
  )
),
-- What a listed window needs, itself or for its baseline; each window by its last slot.
windows AS (
  SELECT
    scope,
    term,
    unnest(range(slot, next_slot, $slide_ms)) AS slot,
    ranked,
    facts,
    places,
    latitude,
    longitude
  FROM (
    SELECT
      *,
      max(ranked) OVER (
        PARTITION BY scope, term ORDER BY slot
        RANGE BETWEEN CURRENT ROW AND $lookback_reach_ms FOLLOWING
      ) AS peak
    FROM alike
  )
  WHERE peak > $count_above AND facts > 0
),
-- Windows that count 0 are no rows, and would add nothing to the sums.
compared AS (
  SELECT
    *,
    slot + $slide_ms AS window_end,
    least(greatest((slot + $slide_ms - $first_end_ms) / $slide_ms, 0), $baseline_windows) AS n,
    sum_within(ranked, slot, $baseline_ms, $slide_ms) OVER by_slot AS s1,
    sum_within(ranked * ranked, slot, $baseline_ms, $slide_ms) OVER by_slot AS s2
  FROM windows
  WINDOW by_slot AS (PARTITION BY scope, term ORDER BY slot)
),
scored AS (
  SELECT
    *,
    CASE
      WHEN n = 0 THEN 0.0
      ELSE
        round(
          (ranked - CAST(s1 AS DOUBLE) / n)
          / sqrt(greatest(CAST(s2 AS DOUBLE) / n - (CAST(s1 AS DOUBLE) / n) * (CAST(s1 AS DOUBLE) / n), 0.0) + 1.0)
          * 1000.0
        ) / 1000.0
    END AS score
  FROM compared
  WHERE ranked > $count_above AND window_end >= $from_ms AND window_end < $to_ms
),
listed AS (
  SELECT *
  FROM (
    SELECT
      *,
      row_number() OVER (
        PARTITION BY window_end, scope ORDER BY ranked DESC, score DESC, term
      ) AS rank
    FROM scored
  )
  WHERE rank <= {listed_max}
),
-- The names that each pane brings worldwide beside the listed windows that end with the pane.
named AS (
  SELECT
    min(name) OVER (
      PARTITION BY term ORDER BY slot RANGE BETWEEN $reach_ms PRECEDING AND CURRENT ROW
    ) AS name,
    term, scope, window_end, facts, ranked, rank, score, places, latitude, longitude
  FROM (
    SELECT
      term, slot, NULL AS name, scope, window_end, facts, ranked, rank, score, places, latitude, longitude
    FROM listed
    UNION ALL
    SELECT
      terms.number, pane, names.number, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
    FROM {names} AS names
    JOIN (
      {terms} AS terms
      JOIN (
        SELECT pane, term, min(name) AS name
        FROM (SELECT pane, unnest(keys) AS term, unnest(names) AS name FROM recent)
        GROUP BY pane, term
      ) AS mentions ON mentions.term = terms.term
    ) ON names.name = mentions.name
  )
)
SELECT
  to_timestamp_millis(window_end) AS "@timestamp",
  to_timestamp_millis(window_end - $size_ms) AS window_start,
  {shown}
FROM {names} AS names
RIGHT JOIN (
  {scopes} AS scopes
  JOIN ({terms} AS terms JOIN named ON named.term = terms.number) ON named.scope = scopes.number
) ON names.number = named.name
WHERE window_end IS NOT NULL
