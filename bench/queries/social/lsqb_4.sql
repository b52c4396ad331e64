SELECT count(*) FROM message_tag t JOIN message_creator c ON c.a = t.a JOIN likes l ON l.b = t.a JOIN reply r ON r.b = t.a
