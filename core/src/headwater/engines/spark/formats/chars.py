"""CHAR columns as Spark's own tables give them: filled with spaces, and known to be CHAR.

Readers refuse char, and padding of their own hides the metadata of files: what we open declares
such columns as strings. Values are filled here instead, and the column carries the mark by which
Spark compares it as CHAR (`c = 'won'` is true of `'won     '`).

Source: Apache Spark 4.1, `CharVarcharUtils`: `CHAR_VARCHAR_TYPE_STRING_METADATA_KEY`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from headwater.engines.spark.types import literal
from headwater.sql.rewriting import quoted
from headwater.tables.table import Column
from headwater.types import DataType

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_MARK: Final = "__CHAR_VARCHAR_TYPE_STRING"


def as_char(frame: DataFrame, columns: Sequence[Column]) -> DataFrame:
    """Return rows whose char columns Spark knows as such.

    Args:
        frame: A table's rows; its char columns are strings.
        columns: Its columns, as the catalog has them, in the frame's order.
    """
    if not any(c.type.has_char for c in columns):
        return frame
    filled = frame.selectExpr(
        *(f"{_filled(quoted(c.name), c.type, 0)} AS {quoted(c.name)}" for c in columns)
    )
    return filled.select(
        *(
            filled[quoted(c.name)].alias(c.name, metadata={_MARK: str(c.type)})
            if c.type.has_char
            else filled[quoted(c.name)]
            for c in columns
        )
    )


def _filled(value: str, type_: DataType, depth: int) -> str:
    match type_.name:
        case "char":
            length = type_.precision
            return f"IF(length({value}) < {length}, rpad({value}, {length}, ' '), {value})"
        case _ if not type_.has_char:
            return value
        case "struct":
            fields = zip(type_.field_names, type_.children, strict=True)
            packed = ", ".join(
                f"{literal(n)}, {_filled(f'{value}.{quoted(n)}', c, depth)}" for n, c in fields
            )
            return f"IF({value} IS NULL, NULL, named_struct({packed}))"
        case "array":
            item = f"e{depth}"
            return f"transform({value}, {item} -> {_filled(item, type_.element, depth + 1)})"
        case _:
            key, item = f"k{depth}", f"v{depth}"
            keys = (
                f"transform_keys({value}, ({key}, {item}) -> {_filled(key, type_.key, depth + 1)})"
            )
            inner = _filled(item, type_.value, depth + 1)
            return f"transform_values({keys}, ({key}, {item}) -> {inner})"
