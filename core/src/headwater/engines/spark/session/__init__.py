"""Sessions of Spark: the caller's, our own, a Connect server's; what they need and promise."""
