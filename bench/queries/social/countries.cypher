MATCH (x:Country)<-[:IS_PART_OF]-(:City)<-[:IS_LOCATED_IN]-(:Person)<-[:HAS_CREATOR]-(m:Message) RETURN x.id, count(*) AS messages ORDER BY messages DESC, x.id
