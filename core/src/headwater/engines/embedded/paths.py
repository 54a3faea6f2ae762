"""What DuckDB calls a file: URIs of a plan as the paths that its readers take."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from headwater.errors import DataChangedError, UnsupportedError
from headwater.sources.local_files import local_path
from headwater.tables.relation import DataFile, FileRelation

_S3_SCHEMES = ("s3", "s3a", "s3n")
# DuckDB would expand these, or read what follows `?` as parameters.
_LOCAL_PATTERN = "*?"
_REMOTE_PATTERN = "*?[\\"


def duckdb_paths(relation: FileRelation) -> dict[str, str]:
    """Return DuckDB's name of each file of a relation, by the relation's own.

    Raises:
        UnsupportedError: For a storage that DuckDB can't read here, or a name that it would read
            as a pattern.
        DataChangedError: If a local file is gone or has another length than the plan saw.
    """
    return {file.path: _duckdb_path(relation, file) for file in relation.files}


def is_remote(path: str) -> bool:
    """Return whether a file lies in object storage."""
    return urlsplit(path).scheme in _S3_SCHEMES


def _duckdb_path(relation: FileRelation, file: DataFile) -> str:
    scheme, _, rest = file.path.partition("://")
    if rest and scheme in _S3_SCHEMES:
        return _plain(relation, f"s3://{rest}", _REMOTE_PATTERN)
    path = local_path(file.path)
    if path is None:
        raise UnsupportedError(
            f"table {relation.name}: the embedded engine does not read {scheme}:// ({file.path})",
            hint="it reads s3:// and local files",
        )
    _check_local(relation, file, path)
    return _plain(relation, str(path), _LOCAL_PATTERN)


def _plain(relation: FileRelation, path: str, patterns: str) -> str:
    if any(c in path for c in patterns):
        raise UnsupportedError(
            f"table {relation.name}: DuckDB would read the file name {path!r} as a pattern",
            hint="use the spark engine, or rename the file",
        )
    return path


def _check_local(relation: FileRelation, file: DataFile, path: Path) -> None:
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        raise DataChangedError(
            f"table {relation.name}: {file.path} was there when the read was planned and is gone",
            hint="plan the read again",
        ) from None
    check_length(relation, file, size)


def check_length(relation: FileRelation, file: DataFile, size: int) -> None:
    """Raise a `DataChangedError` if a file has another length than the plan saw."""
    if size != file.size:
        raise DataChangedError(
            f"table {relation.name}: {file.path} had {file.size} bytes when the read was planned "
            f"and has {size} now",
            hint="plan the read again",
        )
