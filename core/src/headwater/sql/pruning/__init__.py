"""Pruning: where leaving out rows of a table provably can't change an answer."""
