-- Statistics of `{field}` on each day{where}.
-- Needs only the days themselves.
SELECT
  "day",
  {shown}
FROM (
  SELECT
    "day",
    {by}statistics(_number, {scale}) AS _told
  FROM (
    SELECT "day", {by}{number} AS _number
    FROM facts
    WHERE "day" BETWEEN $from_day AND $to_day
  )
  WHERE _number BETWEEN -{number_max} AND {number_max}
  GROUP BY {by}"day"
)
