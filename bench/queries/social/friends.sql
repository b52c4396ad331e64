SELECT b, day FROM knows WHERE a = ?1 ORDER BY day DESC, b
