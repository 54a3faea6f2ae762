"""The two tables that the Athena fixtures are about."""

from __future__ import annotations

from headwater.errors import TableNotFoundError
from headwater.tables.table import Column, Table, TableName
from headwater_glue.hive_types import column_type

_COLUMNS = {
    "t": {
        "id": "string",
        "n": "int",
        "b": "bigint",
        "x": "double",
        "y": "double",
        "d": "date",
        "ts": "timestamp",
        "p": "decimal(10,2)",
        "ok": "boolean",
        "s": "struct<a:int,b:string>",
        "a": "array<int>",
        "m": "map<string,double>",
    },
    "u": {"k": "string", "n": "int"},
}

TABLES = {
    TableName("ml", name): Table(
        TableName("ml", name), tuple(Column(n, column_type(t)) for n, t in columns.items())
    )
    for name, columns in _COLUMNS.items()
}


def lookup(name: TableName) -> Table:
    """Return one of the two tables."""
    if name not in TABLES:
        raise TableNotFoundError(f"no table {name.name!r}")
    return TABLES[name]
