"""Spark's types in queries: literals, names, and how several values widen to one type."""
