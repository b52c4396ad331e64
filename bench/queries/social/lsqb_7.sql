SELECT count(*) FROM message_tag t JOIN message_creator c ON c.a = t.a LEFT JOIN likes l ON l.b = t.a LEFT JOIN reply r ON r.b = t.a
