"""Errors that a compiled query raises by itself, where DuckDB would answer and Spark raises.

Their texts are `headwater(code): message`: the engine reads the code back (`failures`).
"""

from __future__ import annotations

from headwater.sql.portable.spelling import cast, text
from headwater.types import DataType

RUNTIME = "spark-runtime-error"
"""Spark raises on this value too."""

NOT_PORTABLE = "not-portable-value"
"""Spark answers; the embedded engine can't promise the same answer for this value."""


def spark_error(condition: str, message: str, type_: DataType) -> str:
    """Return an expression that raises as Spark does.

    Args:
        condition: Spark's name of the error, e.g. `DIVIDE_BY_ZERO`.
        message: What is wrong with the value.
        type_: The type that the expression would have; DuckDB wants one.
    """
    return raising(RUNTIME, f"[{condition}] {message}", type_)


def not_portable(message: str, type_: DataType) -> str:
    """Return an expression that raises because the answer can't be promised."""
    return raising(NOT_PORTABLE, message, type_)


def doubted(sql: str) -> str:
    """Return SQL that is computed on more rows than Spark may: its errors may not be Spark's."""
    return sql.replace(f"error('headwater({RUNTIME})", f"error('headwater({NOT_PORTABLE})")


def raising(code: str, message: str, type_: DataType) -> str:
    """Return an expression that raises where a row of it is computed.

    Args:
        code: The error's.
        message: What it says.
        type_: The expression's type.
    """
    # The cast decides the type of the branch; a bare error() would change the expression's.
    return cast(f"error({text(f'headwater({code}): {message}')})", type_)
