"""Pruning: where leaving out rows of a table, or reading it in parts, can't change an answer."""
