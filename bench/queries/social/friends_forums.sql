SELECT m.a, count(DISTINCT k.b) AS friends FROM knows k JOIN Forum_HAS_MEMBER_Person m ON m.b = k.b WHERE k.a = ?1 GROUP BY m.a ORDER BY friends DESC, m.a LIMIT 20
