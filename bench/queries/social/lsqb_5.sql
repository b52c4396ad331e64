SELECT count(*) FROM reply r JOIN message_tag t ON t.a = r.b JOIN Comment_HAS_TAG_Tag u ON u.a = r.a WHERE t.b <> u.b
