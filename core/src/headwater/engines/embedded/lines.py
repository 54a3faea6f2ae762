"""Text files as lines: the ground of every text format, cut where Hadoop's reader cuts.

DuckDB's CSV reader gives whole lines when its delimiter does not occur: it ends them at newline,
carriage return, or both, takes a byte order mark off, and opens gzip and zstd by their file names.
Strictly, it holds each file to one kind of line ends and fails on others; otherwise it would take
them for empty lines, or lose the text after them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from headwater.engines.embedded.paths import check_length, is_remote
from headwater.engines.embedded.scans import Group
from headwater.errors import UnsupportedError
from headwater.relation import FileRelation
from headwater.sql.portable.spelling import text

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_NEVER: Final = "\x1c\x1d\x1e\x1f"
"""A delimiter that no line holds; one that does is an error of DuckDB's, not other rows."""

_LONGEST: Final = 16 * 2**20
_READ_AHEAD: Final = 2 * 2**16
_COMPRESSED: Final = {".gz": "gzip", ".zst": "zstd"}
_NOT_READ: Final = frozenset({".bz2", ".snappy", ".lz4", ".deflate", ".xz", ".lzo", ".zip"})
_PROBES: Final = 16


def check_sizes(
    connection: DuckDBPyConnection, relation: FileRelation, group: Group, paths: Mapping[str, str]
) -> list[str]:
    """Return DuckDB's names of a group's files, after objects were asked for their lengths.

    Raises:
        DataChangedError: If one has another length than the plan saw.
    """
    listed = [paths[f.path] for f in group.files]
    remote = [f for f in group.files if is_remote(f.path)]
    found: dict[str, int] = {}

    def ask(names: list[str]) -> list[tuple[str, int]]:
        sql = "SELECT filename, size FROM read_blob(?)"
        return connection.cursor().execute(sql, [names]).fetchall()

    if remote:
        names = [paths[f.path] for f in remote]
        count = min(_PROBES, len(names))
        with ThreadPoolExecutor(max_workers=count) as pool:
            for part in pool.map(ask, [names[i::count] for i in range(count)]):
                found.update(part)
    for file in remote:
        check_length(relation, file, found[paths[file.path]])
    return listed


def source(relation: FileRelation, paths: Sequence[str], *, skip: bool) -> str:
    """Return a FROM item with the columns `line` (NULL where empty) and `file_index`.

    Args:
        relation: Whose files they are, for errors.
        paths: DuckDB's names of the files.
        skip: Whether the first line of each file is left out.

    Raises:
        UnsupportedError: If a file is compressed in a way that DuckDB can't read.
    """
    alike: dict[str, list[int]] = {}
    for number, path in enumerate(paths):
        alike.setdefault(_compression(relation, path), []).append(number)
    more = "skip = 1" if skip else "skip = 0"
    parts = []
    for compression, indexes in alike.items():
        reader = _reader([paths[i] for i in indexes], compression, _LONGEST, more)
        index = f"({indexes})[CAST(file_index AS BIGINT) + 1]"
        parts.append(f"SELECT line, {index} AS file_index FROM {reader}")
    return reader if len(parts) == 1 else f"({' UNION ALL '.join(parts)})"


def blank_firsts(
    connection: DuckDBPyConnection, relation: FileRelation, paths: Sequence[str]
) -> list[str]:
    """Return the files whose first line is blank: Spark takes a later line for their header."""

    def blank(path: str) -> bool:
        reader = _reader([path], _compression(relation, path), _READ_AHEAD, "skip = 0")
        row = connection.cursor().execute(f"SELECT line FROM {reader} LIMIT 1").fetchone()
        return row is not None and not (row[0] or "").strip()

    with ThreadPoolExecutor(max_workers=min(_PROBES, len(paths))) as pool:
        return [p for p, found in zip(paths, pool.map(blank, paths), strict=True) if found]


def _reader(paths: Sequence[str], compression: str, longest: int, more: str) -> str:
    listed = ", ".join(text(p) for p in paths)
    return (
        f"read_csv([{listed}], columns = {{'line': 'VARCHAR'}}, delim = {text(_NEVER)}, "
        f"quote = '', escape = '', auto_detect = false, strict_mode = true, "
        f"hive_partitioning = false, "
        f"compression = '{compression}', max_line_size = {longest}, {more})"
    )


def _compression(relation: FileRelation, path: str) -> str:
    suffix = PurePosixPath(path).suffix.lower()
    if suffix in _NOT_READ:
        raise UnsupportedError(
            f"table {relation.name}: DuckDB does not read {suffix} files ({path})",
            hint="use the spark engine for this table",
        )
    return _COMPRESSED.get(suffix, "none")


def checked_options(
    relation: FileRelation, options: Mapping[str, str], known: Mapping[str, str | None]
) -> dict[str, str]:
    """Return a format's options, lower-cased, with defaults.

    Args:
        relation: Whose they are, for errors.
        options: As given.
        known: The options that are honoured, with their defaults; a default of None: no value.

    Raises:
        UnsupportedError: If one is not honoured.
    """
    given = {k.lower(): v for k, v in options.items()}
    names = {k.lower(): k for k in known}
    if strange := sorted(set(given) - set(names)):
        raise UnsupportedError(
            f"table {relation.name}: the embedded engine does not honour the reader options "
            f"{', '.join(strange)}",
            hint="use the spark engine for this table",
        )
    merged = {k.lower(): v for k, v in known.items() if v is not None}
    return merged | given


def is_true(options: Mapping[str, str], name: str) -> bool:
    """Return whether an option is `true`."""
    return options.get(name, "false").strip().lower() == "true"
