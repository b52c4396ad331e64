SELECT m.id, m.day FROM message_creator c JOIN message m ON m.id = c.a WHERE c.b = ?1 ORDER BY m.day DESC, m.id LIMIT 10
