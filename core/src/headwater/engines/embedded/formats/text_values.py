"""Texts of text formats as typed values: NULL where Spark, or Hive, gives NULL.

A text that the readers take alike is converted; one that no reader takes is NULL; one on which they
may differ (a leading plus before a float, another date shape) raises.
"""

from __future__ import annotations

from headwater.engines import text_shapes as shapes
from headwater.engines.embedded.misfits import Misfits
from headwater.sql.portable.raising import NOT_PORTABLE
from headwater.sql.portable.spelling import text, type_name
from headwater.tables.table import Column


def converted(value: str, column: Column, misfits: Misfits, *, spark: bool = False) -> str | None:
    """Return a DuckDB expression for a text as a value of a column, or None where none is known.

    Args:
        value: DuckDB expression of the text; NULL stays NULL.
        column: The column.
        misfits: Tells of texts on which readers differ.
        spark: Whether Spark's own reader is asked, which takes times as ISO 8601 has them, and
            longer texts than a varchar or a char may be as they are.
    """
    type_ = column.type
    if type_.name == "string" or (spark and type_.is_text):
        return value
    if type_.name == "varchar" and type_.precision:
        return f"left({value}, {type_.precision})"
    if type_.name not in shapes.FORMS:
        return None
    what = f"a text that may or may not be a value of type {type_}"
    kind = text(f"{type_} text")
    odd = misfits.raised(NOT_PORTABLE, what, value, type_, column=column.name, kind=kind)
    return shapes.value_of(value, type_, odd, _matches, type_name, iso=spark)


def _matches(value: str, shape: str) -> str:
    return f"regexp_full_match({value}, {text(shape)})"
