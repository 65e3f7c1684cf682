-- The event time of the oldest fact, which is not after `$to_day`.
SELECT min(millis) AS millis FROM facts WHERE "day" <= $to_day
