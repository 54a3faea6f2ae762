"""Hive's JSON serdes on Spark: lines parsed by Spark, their keys told apart as the serdes do.

Spark's own JSON reader tells keys apart by case, takes texts for numbers and gives NULL for what it
does not understand. Here a line becomes a map of variants, and each value must be plainly of its
column's type, as on the embedded engine (`embedded/json_lines.py`); what is not raises.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from headwater.engines import text_shapes as shapes
from headwater.engines.spark.groups import FileGroup
from headwater.engines.spark.types import literal, raised, whole
from headwater.errors import UnsupportedError
from headwater.types import INTEGER_BITS, DataType

_Field: TypeAlias = "Callable[[str, str], str]"
"""`(object, key) -> value`, as SQL."""

FORMAT: Final = "hive-json"
_OPTIONS: Final = {"malformed": "fail", "keys": "ignore-case"}
_END: Final = "headwater: the end of a line"
_NEGATIVE_ZERO: Final = r"[:\[,]\s*-0([.]0*)?([eE][-+]?[0-9]+)?\s*[,}\]]"
_ESCAPED: Final = r"\\"
_PAIR: Final = r"\\u[dD][89abAB]..\\u[dD][c-fC-F].."
_SURROGATE: Final = r"\\u[dD][89a-fA-F]"


def is_row(line: str) -> str:
    """Return a condition for a line that is not blank."""
    return f"NOT {line} RLIKE {whole(shapes.BLANK)}"


def objects(line: str, group: FileGroup) -> str:
    """Return an expression for a line's object, a map of variants; NULL for one passed over.

    Args:
        line: The line, as SQL; never NULL.
        group: Whose lines they are.
    """
    # A value of its own after the line: parsers do not look at what follows a value.
    parsed = f"try_parse_json(concat('[', {line}, ',\"{_END}\"]'))"
    items = f"CAST({parsed} AS array<variant>)"
    ended = f"size({items}) = 2 AND CAST({items}[1] AS string) = {literal(_END)}"
    object_ = f"try_cast({items}[0] AS map<string,variant>)"
    # Variants have no negative zero, and texts no halves of characters.
    bare = f"regexp_replace(replace({line}, {literal(_ESCAPED)}, ''), {literal(_PAIR)}, '')"
    odd = (
        f"NOT is_valid_utf8({line}) OR {line} RLIKE {literal(_NEGATIVE_ZERO)} "
        f"OR {bare} RLIKE {literal(_SURROGATE)}"
    )
    broken = raised("a line is not plainly JSON")
    if _options(group)["malformed"] == "null":
        # What a more lenient parser reads, another serde may read too.
        broken = f"CASE WHEN get_json_object({line}, '$') IS NOT NULL THEN {broken} END"
    return (
        f"CASE WHEN {odd} THEN {raised('a line with values that JSON readers differ in')} "
        f"WHEN {parsed} IS NULL THEN {broken} "
        f"WHEN {ended} AND {object_} IS NOT NULL THEN {object_} "
        f"ELSE {raised('a line that is no JSON object, or has a key twice')} END"
    )


def values_of(object_: str, group: FileGroup) -> dict[str, str]:
    """Return an expression for each column of a group, by its name without case.

    Args:
        object_: A line's object, as SQL.
        group: The files.

    Raises:
        UnsupportedError: For a type that is not read from JSON here.
    """
    options = _options(group)
    renamed = {k.removeprefix("key."): v for k, v in options.items() if k.startswith("key.")}

    def field(of: str, key: str) -> str:
        if options["keys"] == "exact":
            return f"element_at({of}, {literal(key)})"
        same = f"map_values(map_filter({of}, (k, v) -> lower(k) = {literal(key.lower())}))"
        twice = raised(f"several keys that are {key!r} without case")
        return f"CASE WHEN size({same}) > 1 THEN {twice} ELSE get({same}, 0) END"

    found = {}
    for column in group.columns:
        folded = column.name.casefold()
        value = field(object_, renamed.get(folded, column.name))
        made = _converted(value, column.type, field)
        if made is None or renamed.keys() & column.type.nested_names:
            raise UnsupportedError(
                f"table {group.relation.name}: column {column.name} ({column.type}) is not read "
                "from JSON by Spark",
                hint="leave the column out of the table",
            )
        found[folded] = made
    return found


def _options(group: FileGroup) -> dict[str, str]:
    """Return a group's options, with defaults; those of keys as `key.<column>`, lower-cased.

    Raises:
        UnsupportedError: If one is not honoured.
    """
    given = {k.lower(): v for k, v in group.options.items()}
    if strange := sorted(k for k in given if k not in _OPTIONS and not k.startswith("key.")):
        raise UnsupportedError(
            f"table {group.relation.name}: the reader options {', '.join(strange)} of JSON serdes "
            "are not honoured",
            hint="convert the files to UTF-8 text without them",
        )
    return {**_OPTIONS, **given}


def _converted(value: str, type_: DataType, field: _Field) -> str | None:
    """Return an expression for a variant as a value of a type, or None where none is known."""
    if type_.name == "array":
        inner = _converted("e", type_.element, field)
        made = f"transform(CAST({value} AS array<variant>), e -> {inner})"
        return inner and _typed(value, type_, "ARRAY", made)
    if type_.name == "struct":
        of = f"CAST({value} AS map<string,variant>)"
        parts = [(n, _converted(field(of, n), child, field)) for n, child in type_.fields]
        if any(part is None for _, part in parts):
            return None
        made = f"named_struct({', '.join(f'{literal(n)}, {part}' for n, part in parts)})"
        return _typed(value, type_, "OBJECT", made)
    build = _BUILDERS.get(type_.name)
    return build(value, type_) if build else None


def _typed(value: str, type_: DataType, kinds: str, made: str, more: str = "true") -> str:
    kind = f"regexp_extract(schema_of_variant({value}), '^[A-Z]+', 0)"
    listed = ", ".join(literal(k) for k in kinds.split())
    other = raised(f"a JSON value that is not plainly {type_}")
    return (
        f"CAST(CASE WHEN {value} IS NULL OR is_variant_null({value}) THEN NULL "
        f"WHEN {kind} IN ({listed}) AND {more} THEN {made} ELSE {other} END AS {type_})"
    )


def _text(value: str) -> str:
    return f"CAST({value} AS string)"


def _string(value: str, type_: DataType) -> str:
    return _typed(value, type_, "STRING BIGINT BOOLEAN", _text(value))


def _integer(value: str, type_: DataType) -> str:
    half = 2 ** (INTEGER_BITS[type_.name] - 1)
    number = f"CAST({value} AS bigint)"
    fits = f"{number} BETWEEN {-half + 1}L - 1L AND {half - 1}L"
    return _typed(value, type_, "BIGINT", number, fits)


def _floating(value: str, type_: DataType) -> str:
    finite = f"abs(CAST({value} AS double)) < double('infinity')"
    # By its text: a double made a float would be rounded twice.
    number = f"CAST({_text(value) if type_.name == 'float' else value} AS {type_})"
    return _typed(value, type_, "DOUBLE DECIMAL BIGINT", number, finite)


def _boolean(value: str, type_: DataType) -> str:
    return _typed(value, type_, "BOOLEAN", f"CAST({value} AS boolean)")


def _date(value: str, type_: DataType) -> str:
    return _shaped(value, type_, shapes.DATE)


def _timestamp(value: str, type_: DataType) -> str:
    return _shaped(value, type_, shapes.ISO_TIMESTAMP)


def _shaped(value: str, type_: DataType, shape: str) -> str:
    fits = f"{_text(value)} RLIKE {whole(shape)}"
    return _typed(value, type_, "STRING", f"CAST({_text(value)} AS {type_})", fits)


_BUILDERS: Final[dict[str, Callable[[str, DataType], str]]] = {
    **dict.fromkeys(INTEGER_BITS, _integer),
    "string": _string,
    "float": _floating,
    "double": _floating,
    "boolean": _boolean,
    "date": _date,
    "timestamp": _timestamp,
}
