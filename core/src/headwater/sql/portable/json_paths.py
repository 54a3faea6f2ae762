"""`get_json_object` on valid JSON, for plain paths; other texts raise."""

from __future__ import annotations

import re
from typing import Final

from headwater import types as t
from headwater.sql.portable.pieces import Piece, Refusal, refuse_unless
from headwater.sql.portable.raising import not_portable
from headwater.sql.portable.spelling import text
from headwater.types import DataType

_HOPELESS: Final = r"\s*(\{\s*[A-Za-z_](.|\n)*)?"
"""Nothing, or an object whose first name has no quotes: no path finds anything in it."""
_PATH: Final = re.compile(r"\$(?:\.[A-Za-z_][A-Za-z0-9_]*|\[\d{1,9}\])+")


def get_json_object(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `get_json_object(text, '$.a.b[0]')`.

    Example: `get_json_object(s, '$.x')`
        -> `CASE ... THEN json_extract("s", '$.x') ->> '$' ELSE ... END`

    Raises:
        Refusal: If the path is not a literal of names and indexes.
    """
    refuse_unless(len(arguments) == 2, "get_json_object takes two arguments")
    value, path = arguments
    if value.type != t.STRING or not isinstance(path.literal, str):
        raise Refusal("get_json_object with a path that is not a literal")
    if not _PATH.fullmatch(path.literal):
        raise Refusal(f"get_json_object with the path {path.literal!r}: only names and indexes")
    invalid = not_portable("get_json_object of a text that is not plainly JSON", type_)
    odd = not_portable("a JSON value that the two engines write differently", type_)
    twice = not_portable("a JSON object that has a name twice", type_)
    extracted = f"json_extract({value.sql}, {text(path.literal)})"
    nothing = f"CASE WHEN {_has_name_twice(value.sql, path.literal)} THEN {twice} END"
    # Spark leaves out the NULL of a name, and writes that of an index.
    null = "'null'" if path.literal.endswith("]") else nothing
    sql = (
        f"CASE WHEN {value.sql} IS NULL THEN NULL "
        f"WHEN regexp_full_match({value.sql}, {text(_HOPELESS)}) THEN NULL "
        f"WHEN NOT sp_is_json({value.sql}) THEN {invalid} "
        f"WHEN {extracted} IS NULL THEN {nothing} "
        f"WHEN json_type({extracted}) = 'NULL' THEN {null} "
        f"WHEN sp_json_plain({extracted}) THEN {extracted} ->> '$' ELSE {odd} END"
    )
    return Piece(sql, type_, raises=True)


def _has_name_twice(sql: str, path: str) -> str:
    """Return whether an object on the way has a name twice: Spark goes on to the second."""
    steps = [m.start() for m in re.finditer(r"\.", path)]
    if not steps:
        return "false"
    return " OR ".join(f"sp_twice(json_keys({sql}, {text(path[:end])}))" for end in steps)
