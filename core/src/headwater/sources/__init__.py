"""Sources that need no plugin: local files, and rows in memory."""
