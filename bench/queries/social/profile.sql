SELECT p.name, p.day, l.b FROM Person p JOIN Person_IS_LOCATED_IN_City l ON l.a = p.id WHERE p.id = ?1
