"""Misfits: values of text files that no column takes, told with their table, column, file and text.

DuckDB raises one text. It carries where the value stood as numbers, which are names again when the
error is told (`failures`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from headwater.engines.misfits import PART, SHOWN, misfit
from headwater.errors import EngineError
from headwater.sql.portable.spelling import cast, text
from headwater.tables.relation import DataFile, FileRelation
from headwater.types import DataType

if TYPE_CHECKING:
    from headwater.engines.embedded.formats.scans import Group

_TOLD: Final = re.compile(
    rf"headwater\(([a-z-]+)\): ([^{PART}]*){PART}(\d+){PART}(\d*){PART}([^{PART}]*){PART}"
    rf"([^{PART}]*){PART}(.*){PART}",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Place:
    """Files that are read by one scan.

    Args:
        relation: Whose they are.
        files: The files, as the scan counts them.
    """

    relation: FileRelation
    files: Sequence[DataFile]


@dataclass(frozen=True, slots=True)
class Misfits:
    """Writes the expressions that raise, for the lines of one scan.

    Args:
        number: Where its place stands among those of the read.
        index: Expression of the number of a row's file in that place, as a text.
    """

    number: int
    index: str = "CAST(file_index AS VARCHAR)"

    @classmethod
    def of(
        cls, relation: FileRelation, group: Group, files: Sequence[DataFile] | None = None
    ) -> Misfits:
        """Return those of a group's files, or of some of them."""
        group.contents.places.append(Place(relation, group.files if files is None else files))
        number = len(group.contents.places) - 1
        # A file may have a column that is called as DuckDB calls the number of the file.
        return cls(number) if files is None or len(files) > 1 else cls(number, "'0'")

    def raised(
        self, code: str, what: str, value: str, type_: DataType | str, *, column: str = "",
        kind: str = "''",
    ) -> str:  # fmt: skip
        """Return an expression that raises.

        Args:
            code: The error's.
            what: What is wrong with the value, to stand before it.
            value: The value, as SQL.
            type_: The type that the expression would have.
            column: The column that the value is for; empty where it is of a whole line.
            kind: What the value is, as SQL; chooses the hint.
        """
        shown = f"coalesce(left(CAST({value} AS VARCHAR), {SHOWN + 1}), '')"
        head = text(f"headwater({code}): {what}{PART}{self.number}{PART}")
        part = text(PART)
        message = (
            f"{head} || {self.index} || {text(f'{PART}{column}{PART}')} || {kind} "
            f"|| {part} || {shown} || {part}"
        )
        if isinstance(type_, str):
            return f"CAST(error({message}) AS {type_})"
        return cast(f"error({message})", type_)


def misfit_error(message: str, places: Sequence[Place]) -> EngineError | None:
    """Return the error that a text of DuckDB's stands for, if one of a misfit does."""
    match = _TOLD.search(message)
    if match is None:
        return None
    code, what, number, index, column, kind, value = match.groups()
    place = places[int(number)]
    file = place.files[int(index)].path if index else ""
    return misfit("embedded", code, what, str(place.relation.name), column, kind, file, value)
