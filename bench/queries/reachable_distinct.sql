WITH RECURSIVE reached(id) AS (
  SELECT e.target FROM nodes a JOIN edges e ON e.source = a.id AND e.type = 1 WHERE a.key = ?1
  UNION
  SELECT e.target FROM reached r JOIN edges e ON e.source = r.id AND e.type = 1
)
SELECT count(*) FROM reached
