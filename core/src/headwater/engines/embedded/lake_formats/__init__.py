"""Iceberg and Delta on DuckDB: rows of the state that a plan pinned, as Arrow."""
