"""Shares: a table's files cut into parts that are read side by side, about as many bytes in each.

Small files share a share; a large one is cut between its row groups. What a file weighs is its
bytes, less those of columns that are not read. The order is the table's own: that of its scans, in
each that of its files, in each that of its rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from headwater.engines.embedded.files import FILE, Branch, Selection
from headwater.engines.embedded.formats.parquet_schema import row_groups
from headwater.tables.relation import DataFile

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LEAST: Final = 4 * 2**20
"""Bytes of a share, where there is more to read: to begin one takes some milliseconds."""
MOST: Final = 32 * 2**20
"""Bytes of a share, where a file can be cut: it fits the rows ahead a few times."""
MOST_FILES: Final = 32
"""Files of a share that are fetched before it is read."""
_ENOUGH: Final = 2
"""Files of object storage for each reader, from which on none of them is cut."""
_FOR_EACH: Final = 4
"""Shares for each reader, so that all have something to do until the end."""


@dataclass(frozen=True, slots=True)
class Piece:
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
    def files(self) -> tuple[DataFile, ...]:
        """The files."""
        return self.branch.scan.files[self.first : self.last]


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a table's rows.

    Args:
        pieces: What it is made of, in order.
    """

    pieces: tuple[Piece, ...]

    @property
    def files(self) -> tuple[DataFile, ...]:
        """The files of its pieces, in order."""
        return tuple(f for p in self.pieces for f in p.files)

    def sql(
        self,
        elsewhere: Mapping[str, str] = MappingProxyType({}),
        instead: Mapping[str, str] = MappingProxyType({}),
    ) -> str:
        """Return a SELECT of its rows.

        Args:
            elsewhere: Paths from which files are read in the place of DuckDB's own.
            instead: What columns give in the place of their values, by their names; `FILE` stands
                for the 0-based number of a row's file among the share's.
        """
        numbers = accumulate((len(p.files) for p in self.pieces), initial=0)
        return "\nUNION ALL\n".join(
            p.branch.part(
                p.first,
                p.last,
                p.rows,
                elsewhere,
                {c: value.replace(FILE, f"({number} + {FILE})") for c, value in instead.items()},
            )
            for p, number in zip(self.pieces, numbers, strict=False)
        )


def shares(
    connection: DuckDBPyConnection,
    selection: Selection,
    paths: Mapping[str, str],
    readers: int,
    size: int | None = None,
    fetched: frozenset[DataFile] = frozenset(),
) -> list[Share]:
    """Return a table in parts of its rows, in order; none where it is not cut.

    Args:
        connection: Where row groups are asked for.
        selection: The table.
        paths: DuckDB's name of each of its files.
        readers: How many shares are read side by side.
        size: Bytes of a share; None for what suits the table.
        fetched: Files that DuckDB does not fetch itself: to open one once more costs nothing.

    Raises:
        duckdb.Error: If a file can't be opened.
    """
    if any(b.scan.part is None for b in selection.branches):
        return []
    weight = sum(f.size * b.scan.used for b in selection.branches for f in b.scan.files)
    most = size or min(max(weight / (readers * _FOR_EACH), LEAST), MOST)
    pieces = _pieces(connection, selection.branches, paths, most, readers, fetched)
    filled = [Share(tuple(share)) for share in _filled(pieces, most, fetched)]
    return [] if len(filled) < 2 else filled


def _filled(
    pieces: Iterable[Piece], size: float, fetched: frozenset[DataFile]
) -> Iterator[list[Piece]]:
    """Yield neighbouring pieces together, while they are not more than one share.

    Files that are fetched share none with others, nor with more than may be open.
    """
    share: list[Piece] = []
    for piece in pieces:
        ours = piece.branch.scan.files[piece.first] in fetched
        if share and (
            sum(p.weight for p in share) + piece.weight > size
            or (share[-1].files[0] in fetched) != ours
            or (ours and sum(p.last - p.first for p in share) >= MOST_FILES)
        ):
            yield share
            share = []
        last = share[-1] if share else None
        if last and last.branch is piece.branch and last.rows is None and piece.rows is None:
            weight = last.weight + piece.weight
            share[-1] = Piece(piece.branch, last.first, piece.last, weight)
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
    fetched: frozenset[DataFile],
) -> Iterator[Piece]:
    """Yield files, and of large ones neighbouring row groups together."""
    every = [(f, f.size * b.scan.used) for b in branches for f in b.scan.files]
    far = any("://" in paths[f.path] for f, _ in every)
    # Each share opens its files anew, and what is fetched is held beside what is made of it.
    whole = far and len(every) >= _ENOUGH * readers
    large = [
        paths[f.path] for f, weight in every if weight > 1.5 * size and (not whole or f in fetched)
    ]
    groups = defaultdict(list, row_groups(connection, large))
    for branch in branches:
        for place, file in enumerate(branch.scan.files):
            weight = file.size * branch.scan.used
            total = sum(groups[paths[file.path]])
            if len(groups[paths[file.path]]) < 2 or not total:
                yield Piece(branch, place, place + 1, weight)
                continue
            first = last = 0
            for count in groups[paths[file.path]]:
                if last > first and (last + count - first) / total * weight > size:
                    part = (last - first) / total * weight
                    yield Piece(branch, place, place + 1, part, (first, last))
                    first = last
                last += count
            part = (last - first) / total * weight
            yield Piece(branch, place, place + 1, part, (first, last))
