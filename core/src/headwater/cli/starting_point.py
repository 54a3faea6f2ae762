"""The configuration file that `init` writes: short, commented, and valid as it stands."""

from __future__ import annotations

from textwrap import indent
from typing import Final

from headwater.interfaces.specs import StartingPoint

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
        # A training and a testing set take the same keys. Actuals in a table of their own,
        # instead of the labels above:
        # actuals:
        #   source: {...}
        #   id_column: prediction_id
        #   timestamp_column: decided_at
        #   labels: {will_buy_insurance: did_buy_insurance}
"""

FILES: Final = StartingPoint(
    """\
type: files
format: parquet           # or csv, json, orc
tables:
  predictions: data/predictions/   # a file, or a folder; dt=2026-01-31/ is understood
# query: SELECT * FROM predictions WHERE owner IS NOT NULL   # any Spark SQL
# How the folders follow from time, so that only a window's folders are read:
# partitions:
#   predictions: {column: prediction_timestamp, keys: {dt: yyyy-MM-dd}}
""",
    table="a file or a folder, e.g. data/predictions/",
)
"""That of core's own files."""


def starting_point(point: StartingPoint) -> str:
    """Return the text of a configuration file with a source of that kind."""
    auth = f"\nauth:\n{indent(point.auth, '  ')}" if point.auth else ""
    return _HEAD + auth + _MODEL + indent(point.source, " " * 12) + _TAIL
