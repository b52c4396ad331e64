SELECT count(DISTINCT f.target)
FROM nodes a
JOIN edges e ON e.source = a.id AND e.type = 1
JOIN edges f ON f.source = e.target AND f.type = 1 AND f.id <> e.id
WHERE a.key = ?1
