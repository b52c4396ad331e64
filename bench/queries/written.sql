SELECT count(*), sum(key), coalesce(sum(note), 0) FROM nodes
