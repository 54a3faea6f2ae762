"""Where in Parquet files the bytes lie that a read of some columns needs.

A reader that is given a file with holes takes what is missing for zeros, without a word. So a
column's bytes go on until something else begins, whatever their length is said to be: writers have
left the headers of pages out of it. Which bytes are a column's is told by its number, as it is for
DuckDB: what their writer calls them there need not be what it calls the column.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from headwater.engines.embedded.formats.parquet_schema import told
from headwater.sql.portable.spelling import texts

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Span: TypeAlias = "tuple[int, int]"
"""A first byte, and the one behind the last."""

_HEAD: Final = 4
"""Bytes before the first column: a place before them is none."""
_TAIL: Final = 8
"""Bytes behind the footer: its length, and the format's mark."""


@dataclass(frozen=True, slots=True)
class RowGroup:
    """A row group of a file.

    Args:
        rows: How many rows it has.
        spans: Where the columns lie that are read, and their filters.
    """

    rows: int
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Places:
    """Where a file's bytes lie.

    Args:
        groups: Its row groups, in order.
        footer: Where the footer lies, with what follows it.
    """

    groups: tuple[RowGroup, ...]
    footer: Span

    def spans(self, rows: tuple[int, int] | None) -> list[Span]:
        """Return where what is read of some rows lies, and the footer.

        Args:
            rows: The first row, and the one behind the last; None for all.
        """
        spans_, first = [self.footer], 0
        for group in self.groups:
            last = first + group.rows
            if rows is None or (first < rows[1] and last > rows[0]):
                spans_ += group.spans
            first = last
        return spans_


def places(
    connection: DuckDBPyConnection, paths: Sequence[str], leaves: Iterable[int]
) -> dict[str, Places]:
    """Return where the bytes lie of leaves of files, by path, as far as that is told.

    Args:
        connection: Where footers are asked for.
        paths: DuckDB's names of the files.
        leaves: Their numbers, among all leaves of a file.

    Raises:
        duckdb.Error: If a file can't be opened or is not Parquet.
    """
    numbers = ", ".join(map(str, leaves))

    def ask(cursor: DuckDBPyConnection, some: list[str]) -> list[tuple[str, Places]]:
        listed = texts(some)
        dictionary = f"CASE WHEN dictionary_page_offset >= {_HEAD} THEN dictionary_page_offset END"
        rows = cursor.execute(
            "WITH told AS MATERIALIZED (SELECT file_name AS f, row_group_id AS g, "
            "row_group_num_rows AS n, total_compressed_size AS z, column_id AS c, "
            # DuckDB begins with the dictionary, and goes on to what lies behind it (1.5.5).
            f"coalesce({dictionary}, data_page_offset) AS s, bloom_filter_offset AS b "
            f"FROM parquet_metadata({listed})), "
            "begun AS (SELECT f, s FROM told UNION SELECT f, b FROM told WHERE b IS NOT NULL), "
            "parts AS (SELECT f, s, lead(s) OVER (PARTITION BY f ORDER BY s) AS e FROM begun), "
            f"used AS (SELECT * FROM told WHERE {f'c IN ({numbers})' if numbers else 'false'}), "
            "read AS (SELECT f, g, s, z FROM used "
            "UNION ALL SELECT f, g, b, 0 FROM used WHERE b IS NOT NULL), "
            "groups AS (SELECT f, g, any_value(n) AS n FROM told GROUP BY f, g) "
            "SELECT groups.f, groups.g, groups.n, read.s, read.s + read.z, parts.e, "
            "read.s IS NOT NULL FROM groups "
            "LEFT JOIN read USING (f, g) LEFT JOIN parts ON parts.f = read.f AND parts.s = read.s "
            "ORDER BY groups.f, groups.g, read.s"
        ).fetchall()
        ends = cursor.execute(
            f"SELECT file_name, file_size_bytes, footer_size FROM parquet_file_metadata({listed})"
        ).fetchall()
        groups: dict[str, dict[int, tuple[int, list[Span]]]] = {path: {} for path in some}
        sizes = {path: size for path, size, _ in ends}
        for path, number, count, first, stated, following, is_read in rows:
            _, spans = groups[path].setdefault(number, (count, []))
            if is_read:
                last = max(stated or 0, following or sizes[path])
                spans.append((max(0, first or 0), min(last, sizes[path])))
        return [
            (
                path,
                Places(
                    tuple(RowGroup(count, tuple(spans)) for count, spans in groups[path].values()),
                    (max(0, size - _TAIL - footer), size),
                ),
            )
            for path, size, footer in ends
        ]

    return dict(one for part in told(connection, paths, ask) for one in part)


def joined(spans: Iterable[Span], gap: int) -> list[Span]:
    """Return spans in order, those together that lie no further apart than a gap.

    Args:
        spans: The spans; empty ones are left out.
        gap: Bytes between two that are worth no request of their own.
    """
    spans_: list[Span] = []
    for first, last in sorted(s for s in spans if s[0] < s[1]):
        if spans_ and first <= spans_[-1][1] + gap:
            spans_[-1] = spans_[-1][0], max(spans_[-1][1], last)
        else:
            spans_.append((first, last))
    return spans_
