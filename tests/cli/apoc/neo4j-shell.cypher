BEGIN
CREATE CONSTRAINT UNIQUE_IMPORT_NAME FOR (node:`UNIQUE IMPORT LABEL`) REQUIRE (node.`UNIQUE IMPORT ID`) IS UNIQUE;
CREATE RANGE INDEX FOR (n:Bar) ON (n.first_name, n.last_name);
CREATE CONSTRAINT uniqueConstraint FOR (node:Foo) REQUIRE (node.name) IS UNIQUE;
COMMIT
SCHEMA AWAIT
BEGIN
UNWIND [{_id:3, properties:{age:12}}] AS row
CREATE (n:`UNIQUE IMPORT LABEL`{`UNIQUE IMPORT ID`: row._id}) SET n += row.properties SET n:Bar:`odd ``label`;
UNWIND [{_id:2, properties:{first_name:"it's; a \"test\"\n// no comment", age:12, tags:["a;b", 'c']}}] AS row
CREATE (n:`UNIQUE IMPORT LABEL`{`UNIQUE IMPORT ID`: row._id}) SET n += row.properties SET n:Bar:Person;
UNWIND [{name:"foo", properties:{born:date('2018-10-31'), at:datetime('2018-10-31T12:34:56.200000000Z'), where:point({x: 56.7, y: 12.78, z: 1.1, crs: 'cartesian-3d'}), long:duration('P5M1DT12H'), time:time('12:50:35.556000000Z'), local:localdatetime('2018-10-31T19:32:24')}}, {name:"bar", properties:{pi:3.14, big:9223372036854775807, no:false}}] AS row
CREATE (n:Foo{name: row.name}) SET n += row.properties;
COMMIT
BEGIN
UNWIND [{start: {name:"foo"}, end: {_id:2}, properties:{since:1993}}, {start: {name:"bar"}, end: {_id:3}, properties:{}}] AS row
MATCH (start:Foo{name: row.start.name})
MATCH (end:`UNIQUE IMPORT LABEL`{`UNIQUE IMPORT ID`: row.end._id})
CREATE (start)-[r:KNOWS]->(end)  SET r += row.properties;
COMMIT
BEGIN
MATCH (n:`UNIQUE IMPORT LABEL`)  WITH n LIMIT 20000 REMOVE n:`UNIQUE IMPORT LABEL` REMOVE n.`UNIQUE IMPORT ID`;
COMMIT
BEGIN
DROP CONSTRAINT UNIQUE_IMPORT_NAME;
COMMIT
