UPDATE nodes SET note = ?2 WHERE key = ?1
