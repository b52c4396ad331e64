SELECT c.name, count(*)
FROM nodes a
JOIN edges e ON e.source = a.id AND e.type = 1
JOIN edges f ON f.source = e.target AND f.type = 1 AND f.id <> e.id
JOIN nodes c ON c.id = f.target
WHERE a.key < ?1
GROUP BY c.name
