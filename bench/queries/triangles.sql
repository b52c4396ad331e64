SELECT count(*)
FROM edges e
JOIN edges f ON f.source = e.target AND f.type = 1 AND f.id <> e.id
JOIN edges g ON g.source = f.target AND g.target = e.source AND g.type = 1 AND g.id <> e.id AND g.id <> f.id
WHERE e.type = 1
