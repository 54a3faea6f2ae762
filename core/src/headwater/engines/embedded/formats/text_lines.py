"""Text files as lines: the ground of every text format, cut where Hadoop's reader cuts.

DuckDB's CSV reader gives whole lines when its delimiter does not occur: it ends them at newline,
carriage return, or both, and takes a byte order mark off. Strictly, it holds each file to one kind
of line ends and fails on others; otherwise it would take them for empty lines, or lose the text
after them. Compressed files come from a reader of ours, which notices damage (`compressed`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from headwater.engines.embedded.formats import compressed_text, quoted_records
from headwater.engines.embedded.formats.compressed_text import CODECS, Compressed
from headwater.engines.embedded.formats.quoted_records import Grammar
from headwater.engines.embedded.formats.scans import Group
from headwater.engines.embedded.paths import check_length, is_remote
from headwater.engines.text_files import check_suffix
from headwater.errors import UnsupportedError
from headwater.sql.portable.spelling import name, text, texts
from headwater.tables.relation import FileRelation
from headwater.untrusted import limits

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_NEVER: Final = "\x1c\x1d\x1e\x1f"
"""A delimiter that no line holds; one that does is an error of DuckDB's, not other rows."""

_READ_AHEAD: Final = 2 * 2**16
_SPARK_READS: Final = frozenset({".snappy", ".lz4", ".deflate"})
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
    lengths: dict[str, int] = {}

    def ask(names: list[str]) -> list[tuple[str, int]]:
        sql = f"SELECT filename, size FROM read_blob({texts(names)})"
        return connection.cursor().execute(sql).fetchall()

    if remote:
        names = [paths[f.path] for f in remote]
        count = min(_PROBES, len(names))
        with ThreadPoolExecutor(max_workers=count) as pool:
            for part in pool.map(ask, [names[i::count] for i in range(count)]):
                lengths.update(part)
    for file in remote:
        check_length(relation, file, lengths[paths[file.path]])
    return listed


def source(
    relation: FileRelation, group: Group, paths: Sequence[str], *, skip: bool, encoding: str = ""
) -> str:
    """Return a FROM item with the columns `line` (NULL or empty where empty) and `file_index`.

    Args:
        relation: Whose files they are, for errors.
        group: The files.
        paths: DuckDB's names of the files.
        skip: Whether the first line of each file is left out.
        encoding: Python's name of what they are in; empty for UTF-8.

    Raises:
        UnsupportedError: If a file is compressed in a way that is not read here.
    """
    packed = _compressed(relation, group, paths, encoding)
    plain = [i for i in range(len(paths)) if i not in packed]
    parts = []
    if plain:
        more = "skip = 1" if skip else "skip = 0"
        reader = _reader([paths[i] for i in plain], limits.LINE_BYTES, more)
        index = f"({plain})[CAST(file_index AS BIGINT) + 1]"
        parts.append(f"SELECT line, {index} AS file_index FROM {reader}" if packed else reader)
    if packed:
        rows = compressed_text.stream(group.contents, relation, list(packed.values()), skip=skip)
        table = name(group.contents.register(rows))
        parts.append(f"SELECT line, file_index FROM {table}" if plain else table)
    return parts[0] if len(parts) == 1 else f"({' UNION ALL '.join(parts)})"


def whole_source(
    relation: FileRelation, group: Group, paths: Sequence[str], encoding: str = ""
) -> str:
    """Return a FROM item with each file's text as one `line`, beside its `file_index`.

    Args:
        relation: Whose files they are, for errors.
        group: The files.
        paths: DuckDB's names of the files.
        encoding: As in `source`.

    Raises:
        UnsupportedError: If a file is compressed in a way that is not read here.
    """
    files = _all(relation, group, paths, encoding)
    return name(group.contents.register(compressed_text.whole(group.contents, relation, files)))


def record_source(
    relation: FileRelation,
    group: Group,
    paths: Sequence[str],
    grammar: Grammar,
    *,
    skip: bool,
    encoding: str = "",
) -> str:
    """Return a FROM item with records that may go over several lines, as `source` gives lines.

    Args:
        relation: Whose files they are, for errors.
        group: The files.
        paths: DuckDB's names of the files.
        grammar: What the records are made of.
        skip: Whether the first record of each file is left out.
        encoding: As in `source`.

    Raises:
        UnsupportedError: If a file is compressed in a way that is not read here.
    """
    files = _all(relation, group, paths, encoding)
    rows = quoted_records.records(group.contents, relation, files, grammar, skip=skip)
    return name(group.contents.register(rows))


def _all(
    relation: FileRelation, group: Group, paths: Sequence[str], encoding: str
) -> list[Compressed]:
    """Return a group's files as readers of ours take them, compressed or not."""
    packed = _compressed(relation, group, paths, encoding)
    return [
        packed.get(number, Compressed(number, file, path, ""))
        for number, (file, path) in enumerate(zip(group.files, paths, strict=True))
    ]


def blank_firsts(
    connection: DuckDBPyConnection,
    relation: FileRelation,
    group: Group,
    paths: Sequence[str],
    encoding: str = "",
) -> list[str]:
    """Return the files whose first line is blank: Spark takes a later line for their header."""
    packed = _compressed(relation, group, paths, encoding)

    def blank(number: int) -> bool:
        if number in packed:
            first = compressed_text.first_line(group.contents, relation, packed[number])
            return first is not None and not first.strip()
        reader = _reader([paths[number]], _READ_AHEAD, "skip = 0")
        row = connection.cursor().execute(f"SELECT line FROM {reader} LIMIT 1").fetchone()
        return row is not None and not (row[0] or "").strip()

    with ThreadPoolExecutor(max_workers=min(_PROBES, len(paths))) as pool:
        return [
            p
            for p, is_blank in zip(paths, pool.map(blank, range(len(paths))), strict=True)
            if is_blank
        ]


def _reader(paths: Sequence[str], longest: int, more: str) -> str:
    listed = ", ".join(text(p) for p in paths)
    return (
        f"read_csv([{listed}], columns = {{'line': 'VARCHAR'}}, delim = {text(_NEVER)}, "
        f"quote = '', escape = '', auto_detect = false, strict_mode = true, "
        f"hive_partitioning = false, "
        f"compression = 'none', max_line_size = {longest}, {more})"
    )


def _compressed(
    relation: FileRelation, group: Group, paths: Sequence[str], encoding: str = ""
) -> dict[int, Compressed]:
    """Return those of a group's files that DuckDB can't read itself, by their places."""
    compressed = {}
    for number, (file, path) in enumerate(zip(group.files, paths, strict=True)):
        suffix = PurePosixPath(path).suffix.lower()
        check_suffix(relation, file)
        if suffix in _SPARK_READS:
            raise UnsupportedError(
                f"table {relation.name}: the embedded engine does not read {suffix} text "
                f"({file.path})",
                hint="use the spark engine for this table",
            )
        if encoding or suffix in CODECS:
            packed = CODECS.get(suffix, "")
            compressed[number] = Compressed(number, file, path, packed, encoding)
    return compressed


def is_true(options: Mapping[str, str], name: str) -> bool:
    """Return whether an option is `true`."""
    return options.get(name, "false").strip().lower() == "true"
