"""JSON, one object a line: Spark's `json`, and Hive's `hive-json`.

Spark tells keys apart by case, Hive's serdes do not. What is not of its column's type is NULL in
one reader, an error in another, and a conversion in a third; here it raises, unless it is JSON's
null.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from headwater.engines.embedded.lines import check_sizes, checked_options, source
from headwater.engines.embedded.scans import Group, Scan
from headwater.errors import UnsupportedError
from headwater.relation import FileRelation
from headwater.sql.portable.raising import NOT_PORTABLE, RUNTIME
from headwater.sql.portable.spelling import cast, null, text
from headwater.table import Column
from headwater.types import INTEGER_BITS, DataType

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SPARK: Final = {
    "mode": "PERMISSIVE",
    "multiLine": "false",
    "encoding": "UTF-8",
    "primitivesAsString": "false",
}
_SPARK_FIXED: Final = {
    "mode": ("permissive", "failfast"),
    "multiline": ("false",),
    "encoding": ("utf-8", "utf8"),
    "primitivesasstring": ("false",),
}
_DATE: Final = "[1-9][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TIME: Final = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?"
_BLANK: Final = r"[\x00-\x20]*"


def json(
    connection: DuckDBPyConnection, relation: FileRelation, group: Group, paths: Mapping[str, str]
) -> Iterator[Scan]:
    """Yield the scan of Spark's JSON files. A line that is no JSON raises.

    Raises:
        UnsupportedError: For an option or a column type whose meaning is not known here.
    """
    options = checked_options(relation, group.options, _SPARK)
    for name, allowed in _SPARK_FIXED.items():
        if options[name].strip().lower() not in allowed:
            raise UnsupportedError(
                f"table {relation.name}: the embedded engine does not honour the reader option "
                f"{name}={options[name]!r}",
                hint="use the spark engine for this table",
            )
    values = {}
    for column in group.columns:
        path = text(f'$."{_in_path(relation, column.name)}"')
        values[column.name.casefold()] = f"json_extract(j, {path})"
    yield _scan(connection, relation, group, paths, values, _line(NOT_PORTABLE))


def hive_json(
    connection: DuckDBPyConnection, relation: FileRelation, group: Group, paths: Mapping[str, str]
) -> Iterator[Scan]:
    """Yield the scan of a JSON serde's files.

    Raises:
        UnsupportedError: For an option or a column type whose meaning is not known here.
    """
    keys = {c.name.casefold(): c.name for c in group.columns}
    named = {
        k.lower().removeprefix("key."): v
        for k, v in group.options.items()
        if k.lower().startswith("key.")
    }
    rest = {k: v for k, v in group.options.items() if not k.lower().startswith("key.")}
    options = checked_options(relation, rest, {"malformed": "fail", "keys": "ignore-case"})
    exact = options["keys"] == "exact"
    values = {}
    for folded, name in keys.items():
        key = named.get(folded, name)
        path = f'$."{_in_path(relation, key)}"'
        if exact:
            values[folded] = f"json_extract(j, {text(path)})"
            continue
        same = f"list_filter(json_keys(j), lambda k: lower(k) = {text(key.lower())})"
        twice = _raise(NOT_PORTABLE, f"several keys that are {key!r} without case")
        found = f"""json_extract(j, '$."' || {same}[1] || '"')"""
        values[folded] = f"CASE WHEN len({same}) > 1 THEN {twice} ELSE {found} END"
    line = "CASE WHEN sp_is_json(line) THEN CAST(line AS JSON) END"
    if options["malformed"] == "fail":
        line = _line(RUNTIME)
    yield _scan(connection, relation, group, paths, values, line)


def _line(code: str) -> str:
    failure = _raise(code, "a line is not plainly JSON")
    return f"CASE WHEN sp_is_json(line) THEN CAST(line AS JSON) ELSE {failure} END"


def _raise(code: str, message: str) -> str:
    return f"CAST(error({text(f'headwater({code}): {message}')}) AS JSON)"


def _in_path(relation: FileRelation, key: str) -> str:
    if '"' in key or "\\" in key:
        raise UnsupportedError(f"table {relation.name}: the JSON key {key!r}")
    return key


def _scan(
    connection: DuckDBPyConnection,
    relation: FileRelation,
    group: Group,
    paths: Mapping[str, str],
    values: Mapping[str, str],
    line: str,
) -> Scan:
    own = {c.name.casefold(): c for c in group.columns}
    columns = {}
    for column in relation.data_columns:
        folded = column.name.casefold()
        if folded not in own:
            columns[column.name] = null(column.type)
            continue
        if own[folded].type != column.type:
            raise UnsupportedError(
                f"table {relation.name}: a partition has {column.name} as {own[folded].type}, the "
                f"table as {column.type}"
            )
        columns[column.name] = _value(relation, column, values[folded])
    lines = source(relation, check_sizes(connection, relation, group, paths), skip=False)
    keep = f"line IS NOT NULL AND NOT regexp_full_match(line, {text(_BLANK)})"
    # A line that is no object has no fields, or several rows; of a key that comes twice one reader
    # takes the first and another the last.
    odd = _raise(NOT_PORTABLE, "a line that is no JSON object, or has a key twice")
    once = "len(json_keys(o)) = len(list_distinct(json_keys(o)))"
    plain = f"CASE WHEN o IS NULL OR (json_type(o) = 'OBJECT' AND {once}) THEN o ELSE {odd} END"
    read = f"SELECT {line} AS o, file_index FROM {lines} WHERE {keep}"
    rows = f"(SELECT {plain} AS j, file_index FROM ({read}) AS l) AS r"
    return Scan(rows, columns, group.files)


def _value(relation: FileRelation, column: Column, value: str) -> str:
    made = _converted(value, column.type)
    if made is None:
        raise UnsupportedError(
            f"table {relation.name}: the embedded engine does not read column {column.name} "
            f"({column.type}) from JSON",
            hint="leave the column out of the table, or use the spark engine",
        )
    return made


def _converted(value: str, type_: DataType) -> str | None:
    """Return a JSON value as a value of a type; NULL and JSON's null are NULL; misfits raise."""
    if type_.name == "array":
        inner = _converted("e", type_.element)
        items = f"CAST({value} AS JSON[])"
        return inner and _typed(
            value, type_, "ARRAY", f"list_transform({items}, lambda e: {inner})"
        )
    if type_.name == "map" and type_.key.name == "string":
        inner = _converted("e.value", type_.value)
        entries = f"map_entries(CAST({value} AS MAP(VARCHAR, JSON)))"
        pairs = f"list_transform({entries}, lambda e: {{'key': e.key, 'value': {inner}}})"
        return inner and _typed(value, type_, "OBJECT", f"map_from_entries({pairs})")
    build = _BUILDERS.get(type_.name)
    return build(value, type_) if build else None


