"""JSON as values and back: `from_json` and `to_json`.

Texts that Jackson and DuckDB may read differently (what is behind a first value, names in single
quotes, a name twice) raise; so does what they write differently.

Source: Apache Spark 4.1, `JacksonParser` and `JacksonGenerator`.
"""

from __future__ import annotations

import json
from typing import Final

from headwater import types as t
from headwater.sql.portable.casts import cast as to_type
from headwater.sql.portable.pieces import Piece, Refusal, made, refuse_unless
from headwater.sql.portable.raising import not_portable
from headwater.sql.portable.spelling import cast, joined, null, text, variable
from headwater.types import DataType

_FIELD: Final = set('"\\*')
"""Characters that DuckDB's paths can't hold between quotes."""
_WHOLE: Final = "('UBIGINT', 'BIGINT')"
_NUMBER: Final = "('UBIGINT', 'BIGINT', 'DOUBLE')"
_DAY: Final = "[1-9][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_CLOCK: Final = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?"
_ZONE: Final = "(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])?"
_LONG: Final = "[0-9][0-9.]{15,}"
"""Numbers of so many digits are others as doubles."""
_CORRUPT: Final = "_corrupt_record"
"""Spark gives the whole text in the field of this name where it can't read it."""
_PARTLY: Final = r"^[ \t\r\n]*\{[^}]*\{"
"""Of a text that ends within an object in another one Spark keeps what it read before."""


def path(name: str) -> str:
    """Return the path of a field of an object, as a literal.

    Raises:
        Refusal: If DuckDB's paths have no way to write the name.
    """
    refuse_unless(bool(name) and not _FIELD & set(name), f"the name {name!r} of a JSON field")
    return text(f'$."{name}"')


# -- to_json -------------------------------------------------------------------------------------


