"""Identity: strategies that obtain it, sessions that hold it, tokens that prove it."""
