-- The terms of a facet that may be listed, each with its name unless it has several.
SELECT term, term_number AS number, CASE WHEN NOT several THEN name END AS name
FROM {names}
WHERE number = term_number AND term NOT IN ($mute)
