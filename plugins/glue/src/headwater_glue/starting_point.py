"""What `headwater init` writes for a table in Glue."""

from __future__ import annotations

from typing import Final

from headwater.interfaces.specs import StartingPoint
from headwater_aws.starting_point import LAKE

GLUE: Final = StartingPoint(
    """\
type: glue
database: my_db
region: us-east-1
query: SELECT * FROM model_predictions     # any Spark SQL
auth: lake
# How the partitions follow from time, so that only a window's partitions are read:
# partitions:
#   model_predictions: {column: prediction_timestamp, keys: {dt: yyyy-MM-dd}}
""",
    LAKE,
    "my_db.model_predictions",
)
