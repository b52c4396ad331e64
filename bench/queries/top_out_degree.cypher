MATCH (a:Node)-[:LINK]->()
RETURN a.key AS key, count(*) AS degree ORDER BY degree DESC, key LIMIT 10
