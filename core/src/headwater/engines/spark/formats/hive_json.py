"""Hive's JSON serdes on Spark: lines parsed by Spark, their keys told apart as the serdes do.

Spark's own JSON reader tells keys apart by case, takes texts for numbers and gives NULL for what it
does not understand. Here a line becomes a map of variants, and each value must be plainly of its
column's type, as on the embedded engine (`embedded/json_lines.py`); what is not raises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, TypeAlias

from headwater.engines import text_shapes as shapes
from headwater.engines.file_groups import FileGroup
from headwater.engines.spark.types import literal, raised, whole
from headwater.engines.text_files import HIVE_OPTIONS, checked_options, renamed_keys
from headwater.errors import UnsupportedError
from headwater.tables.table import Column
from headwater.types import INTEGER_BITS, DataType

_Field: TypeAlias = "Callable[[str, str], str]"
"""`(object, key) -> value`, as SQL."""
_Odd: TypeAlias = "Callable[[str, DataType], str]"
"""`(value, type) -> expression` that raises for a value that is none of a type."""

_Builders: TypeAlias = "Mapping[str, Callable[[str, DataType, _Odd], str]]"

FORMAT: Final = "hive-json"
_END: Final = "headwater: the end of a line"
_NEGATIVE_ZERO: Final = r"[:\[,]\s*-0([.]0*)?([eE][-+]?[0-9]+)?\s*[,}\]]"
_ESCAPED: Final = r"\\"
_PAIR: Final = r"\\u[dD][89abAB]..\\u[dD][c-fC-F].."
_SURROGATE: Final = r"\\u[dD][89a-fA-F]"


def is_row(line: str) -> str:
    """Return a condition for a line that is not blank."""
    return f"NOT {line} RLIKE {whole(shapes.JSON_BLANK)}"


def objects(line: str) -> str:
    """Return an expression for a checked line's object, a map of variants; NULL for no object."""
    return f"try_cast({_items(line)}[0] AS map<string,variant>)"


def _items(line: str) -> str:
    # A value of its own after the line: parsers do not look at what follows a value.
    return f"CAST({_parsed(line)} AS array<variant>)"


def _parsed(line: str) -> str:
    return f"try_parse_json(concat('[', {line}, ',\"{_END}\"]'))"


def check(line: str, file: str, group: FileGroup) -> str:
    """Return a condition that is true of a line that is a row, or raises.

    Args:
        line: The line, as SQL; never NULL.
        file: The path of its file.
        group: Whose it is.
    """

    def odd(what: str, kind: str = " hive-json") -> str:
        return raised(what, table=group.relation.name, value=line, file=file, kind=literal(kind))

    parsed, items = _parsed(line), _items(line)
    ended = f"size({items}) = 2 AND CAST({items}[1] AS string) = {literal(_END)}"
    # Variants have no negative zero, and texts no halves of characters.
    bare = f"regexp_replace(replace({line}, {literal(_ESCAPED)}, ''), {literal(_PAIR)}, '')"
    strange = f"{line} RLIKE {literal(_NEGATIVE_ZERO)} OR {bare} RLIKE {literal(_SURROGATE)}"
    broken = odd("a line is not plainly JSON")
    if _options(group)["malformed"] == "null":
        none = shapes.no_object(line, _replaced, _matches, "+")
        broken = f"CASE WHEN {none} THEN true ELSE {broken} END"
    # A blank line is a row of NULLs to OpenX's serde; Hive's own fails on it, or gives the row
    # before it again.
    on_blank = "true" if _is_openx(group) else broken
    return (
        f"CASE WHEN NOT {is_row(line)} THEN {on_blank} "
        f"WHEN {strange} THEN {odd('a line with values that JSON readers differ in')} "
        f"WHEN {parsed} IS NULL THEN {broken} "
        f"WHEN {ended} AND {objects(line)} IS NOT NULL THEN true "
        f"ELSE {odd('a line that is no JSON object, or has a key twice')} END"
    )


def _is_openx(group: FileGroup) -> bool:
    """Return whether a group is read as OpenX's serde reads it."""
    return _builders(group) is _AS_OPENX


def with_floats(line: str, group: FileGroup) -> str:
    """Return a line in which bare NaN and Infinity are texts, where a serde takes both alike.

    Args:
        line: The line, as SQL; never NULL.
        group: Whose it is.
    """
    if not _is_openx(group):
        return line
    pattern = literal(f"(?s)({shapes.json_pieces('+')})")
    pieces = f"regexp_extract_all({line}, {pattern}, 1)"
    quoted = _replaced("t", shapes.BARE_FLOATS, '$1"$2"')
    parts = f"transform({pieces}, t -> IF(startswith(t, '\"'), t, {quoted}))"
    return shapes.with_floats(
        line, f"array_join({parts}, '')", lambda t: f"(try_parse_json({t}) IS NOT NULL)"
    )


