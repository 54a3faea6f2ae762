"""What metadata of Iceberg and Delta tables a reader follows, and what it refuses."""