def _typed(value: str, type_: DataType, kinds: str, made: str, more: str = "true") -> str:
    listed = ", ".join(f"'{k}'" for k in kinds.split())
    other = cast(
        f"error({text(f'headwater({NOT_PORTABLE}): a JSON value that is not plainly {type_}')})",
        type_,
    )
    return (
        f"CASE WHEN {value} IS NULL OR json_type({value}) = 'NULL' THEN {null(type_)} "
        f"WHEN json_type({value}) IN ({listed}) AND {more} THEN {made} ELSE {other} END"
    )


def _text(value: str) -> str:
    return f"({value} ->> '$')"


def _string(value: str, type_: DataType) -> str:
    return _typed(value, type_, "VARCHAR UBIGINT BIGINT BOOLEAN", _text(value))


def _integer(value: str, type_: DataType) -> str:
    half = 2 ** (INTEGER_BITS[type_.name] - 1)
    number = f"CAST({_text(value)} AS HUGEINT)"
    fits = f"{number} BETWEEN -{half} AND {half - 1}"
    return _typed(value, type_, "UBIGINT BIGINT", cast(number, type_), fits)


def _floating(value: str, type_: DataType) -> str:
    return _typed(value, type_, "DOUBLE UBIGINT BIGINT", cast(_text(value), type_))


def _boolean(value: str, type_: DataType) -> str:
    return _typed(value, type_, "BOOLEAN", f"({_text(value)} = 'true')")


def _date(value: str, type_: DataType) -> str:
    shape = f"regexp_full_match({_text(value)}, {text(_DATE)})"
    return _typed(value, type_, "VARCHAR", cast(_text(value), type_), shape)


def _timestamp(value: str, type_: DataType) -> str:
    shape = f"regexp_full_match({_text(value)}, {text(f'{_DATE}[ T]{_TIME}Z?')})"
    return _typed(value, type_, "VARCHAR", cast(_text(value), type_), shape)


_BUILDERS: Final[dict[str, Callable[[str, DataType], str]]] = {
    **dict.fromkeys(INTEGER_BITS, _integer),
    "string": _string,
    "float": _floating,
    "double": _floating,
    "boolean": _boolean,
    "date": _date,
    "timestamp": _timestamp,
}
