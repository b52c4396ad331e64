SELECT count(*) FROM Comment_REPLY_OF_Post r JOIN Comment_HAS_CREATOR_Person c ON c.a = r.a JOIN Post_HAS_CREATOR_Person p ON p.a = r.b JOIN knows k ON k.a = c.b AND k.b = p.b
