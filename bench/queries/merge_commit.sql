INSERT INTO nodes(label, key, note) VALUES(1, ?1, ?2) ON CONFLICT(key) DO NOTHING
