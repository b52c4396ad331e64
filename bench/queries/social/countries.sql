SELECT x.b, count(*) AS messages FROM person_country x JOIN message_creator c ON c.b = x.a GROUP BY x.b ORDER BY messages DESC, x.b
