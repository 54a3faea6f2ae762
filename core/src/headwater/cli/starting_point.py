"""The configuration file that `init` writes: short, commented, and valid as it stands."""

from __future__ import annotations

from typing import Final

_HEAD: Final = """\
# What your models are monitored on. `headwater check` proves it, `headwater plan` explains a read.
#
# Any value may come from the environment: ${env:NAME}, or ${env:NAME:-default}.
# Secrets stand here by reference only: env:NAME or file:/path.
# For completion in an editor: headwater config-schema --out headwater.schema.json
version: 1

# auto: in this process where the query allows Spark's exact answers, else Spark.
engine: {type: auto}
"""

_MODEL: Final = """
models:
  insurance:                          # the model's id: choose your own
    name: Insurance purchase
    versions:
      v1:
        model_type: binary            # or regression, multiclass, multi-label, ranking
        # Types: numeric, categorical, string, boolean, datetime, text, vector, array, dict,
        # and {type: tensor, dimensions: [768]}.
        features:
          amount: numeric
          owner: string
        predictions:
          will_buy_insurance: boolean
          proba: numeric
        serving:                      # the log of predictions made in production
          source:
"""

_TAIL: Final = """\
          id_column: prediction_id
          timestamp_column: prediction_timestamp
          # A field takes the column of its own name; say so where the names differ:
          # features: {amount: amount_usd}
          # Actuals in the same table, NULL until known:
          # labels: {will_buy_insurance: did_buy_insurance}
          # When these were set, so that a read can be --as-of a moment:
          # label_timestamp_column: decided_at
          # Refuse reads that may read more than this:
          # max_bytes: 50 GB
        # A training and a testing set take the same keys. Actuals in a table of their own:
        # actuals:
        #   source: {...}
        #   id_column: prediction_id
        #   timestamp_column: decided_at
        #   labels: {will_buy_insurance: did_buy_insurance}
"""

SOURCES: Final = {
    "files": """\
            type: files
            format: parquet           # or csv, json, orc
            tables:
              predictions: data/predictions/   # a file, or a folder; dt=2026-01-31/ is understood
            # query: SELECT * FROM predictions WHERE owner IS NOT NULL   # any Spark SQL
            # How the folders follow from time, so that only a window's folders are read:
            # partitions:
            #   predictions: {column: prediction_timestamp, keys: {dt: yyyy-MM-dd}}
""",
    "glue": """\
            type: glue
            database: my_db
            region: us-east-1
            query: SELECT * FROM model_predictions     # any Spark SQL
            auth: lake
            # How the partitions follow from time, so that only a window's partitions are read:
            # partitions:
            #   model_predictions: {column: prediction_timestamp, keys: {dt: yyyy-MM-dd}}
""",
    "s3": """\
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
}
"""The source's part, by kind."""

_LAKE: Final = """
auth:
  lake:
    type: oidc-role                   # or default, profile, static, assume-role
    role_arn: ${env:LAKE_ROLE_ARN:-arn:aws:iam::123456789012:role/monitoring}
    token: file:${env:AWS_WEB_IDENTITY_TOKEN_FILE:-/var/run/secrets/token}
"""
_AUTH: Final = {"glue": _LAKE, "s3": _LAKE}


def starting_point(kind: str) -> str:
    """Return the text of a configuration file whose source is of that kind."""
    return _HEAD + _AUTH.get(kind, "") + _MODEL + SOURCES[kind] + _TAIL
