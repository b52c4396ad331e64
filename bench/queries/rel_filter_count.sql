SELECT count(*) FROM edges NOT INDEXED WHERE type = 1 AND weight BETWEEN ?1 AND ?2
