-- Every response, and whether it is the state of its RSVP: the response with the largest event time
-- (of equal times the later in the log).
SELECT *, NOT superseded("partition", "offset") AS current FROM responses
