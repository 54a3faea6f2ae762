"""The query's own conditions on partition keys: `WHERE dt >= '2024-01-01' AND region IN ('eu')`.

Where they may stand: `comparisons`. Only conditions that mean the same for text in a catalog are
taken: a string key against a string, an integer key against an integer, a date key against a date.
The others stay with the engine; the conditions here are a superset, so that nothing is lost.

Source: Apache Spark, ANSI Compliance, "Type coercion": a string literal takes the type of the
integer or date that it is compared with.
"""

from __future__ import annotations

from headwater.partitions.time_partitions import matches
from headwater.sql.analysis import Analysis, TableReference
from headwater.sql.pruning.comparisons import comparisons, plain_value
from headwater.tables.table import KeyCondition
from headwater.types import DataType

__all__ = ["conditions", "matches"]


def conditions(analysis: Analysis, reference: TableReference) -> tuple[KeyCondition, ...]:
    """Return the conditions of a query on a table's partition keys, where it names the table.

    Example: `SELECT i FROM t WHERE dt >= '2026-01-01' AND o` -> `dt >= 2026-01-01`

    Args:
        analysis: The query.
        reference: One of `analysis.parsed.references`.

    Returns:
        Conditions that hold for every partition with a row that the query may use.
    """
    table = analysis.tables.get(reference.name)
    if table is None or not table.partition_keys:
        return ()
    keys = {c.name.casefold(): c.name for c in table.partition_columns if _is_plain(c.type)}
    padded = {c.name for c in table.partition_columns if c.type.name == "char"}
    # A char equals what differs from it by spaces at the end, padded or not. Its order is another
    # where it is padded, and where it is not (BETWEEN, LIKE, whatever computes).
    return tuple(
        KeyCondition(c.column, c.operator, c.values)
        for c in comparisons(analysis, reference, keys, plain_value)
        if not c.or_null and (c.operator == "in" or c.column not in padded)
    )


def _is_plain(type_: DataType) -> bool:
    """Return whether a key's text says its value."""
    return type_.name in ("string", "varchar", "char", "date") or type_.is_integer
