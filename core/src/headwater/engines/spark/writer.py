"""Writing: a plan's rows from Spark to where they stay, without passing through this process.

Each write is whole or not at all:

    parquet      A directory of files, written beside its place under a hidden name and renamed.
                 Where renaming takes time (an object store copies), `_SUCCESS` is written last.
    delta        One commit of the table's log.
    iceberg      One snapshot, committed by the table's catalog.

The writing identity is the session's own: a plan's identities may read, and no more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from headwater.engines.spark.directories import Directories
from headwater.engines.spark.errors import failure, translated
from headwater.engines.spark.listings import path_of
from headwater.engines.spark.session.sessions import is_connect
from headwater.errors import AccessDeniedError, ConfigError, HeadwaterError, UnsupportedError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from headwater.interfaces.plan import Scan

_EXISTS: Final = re.compile(r"ALREADY_EXISTS|PATH_EXISTS|already exists")
_DENIED: Final = re.compile(r"AccessDenied|Access Denied|Status Code: 403")
_NO_CATALOG: Final = re.compile(
    r"REQUIRES_SINGLE_PART_NAMESPACE|CATALOG_NOT_FOUND|Catalog '[^']*' (plugin class )?not found"
)
_IN_TASKS: Final = {
    # Rows of a task appear when the job is whole, not when the task is.
    "mapreduce.fileoutputcommitter.algorithm.version": "1",
}
_UNMARKED: Final = {"mapreduce.fileoutputcommitter.marksuccessfuljobs": "false"}


def written(
    frame: DataFrame, target: str, format: str, *, overwrite: bool, scans: Sequence[Scan]
) -> int:
    """Write a DataFrame's rows.

    Args:
        frame: The rows.
        target: A URI or an absolute path; for `iceberg` a table's name, its catalog first.
        format: `parquet`, `delta` or `iceberg`.
        overwrite: Replace what is there.
        scans: What is read, for errors.

    Returns:
        How many rows were written.

    Raises:
        ConfigError: If there is something and `overwrite` is false, or something else than rows.
        AccessDeniedError: If the session may not write there.
        HeadwaterError: As a read fails.
    """
    place = target if format == "iceberg" else path_of(target)
    observed, counted = _counting(frame)
    with translated(scans, lambda text: _failure(text, place, target, scans)):
        _WRITERS[format](observed, place, overwrite)
        return int(counted.get["rows"])


def _counting(frame: DataFrame) -> tuple[DataFrame, Any]:
    """Return a DataFrame whose rows are counted on their way, and what counts them.

    pyspark has both for each kind of session; its public names give those of one kind only.
    """
    if is_connect(frame.sparkSession):
        from pyspark.sql.connect.functions import expr as remote_expr
        from pyspark.sql.connect.observation import Observation as RemoteObservation

        counted: Any = RemoteObservation("headwater")
        return frame.observe(counted, remote_expr("count(1)").alias("rows")), counted
    from pyspark.sql import Observation
    from pyspark.sql.functions import expr

    counted = Observation("headwater")
    return frame.observe(counted, expr("count(1)").alias("rows")), counted


def _parquet(frame: DataFrame, place: str, overwrite: bool) -> None:
    if is_connect(frame.sparkSession):
        if overwrite:
            raise UnsupportedError(
                "Spark Connect can't replace a directory of Parquet files as a whole: Spark "
                "deletes the old ones first",
                hint="write to a new path, or write_delta / write_iceberg",
            )
        frame.write.options(**_IN_TASKS).parquet(place, mode="error")
        return
    with Directories(frame.sparkSession).replaced(place, overwrite=overwrite) as hidden:
        frame.write.options(**_IN_TASKS, **_UNMARKED).parquet(hidden, mode="error")


def _delta(frame: DataFrame, place: str, overwrite: bool) -> None:
    writer = frame.write.format("delta").mode("overwrite" if overwrite else "error")
    writer.option("overwriteSchema", str(overwrite).lower()).save(place)


def _iceberg(frame: DataFrame, name: str, overwrite: bool) -> None:
    if len(name.split(".")) < 3:
        raise ConfigError(
            f"{name!r} names no catalog", hint="an Iceberg table is named catalog.database.table"
        )
    writer = frame.writeTo(name)
    if overwrite:
        writer.createOrReplace()
    else:
        writer.create()


_WRITERS: Final[dict[str, Callable[[DataFrame, str, bool], None]]] = {
    "parquet": _parquet,
    "delta": _delta,
    "iceberg": _iceberg,
}
FORMATS: Final = frozenset(_WRITERS)
"""Formats that are written by Spark."""


def _failure(text: str, place: str, target: str, scans: Sequence[Scan]) -> HeadwaterError:
    if place.partition(":")[2].lstrip("/") in text and _DENIED.search(text):
        return AccessDeniedError(
            f"spark engine: writing to {target} was denied",
            hint="Spark writes as itself, not as the identities that read: give it credentials for "
            "that place (spark.hadoop.fs.s3a.bucket.<bucket>...), or its role s3:PutObject, "
            "s3:DeleteObject and s3:ListBucket there",
        )
    if _EXISTS.search(text):
        return ConfigError(
            f"{target} exists", hint="choose another one, or pass overwrite=True (--overwrite)"
        )
    if _NO_CATALOG.search(text):
        return ConfigError(
            f"{target}: the session knows no catalog {target.partition('.')[0]!r}",
            hint="configure it: SparkEngine(conf={'spark.sql.catalog."
            f"{target.partition('.')[0]}': 'org.apache.iceberg.spark.SparkCatalog', ...}})",
        )
    return failure(text, scans)
