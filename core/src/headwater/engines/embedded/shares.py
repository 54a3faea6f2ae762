"""Shares: a table's files cut into parts that are read side by side, about as many bytes in each.

Small files share a share; a large one is cut between its row groups. What a file weighs is its
bytes, less those of columns that are not read. The order is the table's own: that of its scans, in
each that of its files, in each that of its rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from headwater.engines.embedded.files import Branch, Selection
from headwater.engines.embedded.formats.parquet_schema import row_groups

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LEAST: Final = 4 * 2**20
"""Bytes of a share, where there is more to read: to begin one takes some milliseconds."""
MOST: Final = 32 * 2**20
"""Bytes of a share, where a file can be cut: it fits the rows ahead a few times."""
_ENOUGH: Final = 2
"""Files of object storage for each reader, from which on none of them is cut."""
_FOR_EACH: Final = 4
"""Shares for each reader, so that all have something to do until the end."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """Whole files of one scan, or some rows of one.

    Args:
        branch: The scan.
        first: The first of its files.
        last: The one behind the last.
        weight: Bytes that are read of them, about.
        rows: The first row, and the one behind the last; None for all.
    """

    branch: Branch
    first: int
    last: int
    weight: float
    rows: tuple[int, int] | None = None

    @property
    def sql(self) -> str:
        return self.branch.part(self.first, self.last, self.rows)


def shares(
    connection: DuckDBPyConnection,
    selection: Selection,
    paths: Mapping[str, str],
    readers: int,
    size: int | None = None,
) -> list[str]:
    """Return a table as SELECTs of parts of its rows, in order; of one where it is not cut.

    Args:
        connection: Where row groups are asked for.
        selection: The table.
        paths: DuckDB's name of each of its files.
        readers: How many shares are read side by side.
        size: Bytes of a share; None for what suits the table.

    Raises:
        duckdb.Error: If a file can't be opened.
    """
    if any(b.scan.part is None for b in selection.branches):
        return [selection.sql]
    weight = sum(f.size * b.scan.used for b in selection.branches for f in b.scan.files)
    most = size or min(max(weight / (readers * _FOR_EACH), LEAST), MOST)
    filled = list(_filled(_pieces(connection, selection.branches, paths, most, readers), most))
    if len(filled) < 2:
        return [selection.sql]
    return ["\nUNION ALL\n".join(p.sql for p in share) for share in filled]


def _filled(pieces: Iterable[_Piece], size: float) -> Iterator[list[_Piece]]:
    """Yield neighbouring pieces together, while they are not more than one share."""
    share: list[_Piece] = []
    for piece in pieces:
        if share and sum(p.weight for p in share) + piece.weight > size:
            yield share
            share = []
        last = share[-1] if share else None
        if last and last.branch is piece.branch and last.rows is None and piece.rows is None:
            weight = last.weight + piece.weight
            share[-1] = _Piece(piece.branch, last.first, piece.last, weight)
        else:
            share.append(piece)
    if share:
        yield share


def _pieces(
    connection: DuckDBPyConnection,
    branches: Sequence[Branch],
    paths: Mapping[str, str],
    size: float,
    readers: int,
) -> Iterator[_Piece]:
    """Yield files, and of large ones neighbouring row groups together."""
    every = [(paths[f.path], f.size * b.scan.used) for b in branches for f in b.scan.files]
    far = any("://" in path for path, _ in every)
    large = [path for path, weight in every if weight > 1.5 * size]
    if far and len(every) >= _ENOUGH * readers:
        # Each share opens its files anew, and what is fetched is held beside what is made of it.
        large = []
    groups = defaultdict(list, row_groups(connection, large))
    for branch in branches:
        for place, file in enumerate(branch.scan.files):
            weight = file.size * branch.scan.used
            total = sum(groups[paths[file.path]])
            if len(groups[paths[file.path]]) < 2 or not total:
                yield _Piece(branch, place, place + 1, weight)
                continue
            first = last = 0
            for count in groups[paths[file.path]]:
                if last > first and (last + count - first) / total * weight > size:
                    part = (last - first) / total * weight
                    yield _Piece(branch, place, place + 1, part, (first, last))
                    first = last
                last += count
            part = (last - first) / total * weight
            yield _Piece(branch, place, place + 1, part, (first, last))
