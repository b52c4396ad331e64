// $low: 100
// $high: 131
MATCH ()-[r:LINK]->() WHERE r.weight >= $low AND r.weight <= $high RETURN count(*)
