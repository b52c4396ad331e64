// nasty.cypher — a graph of values that are easily lost on the way through text; test_shell.py dumps and restores it.
CREATE (:Person:`A``b c` {name: 'quote \' "', s: 'a\nb\r\t\\ \' é 🙂 \u0000 \u0007\u007f عربي e\u0301', empty: '', `key with ``tick`: 1, `1`: 2, `ключ`: 3}), (), ({x: 1});
CREATE (:V {i: 9223372036854775807}), (:V {i: -9223372036854775808}), (:V {i: 1.5}), (:V {i: 0.0 / 0.0}), (:V {i: 1.0 / 0.0}), (:V {i: -1.0 / 0.0}),
       (:V {i: 0.0}), (:V {i: -0.0}), (:V {i: 5e-324}), (:V {i: 1.7976931348623157e308}), (:V {i: 1e22}), (:V {i: true}), (:V {i: 'x'}),
       (:V {i: [1, 'a', 2.5, true, 0.0 / 0.0, date('2020-01-01')]}), (:V {i: []}), (:V {i: ['']}), (:V {i: [1.0, 2.0]});
CREATE (:B {b: fromText('bytes', '00ff10')}), (:B {b: fromText('bytes', '')}), (:B {b: [fromText('bytes', '00'), 'x']});
CREATE (:T {a: date('-999999999-01-01'), b: date('+999999999-12-31'), c: localtime('12:31:14.000000001'), d: time('00:00+18:00'),
            e: time('23:59:59.999999999-01:00:30'), f: localdatetime('+999999999-12-31T23:59:59.999999999'), g: datetime('2020-06-01T12:00[Europe/Berlin]'),
            h: datetime('2017-10-29T02:30+01:00[Europe/Berlin]'), i: fromText('datetime', '2020-01-01T00:00+02:00[Nowhere/None]'),
            j: fromText('datetime', '2020-01-01T00:00+05:00[Europe/Berlin]'), k: duration('P1Y2M-3DT-4H5.000000001S'),
            l: duration({seconds: 9223372036854775807}), m: duration({months: -5, seconds: -1, nanoseconds: 5}), n: datetime('0001-01-01T00:00Z'),
            o: [datetime('2020-06-01T12:00[Asia/Tokyo]'), duration('PT0S')]});
CREATE (:G {a: point({x: 1, y: 2}), b: point({x: 1.5, y: -2e300, z: 3}), c: point({longitude: 179.9, latitude: -90}),
            d: point({longitude: 1, latitude: 2, height: 3}), e: [point({x: 0, y: 0})]});
UNWIND range(1, 3) AS i CREATE (:Big {s: reduce(s = 'ab;\'\\', j IN range(1, 18) | s || s)}); // 1.3 MB each
MATCH (a:Person) CREATE (a)-[:`R x` {w: 1}]->(a), (a)-[:`R x` {w: 1}]->(a), (a)-[:`R x`]->(a);
MATCH (v:V), (t:T) CREATE (v)-[:TO]->(t), (v)-[:TO]->(t), (t)-[:BACK {since: date('2020-02-29'), s: 'x;y', l: [1, 2]}]->(v);
// more nodes than one statement holds, of kinds that alternate
UNWIND range(1, 2500) AS i FOREACH (x IN CASE i % 2 WHEN 0 THEN [i] ELSE [] END | CREATE (:Even {i: x})) FOREACH (x IN CASE i % 2 WHEN 1 THEN [i] ELSE [] END | CREATE (:Odd {i: x}));
MATCH (a:Even), (b:Odd) WHERE b.i = a.i + 1 CREATE (a)-[:NEXT]->(b), (b)-[:BEFORE {i: a.i}]->(a);
CREATE INDEX `odd ``name` FOR (n:Person) ON (n.name, n.s);
CREATE CONSTRAINT FOR (n:T) REQUIRE n.a IS UNIQUE;
CREATE CONSTRAINT both FOR (n:T) REQUIRE (n.a, n.b) IS NODE KEY;
CREATE CONSTRAINT FOR (n:`A``b c`) REQUIRE n.name IS NOT NULL;
CREATE CONSTRAINT FOR ()-[n:BACK]-() REQUIRE n.since IS NOT NULL;
CREATE CONSTRAINT FOR ()-[n:BACK]-() REQUIRE n.since IS :: DATE | STRING;
CREATE CONSTRAINT FOR (n:Nobody) REQUIRE n.x IS :: BOOLEAN | INTEGER | FLOAT | STRING | BYTES | DATE | LOCAL TIME | ZONED TIME | LOCAL DATETIME | ZONED DATETIME | DURATION | POINT | LIST<ANY>;
CREATE CONSTRAINT FOR (n:Nobody) REQUIRE n.y IS :: INTEGER | LIST<FLOAT> | LIST<ZONED DATETIME>;
CREATE INDEX FOR ()-[r:BACK]-() ON (r.s);
