"""Amazon S3 for headwater: read a model's files straight from a bucket."""
