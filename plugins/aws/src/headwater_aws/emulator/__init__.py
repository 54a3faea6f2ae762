"""A strict emulator of the parts of AWS that a reader of Glue and S3 meets.

It is not AWS. See `headwater_aws.testing` for what it promises and what it leaves out.
"""
