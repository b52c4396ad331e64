SELECT t.b, count(*) AS posts FROM knows k JOIN Post_HAS_CREATOR_Person c ON c.b = k.b JOIN Post_HAS_TAG_Tag t ON t.a = c.a WHERE k.a = ?1 GROUP BY t.b ORDER BY posts DESC, t.b LIMIT 10
