"""How DuckDB spells names, texts and types."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from headwater.types import DataType

_HEADS: Final = {
    "boolean": "BOOLEAN",
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "string": "VARCHAR",
    "char": "VARCHAR",
    "varchar": "VARCHAR",
    "binary": "BLOB",
    "date": "DATE",
    "timestamp": "TIMESTAMPTZ",
    "timestamp_ntz": "TIMESTAMP",
}


def name(text: str) -> str:
    """Return an identifier in double quotes."""
    return f'"{text.replace(chr(34), chr(34) * 2)}"'


def text(value: str) -> str:
    """Return a string literal; DuckDB's parser ends one at a zero, so that is put beside it."""
    quoted = value.replace("'", "''")
    if "\0" in quoted:
        return "(" + " || chr(0) || ".join(f"'{part}'" for part in quoted.split("\0")) + ")"
    return f"'{quoted}'"


def texts(values: Iterable[str]) -> str:
    """Return a list of string literals.

    What DuckDB is asked carries its texts so, not as bound parameters: these make it import pandas,
    a third of a second, where that is installed (`TransformPythonValue`, DuckDB 1.5).
    """
    return f"[{', '.join(map(text, values))}]"


def narrowed(sql: str, type_: DataType, *, trying: bool = False) -> str:
    """Return a cast of a number to a narrower type, which is made wherever its value is asked for.

    Instead of a cast DuckDB compares what is cast with a literal, `CAST(b AS INTEGER) > 5` as
    `b > 5`: what overflows in Spark then is an answer. A sum, called by its name, it leaves.

    Args:
        sql: What is cast.
        type_: A type of whole numbers, or a decimal.
        trying: Whether it gives NULL where the value has no place.
    """
    checked = f"add({cast(sql, type_, trying=trying)}, {cast('0', type_)})"
    return cast(checked, type_) if type_.name == "decimal" else checked


def joined(texts: str, separator: str) -> str:
    """Return a list of texts as one text; array_to_string makes NULL of an empty list.

    Args:
        texts: SQL of the list.
        separator: What stands between them.
    """
    empty = f"CASE WHEN len({texts}) = 0 THEN '' END"
    return f"coalesce(array_to_string({texts}, {text(separator)}), {empty})"


def variable(letter: str, type_: DataType) -> str:
    """Return a name of a lambda's variable over values of a type that no lambda within has."""
    return f"{letter}{type_.parts}"


def decimal_text(digits: int, scale: int) -> str:
    """Return a number of units of the last place as text: 125 and 2 -> 1.25."""
    shown = str(digits).rjust(scale + 1, "0")
    return f"{shown[:-scale]}.{shown[-scale:]}" if scale else shown


def has_type(type_: DataType) -> bool:
    """Return whether DuckDB has a type for it, with the same values; of spans, a number of them."""
    built = ("decimal", "array", "map")
    return all(
        part.name in _HEADS or part.name in built or is_span(part)
        or (part.name == "struct" and part.children)
        for part in type_.walk()
    )  # fmt: skip


def is_span(type_: DataType) -> bool:
    """Return whether a type is an interval of months, or of microseconds.

    Compiled queries count both; Spark's calendar interval has no such number.
    """
    return type_.name == "interval" and bool(type_.field_names)


def has_spans(type_: DataType) -> bool:
    """Return whether there are intervals in a type."""
    return any(is_span(part) for part in type_.walk())


def in_months(type_: DataType) -> bool:
    """Return whether an interval type counts months, and no microseconds."""
    return is_span(type_) and type_.field_names[0] in ("year", "month")


def type_name(type_: DataType) -> str:
    """Return DuckDB's type for a column type.

    Raises:
        ValueError: If it has none (`has_type`).
    """
    match type_.name:
        case "decimal":
            return f"DECIMAL({type_.precision},{type_.scale})"
        case "array":
            return f"{type_name(type_.element)}[]"
        case "map":
            return f"MAP({type_name(type_.key)}, {type_name(type_.value)})"
        case "struct":
            fields = ", ".join(f"{name(n)} {type_name(c)}" for n, c in type_.fields)
            return f"STRUCT({fields})"
    if is_span(type_):
        return "INTEGER" if in_months(type_) else "BIGINT"
    if type_.name not in _HEADS:
        raise ValueError(f"DuckDB has no type for {type_}")
    return _HEADS[type_.name]


def cast(value: str, type_: DataType, *, trying: bool = False) -> str:
    """Return an expression cast to a column type; `trying` gives NULL where the cast fails."""
    return f"{'TRY_' * trying}CAST({value} AS {type_name(type_)})"


def null(type_: DataType) -> str:
    """Return a typed NULL."""
    return cast("NULL", type_)
