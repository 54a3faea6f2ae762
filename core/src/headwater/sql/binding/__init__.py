"""Binding: every name of a query to the column that it means, every expression to its type."""
