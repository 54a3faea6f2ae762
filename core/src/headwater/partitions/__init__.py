"""Partitions: which of them a window needs, by a declared rule, a key or a directory."""
