"""Planning: from a bound query and its mapping to all that is decided before a byte is read."""
