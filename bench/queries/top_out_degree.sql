SELECT a.key, d.degree
FROM (SELECT source, count(*) AS degree FROM edges WHERE type = 1 GROUP BY source) d
JOIN nodes a ON a.id = d.source
ORDER BY d.degree DESC, a.key LIMIT 10
