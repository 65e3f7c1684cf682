-- Sessions of {many} of one {key} that end in the days.
-- Needs the chains that may reach into them: from `$sessions_day`, `$sessions_ms` on.
WITH marked AS (
  SELECT
    *,
    -- The first of a chain: nothing is less than a gap before it.
    CASE WHEN millis - lag(millis) OVER (PARTITION BY {by} ORDER BY version) < {gap} THEN NULL ELSE millis END AS _begins
  FROM (
    SELECT
      version,
      millis,
      {read}
    FROM facts
    WHERE "day" BETWEEN $sessions_day AND $to_day AND millis >= $sessions_ms AND millis < $to_ms AND ({keyed})
  )
),
chains AS (
  SELECT
    *,
    max(_begins) OVER (
      PARTITION BY {by} ORDER BY version ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS _began
  FROM marked
),
-- A chain is cut at the multiples of half of the longest session, from the first that is so much after its beginning.
pieces AS (
  SELECT
    *,
    CASE
      WHEN millis < _first_cut THEN _first_cut
      -- Rounded down, also before 1970.
      ELSE millis - ((millis % {half}) + {half}) % {half} + {half}
    END AS _cut
  FROM (
    SELECT *, _began + {half} + ({half} - (_began % {half} + {half}) % {half}) % {half} AS _first_cut FROM chains
  )
)
SELECT
  to_timestamp_millis(_end) AS "@timestamp",
  to_timestamp_millis(_started) AS "started",
  to_timestamp_millis(_ended) AS "ended",
  _ended - _started AS "duration_ms",
  {shown},
  FALSE AS "open"
FROM (
  SELECT
    least(max(millis) + {gap}, _cut) AS _end,
    min(millis) AS _started,
    max(millis) AS _ended,
    {told}
  FROM pieces
  GROUP BY {by}, _began, _cut
)
WHERE _end >= $from_ms AND _end < $to_ms
