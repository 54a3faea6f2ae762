"""Misfits: values of text files that no column takes, told with their table, column, file and text.

DuckDB raises one text. It carries where the value stood as numbers, which are names again when the
error is told (`failures`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from headwater.errors import EngineError
from headwater.relation import DataFile, FileRelation
from headwater.sql.portable.spelling import cast, text
from headwater.types import DataType

if TYPE_CHECKING:
    from headwater.engines.embedded.scans import Group

_SHOWN: Final = 120
"""Characters of a value that are told."""
_PART: Final = "\x1f"
_TOLD: Final = re.compile(
    rf"headwater\(([a-z-]+)\): ([^{_PART}]*){_PART}(\d+){_PART}(\d*){_PART}([^{_PART}]*){_PART}"
    rf"([^{_PART}]*){_PART}(.*){_PART}",
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
    """

    number: int

    @classmethod
    def of(cls, relation: FileRelation, group: Group) -> Misfits:
        """Return those of a group's files."""
        group.contents.places.append(Place(relation, group.files))
        return cls(len(group.contents.places) - 1)

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
        shown = f"coalesce(left(CAST({value} AS VARCHAR), {_SHOWN + 1}), '')"
        head = text(f"headwater({code}): {what}{_PART}{self.number}{_PART}")
        part = text(_PART)
        message = (
            f"{head} || CAST(file_index AS VARCHAR) || {text(f'{_PART}{column}{_PART}')} || {kind} "
            f"|| {part} || {shown} || {part}"
        )
        if isinstance(type_, str):
            return f"CAST(error({message}) AS {type_})"
        return cast(f"error({message})", type_)


def told(message: str, places: Sequence[Place]) -> EngineError | None:
    """Return the error that a text of DuckDB's stands for, if one of a misfit does."""
    found = _TOLD.search(message)
    if found is None:
        return None
    code, what, number, index, column, kind, value = found.groups()
    place = places[int(number)]
    where = f"table {place.relation.name}"
    if column:
        where += f", column {column!r}"
    if index:
        where += f", {place.files[int(index)].path}"
    shown = value if len(value) <= _SHOWN else f"{value[:_SHOWN]}..."
    return EngineError(
        f"embedded engine: {where}: {what}: {shown!r}", code=code, hint=_hint(column, kind)
    )


def _hint(column: str, kind: str) -> str:
    type_, _, held = kind.rpartition(" ")
    return _HINTS.get(held, "correct the value").format(column=column, type=type_)


_AS_TEXT: Final = (
    "correct the value; or declare the column {column} as string, in the catalog or the source's "
    "`columns`, and convert it in the query: TRY_CAST({column} AS {type}) is NULL where it can't be"
)
_HINTS: Final = {
    "text": _AS_TEXT,
    "VARCHAR": _AS_TEXT,
    "BIGINT": _AS_TEXT,
    "UBIGINT": _AS_TEXT,
    "BOOLEAN": _AS_TEXT,
    "DOUBLE": "correct the value; or declare the column {column} as double, in the catalog or the "
    "source's `columns`",
    "OBJECT": "correct the value; or declare the column {column} as a struct of the keys that are "
    "asked for, in the catalog or the source's `columns`",
    "ARRAY": "correct the value; or declare the column {column} as an array, in the catalog or the "
    "source's `columns`",
    "nested": "correct the value, or leave the column {column} out of the query",
    "keys": "write each key once",
    "quotes": "use the spark engine for this table, with the option multiLine=true if values hold "
    "line breaks",
    "hive-quotes": "write each record in one line, its quotes doubled or escaped; no engine here "
    "reads it otherwise",
    "json": "write one JSON object a line; the spark engine reads files whose objects go over "
    "several lines with the option multiLine=true",
    "hive-json": "write one JSON object a line, as the table's serde and Athena want it",
}
"""What to do, by what the value is."""
