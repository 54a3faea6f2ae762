"""Spark SQL against a Glue catalog: views become queries, and queries are checked."""
