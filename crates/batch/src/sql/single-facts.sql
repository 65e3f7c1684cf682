-- Every fact: messages that are neither dead letters nor skipped nor echoes.
-- Needs only the days themselves.
SELECT
  {fields}
FROM facts
WHERE "day" BETWEEN $from_day AND $to_day
