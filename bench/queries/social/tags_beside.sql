SELECT u.b, count(*) AS posts FROM Post_HAS_TAG_Tag t JOIN Post_HAS_TAG_Tag u ON u.a = t.a WHERE t.b = ?1 AND u.b <> t.b GROUP BY u.b ORDER BY posts DESC, u.b LIMIT 10
