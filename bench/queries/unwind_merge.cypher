// $rows: pairs
UNWIND $rows AS key MERGE (n:Node {key: key}) ON CREATE SET n.note = 1
