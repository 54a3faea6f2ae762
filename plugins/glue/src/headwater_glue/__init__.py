"""AWS Glue for headwater: discover the Data Catalog, check queries against it, read tables."""
