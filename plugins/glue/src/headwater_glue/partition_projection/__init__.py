"""Partition projection: partitions that a table declares in properties, not in a catalog."""
