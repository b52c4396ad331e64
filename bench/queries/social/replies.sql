SELECT p.b, c.id, c.day FROM message_creator m JOIN reply r ON r.b = m.a JOIN Comment c ON c.id = r.a JOIN Comment_HAS_CREATOR_Person p ON p.a = c.id WHERE m.b = ?1 ORDER BY c.day DESC, c.id LIMIT 20
