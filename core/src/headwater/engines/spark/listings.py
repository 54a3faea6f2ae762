"""Listings: whether Spark is about to read exactly the files that the plan named.

Spark lists files itself when it opens a table, and keeps that listing while it reads. Two questions
are put to it, neither of which opens a file that is as planned:

    which files are there       `DataFrame.inputFiles`
    is one of another length    a filter on `_metadata`, which Spark answers from the listing and
                                uses to skip files before it reads them
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote

from headwater.engines.spark import streams
from headwater.engines.spark.types import literal
from headwater.errors import DataChangedError, UnsupportedError
from headwater.tables.relation import DataFile
from headwater.tables.table import TableName

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def listed(frame: DataFrame) -> dict[str, str]:
    """Return the files that a DataFrame over files will read.

    Returns:
        Spark's own spelling of each path (as in `_metadata.file_path`), by the plain path.
    """
    return {plain(path): _spelled(path) for path in frame.inputFiles()}


def plain(encoded: str) -> str:
    """Return a path that Spark percent-encoded, as `path_of` gives it."""
    return _slashes(unquote(encoded))


def path_of(file: str) -> str:
    """Return a plan's path with its scheme, e.g. `file:/data/part-0.parquet`.

    A path without a scheme lies on this machine.
    """
    return _slashes(file if "://" in file or file.startswith("file:") else f"file:{file}")


def _slashes(path: str) -> str:
    """Write `file:///a` and `file:/a` alike."""
    return re.sub(r"^file:/+", "file:/", path)


def _spelled(path: str) -> str:
    """`inputFiles` writes `file:///a` for what `_metadata.file_path` writes as `file:/a`."""
    return _slashes(path)


def check(
    frame: DataFrame, files: Mapping[str, DataFile], spelled: Mapping[str, str], table: TableName
) -> None:
    """Fail unless each file that Spark listed has the length that the plan saw.

    Args:
        frame: A DataFrame over the files.
        files: The planned files, by `path_of`.
        spelled: Spark's spelling of the same paths (`listed`).
        table: Whose files they are, for errors.

    Raises:
        DataChangedError: If a file is gone or has another length.
        UnsupportedError: If Spark does not read a file because of its name.
    """
    deleted = sorted(set(files) - set(spelled))
    if deleted:
        path = files[deleted[0]].path
        if path.rpartition("/")[2].startswith(("_", ".")):
            raise UnsupportedError(f"table {table}: Spark hides {path} because of its name")
        raise changed(table, path, "is gone")
    among = ", ".join(literal(f"{spelled[path]} {file.size}") for path, file in files.items())
    odd = frame.where(f"NOT concat(_metadata.file_path, ' ', _metadata.file_size) IN ({among})")
    _check_none(odd.selectExpr("_metadata.file_path", "_metadata.file_size"), files, table)


def _check_none(odd: DataFrame, files: Mapping[str, DataFile], table: TableName) -> None:
    """Fail if Spark would open a file for this DataFrame, whose filter no planned file passes."""
    with streams.opened(odd) as stream:
        for batch in stream:
            path, size = (column[0].as_py() for column in batch.columns)
            file = files[plain(path)]
            raise changed(
                table, file.path, f"had {file.size} bytes when the read was planned, has {size} now"
            )
        # A file that has no rows any more shows itself only as something to open.
        if stream.partitions:
            raise changed(table, f"one of {len(files)} files", "has another length than planned")


def changed(table: TableName, path: str, what: str) -> DataChangedError:
    """Return the error for a file that is not what the plan saw."""
    return DataChangedError(f"table {table}: {path} {what}", hint="plan the read again")
