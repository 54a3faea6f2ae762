"""Syntax: Spark's tokens and short forms, the tables that a query names, the nodes it may have."""
