"""What functions give, as Spark types it: `functions.tsv` has the result of each, or its rule.

Source: Apache Spark 4.1, `DESCRIBE FUNCTION` and the expressions' `dataType`; each entry is
compared with Spark's own analysis in `tests/differential/test_analysis.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from sqlglot import exp

from headwater.sql import generators, results
from headwater.sql.arguments import Call
from headwater.sql.function_table import functions
from headwater.types import UNKNOWN, DataType
from headwater.types.text import parse_type


def result(name: str, types: Sequence[DataType], arguments: Sequence[exp.Expr]) -> DataType:
    """Return the type of a call, or `unknown`.

    Args:
        name: The function, in lower case.
        types: Types of its arguments.
        arguments: Its arguments, for those whose value decides.
    """
    function = functions().get(name)
    if function is None or not function.result:
        return UNKNOWN
    if not function.result.startswith("="):
        return _fixed(function.result)
    return results.RULES[function.result[1:]](Call(tuple(types), tuple(arguments)))


@cache
def _fixed(text: str) -> DataType:
    return parse_type(text)


def within_group(name: str, ordered: Sequence[DataType], inner: DataType) -> DataType:
    """Return the type of `name(...) WITHIN GROUP (ORDER BY ...)`.

    Args:
        name: The function, in lower case.
        ordered: Types of what it is ordered by.
        inner: Type of the call without the clause.
    """
    if name in ("listagg", "string_agg"):
        return inner
    if name == "mode":
        return ordered[0] if ordered else UNKNOWN
    if name in ("percentile_cont", "percentile_disc"):
        return results.percentile_of(ordered[0], inner) if ordered else UNKNOWN
    return UNKNOWN


def generated(
    name: str, types: Sequence[DataType], arguments: Sequence[exp.Expr]
) -> list[tuple[str, DataType]] | None:
    """Return names and types of the columns that a generator or table function makes.

    Returns:
        The columns, or None where they can't be told.
    """
    rule = generators.GENERATORS.get(name)
    return rule(Call(tuple(types), tuple(arguments))) if rule is not None else None
