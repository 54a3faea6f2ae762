"""What `headwater init` writes for files in S3."""

from __future__ import annotations

from typing import Final

from headwater.interfaces.specs import StartingPoint
from headwater_aws.starting_point import LAKE

S3: Final = StartingPoint(
    """\
type: s3
# Dates in the path follow from time_column: only a window's folders are read. Folders
# like dt=2026-01-31/ are understood too: path: s3://my-lake/model_predictions/
path: s3://my-lake/model_predictions/%Y/%m/%d/*.parquet
time_column: prediction_timestamp
format: parquet           # or csv, json, orc, avro, delta, iceberg
region: us-east-1
auth: lake
# query: SELECT * FROM {data} WHERE owner IS NOT NULL       # any Spark SQL
""",
    LAKE,
    "s3://my-lake/model_predictions/%Y/%m/%d/*.parquet",
)