def _replaced(value: str, pattern: str, by: str) -> str:
    return f"regexp_replace({value}, {literal(pattern)}, {literal(by)})"


def _matches(value: str, shape: str) -> str:
    return f"{value} RLIKE {whole(shape)}"


def values_of(object_: str, file: str, group: FileGroup) -> dict[str, str]:
    """Return an expression for each column of a group, by its name without case.

    Args:
        object_: A line's object, as SQL.
        file: The path of its file.
        group: The files.

    Raises:
        UnsupportedError: For a type that is not read from JSON here.
    """
    options = _options(group)
    renamed = renamed_keys(options)

    def field(of: str, key: str) -> str:
        if options["keys"] == "exact":
            return f"element_at({of}, {literal(key)})"
        same = f"map_values(map_filter({of}, (k, v) -> lower(k) = {literal(key.lower())}))"
        twice = raised(
            f"several keys that are {key!r} without case",
            table=group.relation.name, value=f"to_json({of})", file=file, kind="' keys'",
        )  # fmt: skip
        return f"CASE WHEN size({same}) > 1 THEN {twice} ELSE get({same}, 0) END"

    def odd_for(column: Column) -> _Odd:
        def odd(value: str, type_: DataType) -> str:
            kind = "' nested'"
            if type_ is column.type:
                variant_type = f"regexp_extract(schema_of_variant({value}), '^[A-Z]+', 0)"
                kind = f"concat({literal(f'{type_} ')}, {variant_type})"
            return raised(
                f"a JSON value that is not plainly {type_}",
                table=group.relation.name, value=f"to_json({value})", file=file,
                column=column.name, kind=kind,
            )  # fmt: skip

        return odd

    values = {}
    for column in group.columns:
        folded = column.name.casefold()
        value = field(object_, renamed.get(folded, column.name))
        converted = _converted(value, column.type, field, odd_for(column), _builders(group))
        if converted is None or renamed.keys() & column.type.nested_names:
            raise UnsupportedError(
                f"table {group.relation.name}: column {column.name} ({column.type}) is not read "
                "from JSON by Spark",
                hint="leave the column out of the table",
            )
        values[folded] = converted
    return values


def _options(group: FileGroup) -> dict[str, str]:
    return checked_options("spark", group, HIVE_OPTIONS[FORMAT])


def _builders(group: FileGroup) -> _Builders:
    return _AS_OPENX if _options(group)["quoted"] == "convert" else _AS_HIVE


def _converted(
    value: str, type_: DataType, field: _Field, odd: _Odd, builders: _Builders
) -> str | None:
    """Return an expression for a variant as a value of a type, or None where none is known."""
    if type_.name == "array":
        inner = _converted("e", type_.element, field, odd, builders)
        converted = f"transform(CAST({value} AS array<variant>), e -> {inner})"
        return inner and _typed(value, type_, odd, "ARRAY", converted)
    if type_.name == "struct":
        of = f"CAST({value} AS map<string,variant>)"
        parts = [
            (n, _converted(field(of, n), child, field, odd, builders)) for n, child in type_.fields
        ]
        if any(part is None for _, part in parts):
            return None
        converted = f"named_struct({', '.join(f'{literal(n)}, {part}' for n, part in parts)})"
        return _typed(value, type_, odd, "OBJECT", converted)
    build = builders.get(type_.name)
    return build(value, type_, odd) if build else None


def _typed(
    value: str, type_: DataType, odd: _Odd, kinds: str, converted: str, more: str = "true"
) -> str:
    kind = f"regexp_extract(schema_of_variant({value}), '^[A-Z]+', 0)"
    listed = ", ".join(literal(k) for k in kinds.split())
    other = odd(value, type_)
    return (
        f"CAST(CASE WHEN {value} IS NULL OR is_variant_null({value}) THEN NULL "
        f"WHEN {kind} IN ({listed}) AND {more} THEN {converted} ELSE {other} END AS {type_})"
    )


def _text(value: str) -> str:
    return f"CAST({value} AS string)"


def _string(value: str, type_: DataType, odd: _Odd) -> str:
    return _typed(value, type_, odd, "STRING BIGINT BOOLEAN", _text(value))


