"""Proposing: what a table looks like as a model's data, for a person to correct."""
