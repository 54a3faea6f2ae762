"""Athena's views as Spark SQL.

An Athena view is stored in Trino's SQL, which neither Spark nor DuckDB runs. What is listed here is
translated, with types; everything else is refused, and the refusal names the construct.

    stored      unpacks a view as Athena stores it
    reading     Trino's text to sqlglot's tree, every call as it is written
    queries     SELECT, FROM, JOIN, UNION, WITH
    expressions names, literals, operators, CASE
    comparing   = < > and NaN
    casts       which casts mean the same
    functions   every function that carries over, and what its equality rests on
    aggregates  the same for aggregates and window functions

Equality throughout rests on: Athena's sessions and headwater's are in UTC; timestamps have no
digits beyond milliseconds (Athena cuts them off, Spark keeps them); texts are valid UTF-8.
"""
