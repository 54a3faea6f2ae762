"""File formats on Spark: what its own readers would do in silence, told or done as Hive does."""
