"""What Iceberg and Delta tables say of themselves: what of it is data, and what we don't follow."""
