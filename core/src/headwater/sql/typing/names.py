"""From the type that a query names (`CAST(x AS ...)`) to a `DataType`."""

from __future__ import annotations

from typing import Final

from sqlglot import exp

from headwater import types as t
from headwater.types import UNKNOWN, DataType
from headwater.untrusted.texts import whole_number

_SIMPLE: Final = {
    exp.DType.BOOLEAN: t.BOOLEAN,
    exp.DType.TINYINT: t.TINYINT,
    exp.DType.SMALLINT: t.SMALLINT,
    exp.DType.INT: t.INT,
    exp.DType.BIGINT: t.BIGINT,
    exp.DType.FLOAT: t.FLOAT,
    exp.DType.DOUBLE: t.DOUBLE,
    # Spark reads a cast to CHAR(n) or VARCHAR(n) as one to STRING; sqlglot does so too.
    exp.DType.TEXT: t.STRING,
    exp.DType.CHAR: t.STRING,
    exp.DType.VARCHAR: t.STRING,
    exp.DType.BINARY: t.BINARY,
    exp.DType.DATE: t.DATE,
    exp.DType.TIMESTAMP: t.TIMESTAMP,
    exp.DType.TIMESTAMPTZ: t.TIMESTAMP,
    exp.DType.TIMESTAMPLTZ: t.TIMESTAMP,
    exp.DType.TIMESTAMPNTZ: t.TIMESTAMP_NTZ,
}


def data_type(node: exp.Expr) -> DataType:
    """Return the type that a node names; `unknown` for one that `DataType` has no word for."""
    if not isinstance(node, exp.DataType):
        return UNKNOWN
    head = node.this
    if isinstance(head, exp.Interval):
        return _interval(head)
    if head in _SIMPLE:
        return _SIMPLE[head]
    match head:
        case exp.DType.DECIMAL:
            return _decimal(node)
        case exp.DType.ARRAY if len(node.expressions) == 1:
            return t.array(data_type(node.expressions[0]))
        case exp.DType.MAP if len(node.expressions) == 2:
            return t.map_of(*(data_type(e) for e in node.expressions))
        case exp.DType.STRUCT:
            return t.struct(*((f.name, data_type(f.args.get("kind"))) for f in node.expressions))
        case _:
            return UNKNOWN


def _decimal(node: exp.DataType) -> DataType:
    numbers = [whole_number(p.name) for p in node.expressions]
    if None in numbers:
        return UNKNOWN
    try:
        return t.decimal(*(n for n in numbers if n is not None))
    except (ValueError, TypeError):
        return UNKNOWN


def _interval(node: exp.Interval) -> DataType:
    unit = node.args.get("unit")
    if isinstance(unit, exp.IntervalSpan):
        return t.interval(unit.this.name.lower(), unit.expression.name.lower())
    return t.interval(unit.name.lower(), unit.name.lower()) if unit is not None else UNKNOWN
