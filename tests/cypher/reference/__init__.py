"""The core of openCypher by definition, plain and slow: what random queries are compared with (tests/cypher/metamorphic.py).

values.py     values: equality, comparison, order, what makes two the same
temporal.py   dates and durations
language.py   queries as trees, and as text
evaluate.py   rows of a query on a graph
generate.py   random graphs and queries
"""
