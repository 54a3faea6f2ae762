"""The guard: an allow-list. What is not known to be harmless in a query is refused."""
