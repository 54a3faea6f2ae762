"""File formats on DuckDB: each as scans with Spark's columns, types and NULLs."""