def _integer(value: str, type_: DataType, odd: _Odd) -> str:
    half = 2 ** (INTEGER_BITS[type_.name] - 1)
    number = f"CAST({value} AS bigint)"
    fits = f"{number} BETWEEN {-half + 1}L - 1L AND {half - 1}L"
    return _typed(value, type_, odd, "BIGINT", number, fits)


def _floating(value: str, type_: DataType, odd: _Odd) -> str:
    finite = f"abs(CAST({value} AS double)) < double('infinity')"
    # By its text: a double made a float would be rounded twice.
    number = f"CAST({_text(value) if type_.name == 'float' else value} AS {type_})"
    return _typed(value, type_, odd, "DOUBLE DECIMAL BIGINT", number, finite)


def _decimal(value: str, type_: DataType, odd: _Odd) -> str:
    # A number with an exponent is a double to a variant: what was written is lost.
    fits = _matches(_text(value), shapes.decimal_number(type_))
    number = f"CAST({_text(value)} AS {type_})"
    return _typed(value, type_, odd, "DECIMAL BIGINT STRING", number, fits)


def _quoted_integer(value: str, type_: DataType, odd: _Odd) -> str:
    half = 2 ** (INTEGER_BITS[type_.name] - 1)
    number = f"try_cast({_text(value)} AS bigint)"
    plain = _matches(_text(value), shapes.QUOTED_INTEGER)
    fits = f"({plain} AND {number} BETWEEN {-half + 1}L - 1L AND {half - 1}L)"
    return _typed(value, type_, odd, "BIGINT STRING", number, fits)


def _quoted_floating(value: str, type_: DataType, odd: _Odd) -> str:
    kind = f"regexp_extract(schema_of_variant({value}), '^[A-Z]+', 0)"
    number_in_text, bare = (_matches(_text(value), s) for s in (shapes.NUMBER, shapes.BARE_FLOAT))
    finite = f"abs(try_cast({_text(value)} AS double)) < double('infinity')"
    number = f"CAST({_text(value) if type_.name == 'float' else value} AS {type_})"
    return _typed(
        value, type_, odd, "DOUBLE DECIMAL BIGINT STRING",
        f"CASE WHEN {kind} = 'STRING' THEN try_cast({_text(value)} AS {type_}) ELSE {number} END",
        f"CASE WHEN {kind} = 'STRING' THEN ({number_in_text} AND {finite}) OR {bare} "
        f"ELSE {finite} END",
    )  # fmt: skip


def _quoted_boolean(value: str, type_: DataType, odd: _Odd) -> str:
    plain = _matches(_text(value), shapes.QUOTED_BOOLEAN)
    return _typed(value, type_, odd, "BOOLEAN STRING", f"(lower({_text(value)}) = 'true')", plain)


def _date(value: str, type_: DataType, odd: _Odd) -> str:
    return _shaped(value, type_, odd, shapes.DATE)


def _timestamp(value: str, type_: DataType, odd: _Odd) -> str:
    return _shaped(value, type_, odd, shapes.ISO_TIMESTAMP)


def _epoch_or_timestamp(value: str, type_: DataType, odd: _Odd) -> str:
    number = f"try_cast({_text(value)} AS bigint)"
    units = {shapes.EPOCH_SECONDS: "timestamp_seconds", shapes.EPOCH_MILLIS: "timestamp_millis"}
    since = {shape: f"{function}({number})" for shape, function in units.items()}
    converted, some = shapes.epoch_or_iso(
        since, f"CAST({_text(value)} AS {type_})", partial(_matches, _text(value))
    )
    return _typed(value, type_, odd, "STRING BIGINT", converted, some)


def _shaped(value: str, type_: DataType, odd: _Odd, shape: str) -> str:
    fits = _matches(_text(value), shape)
    return _typed(value, type_, odd, "STRING", f"CAST({_text(value)} AS {type_})", fits)


_AS_HIVE: Final[_Builders] = {
    **dict.fromkeys(INTEGER_BITS, _integer),
    "string": _string,
    "decimal": _decimal,
    "float": _floating,
    "double": _floating,
    "boolean": _quoted_boolean,
    "date": _date,
    "timestamp": _timestamp,
}
"""How values of each type are read."""
_AS_OPENX: Final[_Builders] = {
    **_AS_HIVE,
    **dict.fromkeys(INTEGER_BITS, _quoted_integer),
    "float": _quoted_floating,
    "double": _quoted_floating,
    "timestamp": _epoch_or_timestamp,
}
"""A serde that takes texts of plain numbers for such, bare NaN too, and numbers for times."""
