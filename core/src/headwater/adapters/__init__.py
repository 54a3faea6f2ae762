"""Adapters: a dataset with its roles, in the words of another tool. Each imports its tool late."""
