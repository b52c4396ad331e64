MATCH (n:Node) RETURN count(*), sum(n.key), sum(n.note)
