SELECT count(*)
FROM nodes a
JOIN edges e ON e.source = a.id AND e.type = 1
JOIN edges f ON f.source = e.target AND f.type = 1 AND f.id <> e.id
JOIN edges g ON g.source = f.target AND g.type = 1 AND g.id <> e.id AND g.id <> f.id
WHERE a.key = ?1
