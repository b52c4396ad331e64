SELECT count(*) FROM knows k JOIN knows l ON l.a = k.b JOIN Person_HAS_INTEREST_Tag i ON i.a = l.b WHERE k.a <> l.b
