-- The event time of the oldest response, which is not after `$to_day`.
SELECT min(millis) AS millis FROM responses WHERE "day" <= $to_day
