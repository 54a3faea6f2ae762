"""Table formats whose state lies in the bucket itself: Iceberg, Delta; and Spark's schemas."""
