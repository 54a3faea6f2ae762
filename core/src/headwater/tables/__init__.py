"""Tables as catalogs know them, relations as engines read them, and windows of time over both."""
