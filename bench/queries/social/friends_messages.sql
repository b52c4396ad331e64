SELECT k.b, m.id, m.day FROM knows k JOIN message_creator c ON c.b = k.b JOIN message m ON m.id = c.a WHERE k.a = ?1 AND m.day < 2000 ORDER BY m.day DESC, m.id LIMIT 20
