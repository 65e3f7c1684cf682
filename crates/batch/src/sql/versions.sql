-- Every fact, and whether it is the state: the one with the largest event time (of equal times the later in
-- the log).
SELECT *, NOT superseded("partition", "offset") AS current FROM facts