def to_json(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `to_json(value)`; fields that are NULL are left out.

    Example: `to_json(struct(i AS a))` -> `CASE ... '{' || concat_ws(',', '"a":' || ...) || '}' END`

    Raises:
        Refusal: If it has options, or types that Spark writes in its own way.
    """
    refuse_unless(len(arguments) == 1, "to_json() with options")
    (value,) = arguments
    sql, declines = _written(value.sql, value.type)
    return made(sql, type_, [value], declines=declines)


def _written(sql: str, type_: DataType) -> tuple[str, bool]:
    """Return the JSON of a value, NULL of NULL, and whether it may raise."""
    match type_.name:
        case "string":
            return f"CAST(to_json({sql}) AS VARCHAR)", False
        case "boolean" | "tinyint" | "smallint" | "int" | "bigint":
            return f"CAST({sql} AS VARCHAR)", False
        case "float" | "double":
            shown = to_type(Piece(sql, type_), t.STRING).sql
            return f"CASE WHEN isfinite({sql}) THEN {shown} ELSE '\"' || {shown} || '\"' END", True
        case "decimal":
            return _decimal(sql, type_)
        case "date":
            return f"'\"' || {to_type(Piece(sql, type_), t.STRING).sql} || '\"'", True
        case "timestamp" | "timestamp_ntz":
            wall = f"sp_wall({sql})" if type_ == t.TIMESTAMP else sql
            zone = "Z" if type_ == t.TIMESTAMP else ""
            other = not_portable("JSON of a year outside of 1000 to 9999", t.STRING)
            shown = f"strftime({wall}, '\"%Y-%m-%dT%H:%M:%S.%g{zone}\"')"
            inside = f"WHEN year({wall}) BETWEEN 1000 AND 9999 THEN {shown}"
            return f"CASE WHEN {sql} IS NULL THEN NULL {inside} ELSE {other} END", True
        case "binary":
            return f"'\"' || base64({sql}) || '\"'", False
        case "array":
            z = variable("j", type_)
            item, declines = _written(z, type_.element)
            listed = f"list_transform({sql}, lambda {z}: coalesce({item}, 'null'))"
            return f"'[' || {joined(listed, ',')} || ']'", declines
        case "map":
            return _map(sql, type_)
        case "struct":
            return _struct(sql, type_)
    raise Refusal(f"to_json() of {type_}")


def _decimal(sql: str, type_: DataType) -> tuple[str, bool]:
    shown = to_type(Piece(sql, type_), t.STRING).sql
    if (type_.scale or 0) <= 6:
        return shown, False
    small = not_portable("JSON of a decimal below 0.000001", t.STRING)
    return f"CASE WHEN abs({sql}) < 0.000001 THEN {small} ELSE {shown} END", True


def _map(sql: str, type_: DataType) -> tuple[str, bool]:
    z = variable("j", type_)
    plain = type_.key == t.STRING or type_.key.is_integer
    refuse_unless(plain, f"to_json() of a map by {type_.key}")
    key = f"CAST(to_json(CAST(struct_extract({z}, 'key') AS VARCHAR)) AS VARCHAR)"
    item, declines = _written(f"struct_extract({z}, 'value')", type_.value)
    entry = f"{key} || ':' || coalesce({item}, 'null')"
    listed = f"list_transform(map_entries({sql}), lambda {z}: {entry})"
    return f"CASE WHEN {sql} IS NOT NULL THEN '{{' || {joined(listed, ',')} || '}}' END", declines


def _struct(sql: str, type_: DataType) -> tuple[str, bool]:
    fields, declines = [], False
    for name, child in type_.fields:
        item, may = _written(f"struct_extract({sql}, {text(name)})", child)
        odd = any(c < " " for c in name)
        refuse_unless(not odd, f"to_json() of the field {name!r}, a control character")
        fields.append(f"{text(json.dumps(name, ensure_ascii=False) + ':')} || {item}")
        declines = declines or may
    shown = f"'{{' || concat_ws(',', {', '.join(fields)}) || '}}'"
    return f"CASE WHEN {sql} IS NOT NULL THEN {shown} END", declines


# -- from_json -----------------------------------------------------------------------------------


def from_json(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `from_json(text, 'schema')`: a field that has another type is NULL.

    Example: `from_json(s, 'a INT')` -> `CASE ... ELSE list_transform([...], lambda r: ...)[1] END`

    Raises:
        Refusal: If it has options, or a schema with types that Spark reads in its own way.
    """
    refuse_unless(len(arguments) == 2, "from_json() with options")
    value = arguments[0]
    s = value.sql
    refuse_unless(type_.name in ("struct", "array", "map"), f"from_json() as {type_}")
    names = {n.casefold() for n in type_.field_names}
    refuse_unless(_CORRUPT not in names, f"from_json() with {_CORRUPT}, the text that is no JSON")
    invalid = not_portable("from_json() of a text that is not plainly JSON", type_)
    nothing = _nothing(type_)
    parsed = f"CAST({s} AS JSON)"
    long = ""
    if any(part.name == "decimal" for part in type_.walk()):
        many = not_portable("a JSON number of so many digits, as a decimal", type_)
        long = f"WHEN regexp_matches({s}, '{_LONG}') THEN {many} "
    sql = (
        f"CASE WHEN {s} IS NULL OR regexp_full_match({s}, '[ \\t\\r\\n]*') THEN {null(type_)} "
        f"WHEN sp_json_hopeless({s}) AND NOT regexp_matches({s}, '{_PARTLY}') THEN {nothing} "
        f"WHEN NOT sp_is_json({s}) THEN {invalid} {long}"
        f"ELSE list_transform([{parsed}], lambda r: {_root('r', type_)})[1] END"
    )
    return made(sql, type_, [value], declines=True)


def _nothing(type_: DataType) -> str:
    """Return what comes of a text that is no JSON, or JSON of another kind."""
    if type_.name != "struct":
        return null(type_)
    return "{" + ", ".join(f"{text(n)}: {null(c)}" for n, c in type_.fields) + "}"


def _root(r: str, type_: DataType) -> str:
    kind = {"struct": "OBJECT", "map": "OBJECT", "array": "ARRAY"}[type_.name]
    if type_.name == "array" and type_.element.name == "struct":
        others = f"WHEN json_type({r}) = 'OBJECT' THEN [{_read(r, type_.element)}] "
    else:
        others = ""
    read = f"WHEN json_type({r}) = '{kind}' THEN {_read(r, type_)} "
    return f"CASE {read}{others}ELSE {_nothing(type_)} END"


def _read(j: str, type_: DataType) -> str:
    """Return what JSON says as a type; NULL where it says something else, as Spark has it."""
    kind = f"json_type({j})"
    shown = f"({j} ->> '$')"
    none = null(type_)
    match type_.name:
        case "string":
            odd = not_portable("a JSON value that the two engines write differently", type_)
            missing = f"WHEN {j} IS NULL OR {kind} = 'NULL' THEN {none}"
            return f"CASE {missing} WHEN sp_json_plain({j}) THEN {shown} ELSE {odd} END"
        case "boolean":
            return f"CASE WHEN {kind} = 'BOOLEAN' THEN {cast(shown, type_)} END"
        case "int" | "bigint":
            return f"CASE WHEN {kind} IN {_WHOLE} THEN {cast(shown, type_, trying=True)} END"
        case "double":
            odd = not_portable("a JSON text near to a number's name, as a double", type_)
            named = (
                f"CASE WHEN {shown} IN ('NaN', 'Infinity', '-Infinity') THEN {cast(shown, type_)}"
            )
            named += f" WHEN regexp_matches({shown}, '(?i)nan|inf') THEN {odd} END"
            number = f"WHEN {kind} IN {_NUMBER} THEN {cast(shown, type_)}"
            return f"CASE {number} WHEN {kind} = 'VARCHAR' THEN {named} END"
        case "decimal":
            odd = not_portable("a JSON text as a decimal", type_)
            # All digits that such a double has: what is rounded twice may be another number.
            plain = f"CAST({shown} AS DECIMAL(38,20))"
            far = not_portable("a JSON number far from 1, as a decimal", type_)
            size = f"abs(CAST({shown} AS DOUBLE))"
            near = f"{size} = 0 OR {size} BETWEEN 1e-3 AND 1e15"
            return (
                f"CASE WHEN {kind} IN {_NUMBER} THEN CASE WHEN {near} "
                f"THEN {cast(plain, type_, trying=True)} ELSE {far} END "
                f"WHEN {kind} = 'VARCHAR' THEN {odd} END"
            )
        case "date" | "timestamp":
            return _moment(kind, shown, type_)
        case "struct":
            return _object(j, type_)
        case "array":
            return _array(j, type_)
        case "map":
            return _map_of(j, type_)
    raise Refusal(f"from_json() of {type_}")


def _moment(kind: str, shown: str, type_: DataType) -> str:
    shape = _DAY if type_ == t.DATE else f"{_DAY}([ T]{_CLOCK}{_ZONE})?"
    odd = not_portable(f"a JSON text of another shape than ISO 8601, as {type_}", type_)
    return (
        f"CASE WHEN {kind} = 'VARCHAR' THEN CASE WHEN regexp_full_match({shown}, '{shape}') "
        f"THEN {cast(shown, type_, trying=True)} "
        f"WHEN regexp_matches({shown}, '[0-9]') THEN {odd} END "
        f"WHEN {kind} IN {_NUMBER} THEN {odd} END"
    )


def _object(j: str, type_: DataType) -> str:
    twice = not_portable("a JSON object that has a name twice", type_)
    array = not_portable("a JSON array where an object is said", type_)
    fields = []
    folded = [n.casefold() for n in type_.field_names]
    refuse_unless(len(set(folded)) == len(folded), "from_json() with a field twice")
    for name, child in type_.fields:
        inner = variable("j", child) + "f"
        extracted = f"json_extract({j}, {path(name)})"
        fields.append(
            f"{text(name)}: list_transform([{extracted}], lambda {inner}: {_read(inner, child)})[1]"
        )
    return (
        f"CASE json_type({j}) WHEN 'OBJECT' THEN CASE WHEN sp_twice(json_keys({j})) THEN {twice} "
        f"ELSE {{{', '.join(fields)}}} END WHEN 'ARRAY' THEN {array} END"
    )


def _array(j: str, type_: DataType) -> str:
    z = variable("j", type_) + "e"
    other = not_portable("a JSON value of another kind in an array", type_)
    item = _read(z, type_.element)
    items = f"json_extract({j}, '$[*]')"
    none = f"{item} IS NULL AND json_type({z}) <> 'NULL'"
    wrong = f"len(list_filter({items}, lambda {z}: {none})) > 0"
    # Of arrays of numbers and texts Spark leaves none if one element is wrong; of others parts.
    bad = other if type_.element.children else null(type_)
    return (
        f"CASE json_type({j}) WHEN 'ARRAY' THEN CASE WHEN {wrong} THEN {bad} "
        f"ELSE list_transform({items}, lambda {z}: {item}) END WHEN 'OBJECT' THEN {other} END"
    )


def _map_of(j: str, type_: DataType) -> str:
    refuse_unless(type_.key == t.STRING, f"from_json() of {type_}")
    z = variable("j", type_) + "e"
    twice = not_portable("a JSON object that has a name twice", type_)
    other = not_portable("a JSON value of another kind in a map", type_)
    item = _read(z, type_.value)
    keys, items = f"json_keys({j})", f"json_extract({j}, '$.*')"
    none = f"{item} IS NULL AND json_type({z}) <> 'NULL'"
    wrong = f"len(list_filter({items}, lambda {z}: {none})) > 0"
    bad = other if type_.value.children else null(type_)
    return (
        f"CASE WHEN json_type({j}) = 'OBJECT' THEN CASE WHEN sp_twice({keys}) THEN {twice} "
        f"WHEN {wrong} THEN {bad} "
        f"ELSE map({keys}, list_transform({items}, lambda {z}: {item})) END END"
    )
