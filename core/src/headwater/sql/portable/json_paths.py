"""`get_json_object` on valid JSON, for plain paths; other texts raise."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from headwater import types as t
from headwater.sql.portable.pieces import Piece, Refusal, made, refuse_unless
from headwater.sql.portable.raising import not_portable
from headwater.sql.portable.spelling import joined, text
from headwater.types import DataType

_STEP: Final = re.compile(
    r"\.(?P<name>[^.\[\]'\"\\*?$]+)|\['(?P<quoted>[^'\"\\*?]+)'\]|\[(?P<index>\d{1,9})\]"
)


def get_json_object(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `get_json_object(text, '$.a.b[0]')`.

    Example: `get_json_object(s, '$.x')`
        -> `CASE ... THEN json_extract("s", '$."x"') ->> '$' ELSE ... END`

    Raises:
        Refusal: If the path is not a literal of names and indexes.
    """
    refuse_unless(len(arguments) == 2, "get_json_object takes two arguments")
    value, path = arguments
    if value.type != t.STRING or not isinstance(path.literal, str):
        raise Refusal("get_json_object with a path that is not a literal")
    head, all_, tail = path.literal.partition(_ALL)
    if all_:
        names = _steps(f"${tail}") if tail else []
        plain = all(isinstance(n, str) for n in names)
        refuse_unless(plain, f"get_json_object with the path {path.literal!r}")
        sql = _found_all(value.sql, _steps(head) if head != "$" else [], names, type_)
    else:
        sql = found(value.sql, _steps(path.literal), type_)
    return made(sql, type_, [value], declines=True)


def _steps(path: str) -> list[str | int]:
    """Return the names and indexes of a path."""
    steps: list[str | int] = []
    position = 1
    while match := _STEP.match(path, position):
        index = match["index"]
        name = match["name"] or match["quoted"] or ""
        refuse_unless(name[:1] == name[:1].strip(), f"the path {path!r}: Spark skips white space")
        steps.append(name if index is None else int(index))
        position = match.end()
    if not path.startswith("$") or position < len(path) or not steps:
        raise Refusal(f"get_json_object with the path {path!r}: only names and indexes")
    return steps


def found(sql: str, steps: Sequence[str | int], type_: DataType, *, last: bool = False) -> str:
    """Return the text of what stands at a place of a JSON text, as Spark writes it.

    Args:
        sql: The JSON text.
        steps: The names and indexes on the way.
        type_: The type of the result.
        last: Whether of several values of a name Spark takes the last one, as `json_tuple` does.
    """
    invalid = not_portable("get_json_object of a text that is not plainly JSON", type_)
    odd = not_portable("a JSON value that the two engines write differently", type_)
    twice = not_portable("a JSON object that has a name twice", type_)
    extracted = f"json_extract({sql}, {_written(steps)})"
    nothing = f"CASE WHEN {_has_name_twice(sql, steps)} THEN {twice} END"
    again = f"WHEN {_has_name_twice(sql, steps)} THEN {twice} " if last else ""
    # Spark leaves out the NULL of a name, and writes that of an index.
    null = "'null'" if isinstance(steps[-1], int) else nothing
    return (
        f"CASE WHEN {sql} IS NULL OR sp_json_hopeless({sql}) THEN NULL "
        f"WHEN NOT sp_is_json({sql}) THEN {invalid} {again}"
        f"WHEN {extracted} IS NULL THEN {nothing} "
        f"WHEN json_type({extracted}) = 'NULL' THEN {null} "
        f"WHEN sp_json_plain({extracted}) THEN {extracted} ->> '$' ELSE {odd} END"
    )


def _found_all(
    sql: str, steps: Sequence[str | int], names: Sequence[str | int], type_: DataType
) -> str:
    """Return what stands at the names in all elements of an array: one as it is, several listed.

    Spark leaves out what is NULL behind a name, and elements without it.
    """
    invalid = not_portable("get_json_object of a text that is not plainly JSON", type_)
    odd = not_portable("a JSON value that the two engines write differently", type_)
    twice = not_portable("a JSON object that has a name twice", type_)
    path = f"{_path(steps)}{_ALL}"
    within = [f"{path}{_path(names[:i])[1:]}" for i in range(len(names))]
    again = " OR ".join(
        [
            _has_name_twice(sql, steps),
            *(
                f"len(list_filter(json_extract({sql}, {text(p)}), "
                "lambda z: sp_twice(json_keys(z)))) > 0"
                for p in within
            ),
        ]
    )
    some = "z IS NOT NULL AND json_type(z) <> 'NULL'" if names else "true"
    values = f"list_filter(json_extract({sql}, {text(path + _path(names)[1:])}), lambda z: {some})"
    texts = joined("list_transform(l, lambda z: CAST(z AS VARCHAR))", ",")
    listed = f"CAST('[' || {texts} || ']' AS JSON)"
    shown = (
        f"list_transform([{values}], lambda l: CASE WHEN len(l) = 0 THEN NULL "
        f"WHEN NOT sp_json_plain({listed}) THEN {odd} "
        f"WHEN len(l) = 1 THEN CAST(l[1] AS VARCHAR) ELSE CAST({listed} AS VARCHAR) END)[1]"
    )
    return (
        f"CASE WHEN {sql} IS NULL OR sp_json_hopeless({sql}) THEN NULL "
        f"WHEN NOT sp_is_json({sql}) THEN {invalid} WHEN {again} THEN {twice} ELSE {shown} END"
    )


_ALL: Final = "[*]"
"""All elements of an array, in both engines' paths."""


def _path(steps: Sequence[str | int]) -> str:
    """Return DuckDB's path of names and indexes."""
    return "$" + "".join(f"[{s}]" if isinstance(s, int) else f'."{s}"' for s in steps)


def _written(steps: Sequence[str | int]) -> str:
    """Return DuckDB's path of names and indexes, as a literal."""
    return text(_path(steps))


def _has_name_twice(sql: str, steps: Sequence[str | int]) -> str:
    """Return whether an object on the way has a name twice: Spark goes on to the second."""
    places = [i for i, s in enumerate(steps) if isinstance(s, str)]
    if not places:
        return "false"
    return " OR ".join(f"sp_twice(json_keys({sql}, {_written(steps[:i])}))" for i in places)
