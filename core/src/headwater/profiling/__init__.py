"""Profiling: counts of a connection's rows that merge exactly, over edges fixed from training."""
