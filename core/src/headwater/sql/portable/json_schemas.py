"""`schema_of_json`: the type that Spark infers of a JSON text, which is a constant."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from headwater import types as t
from headwater.sql.portable.pieces import Piece, Refusal, refuse_unless
from headwater.sql.portable.spelling import text
from headwater.types import DataType

_PLAIN_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MOST_LEVELS: Final = 100
_LONG_DIGITS: Final = t.decimal(20, 0)
"""The decimal that holds every bigint."""


def schema_of_json(arguments: list[Piece], type_: DataType) -> Piece:
    """Return the schema of a literal text, e.g. `'STRUCT<a: BIGINT>'`.

    Example: `schema_of_json('{"a": [1, 2.5]}')` -> `'STRUCT<a: ARRAY<DOUBLE>>'`

    Raises:
        Refusal: If there are options, or the text is no strict JSON.

    Source: Apache Spark 4.1, `JsonInferSchema`.
    """
    refuse_unless(len(arguments) == 1, "schema_of_json() with options")
    value = arguments[0].literal
    if not isinstance(value, str):
        raise Refusal("schema_of_json() of what is no literal text")
    try:
        parsed = json.loads(
            value, object_pairs_hook=_Fields, parse_int=_Digits, parse_constant=_refused
        )
        inferred = _inferred(parsed, 0)
    except (ValueError, RecursionError) as error:
        raise Refusal("schema_of_json() of a text that is no strict JSON") from error
    return Piece(text(_shown(_canonical(inferred) or _without_values(inferred))), type_)


class _Fields(list[tuple[str, Any]]):
    """The fields of an object, in their order."""


class _Digits(str):
    """A whole number as written."""


def _refused(word: str) -> None:
    raise ValueError(f"{word} is no number of JSON")


def _inferred(value: Any, depth: int) -> DataType:
    """Return the type of a value; of an empty text and of null nothing is known."""
    if depth > _MOST_LEVELS:
        raise ValueError("too many levels")
    if isinstance(value, _Fields):
        names = [name for name, _ in value]
        if len(set(names)) < len(names):
            raise ValueError("a name twice")
        fields = ((name, _inferred(x, depth + 1)) for name, x in value)
        return t.struct(*sorted(fields, key=lambda field: _units(field[0])))
    if isinstance(value, list):
        element = t.VOID
        for item in value:
            element = _common(element, _inferred(item, depth + 1))
        return t.array(element)
    if isinstance(value, _Digits):
        if -(2**63) <= int(value) < 2**63:
            return t.BIGINT
        digits = len(value.lstrip("-"))
        return t.decimal(digits, 0) if digits <= t.MOST_DIGITS else t.DOUBLE
    if isinstance(value, bool):
        return t.BOOLEAN
    if isinstance(value, float):
        return t.DOUBLE
    return t.VOID if value is None or value == "" else t.STRING


def _units(name: str) -> bytes:
    """Return the 16-bit units of a text, by which Java compares texts."""
    return name.encode("utf-16-be", "surrogatepass")


def _common(one: DataType, other: DataType) -> DataType:
    """Return what holds values of both types; a text, where nothing else does."""
    if one == other or other == t.VOID:
        return one
    if one == t.VOID:
        return other
    if one.name == other.name == "struct":
        mine, yours = dict(one.fields), dict(other.fields)
        names = sorted({*mine, *yours}, key=_units)
        both = ((n, _common(mine.get(n, t.VOID), yours.get(n, t.VOID))) for n in names)
        return t.struct(*both)
    if one.name == other.name == "array":
        return t.array(_common(one.element, other.element))
    if one.is_numeric and other.is_numeric:
        if t.DOUBLE in (one, other):
            return t.DOUBLE
        kinds = [_LONG_DIGITS if x == t.BIGINT else x for x in (one, other)]
        return t.decimal(max(k.precision or 0 for k in kinds), 0)
    return t.STRING


def _canonical(type_: DataType) -> DataType | None:
    """Return a type without empty structs, and with texts for what is not known."""
    if type_.name == "array":
        element = _canonical(type_.element)
        return t.array(element) if element is not None else None
    if type_.name == "struct":
        fields = [(n, _canonical(x)) for n, x in type_.fields if n]
        kept = [(n, x) for n, x in fields if x is not None]
        return t.struct(*kept) if kept else None
    return t.STRING if type_ == t.VOID else type_


def _without_values(type_: DataType) -> DataType:
    """Return what Spark says where nothing is left of a type."""
    if type_.name == "array" and type_.element.name == "struct":
        return t.array(t.struct())
    return t.struct() if type_.name == "struct" else t.STRING


def _shown(type_: DataType) -> str:
    """Return a type as Spark writes it in capitals, the names of fields in backticks if odd."""
    if type_.name == "array":
        return f"ARRAY<{_shown(type_.element)}>"
    if type_.name == "struct":
        return f"STRUCT<{', '.join(f'{_name(n)}: {_shown(x)}' for n, x in type_.fields)}>"
    return str(type_).upper()


def _name(name: str) -> str:
    return name if _PLAIN_NAME.fullmatch(name) else f"`{name.replace('`', '``')}`"
