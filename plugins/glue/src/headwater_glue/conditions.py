"""Conditions on partition keys: what may be asked of Glue, and what a value answers.

Glue's answer to an expression is trusted only where nothing can go wrong: text keys whose names its
parser does not stumble over. All else stays out of the expression; what comes back is a superset,
and core filters it again.

Source: AWS Glue API, `GetPartitions`; Trino, `GlueExpressionUtil` (the same policy).
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Final

from headwater.partitions.hive_layout import NULL_PARTITION
from headwater.partitions.values import comparable
from headwater.tables.table import KeyCondition
from headwater.types import DataType
from headwater_glue.entry import GlueColumn

MAX_EXPRESSION: Final = 2048
"""Characters that `Expression` may have."""

_COMPARISONS: Final = {">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt}

# Words that JSQLParser, which Glue parses expressions with, does not take as a column's name.
_RESERVED_WORDS: Final = """
    all and any as asc between by case check connect constraint create cross current date day
    default delete desc distinct double else end except exists fetch final first following for
    foreign from full function global group having if ignore ilike in index inner insert intersect
    interval into is join key keys last lateral left like limit match minus minute month natural no
    not null nulls offset on only open optimize or order over partition percent pivot primary
    qualify recursive regexp replace right row rows schema second select semi sequence session set
    some start sysdate table tables temp temporary then top truncate union unique unpivot update
    user using value values view when where window with xor year zone"""
_RESERVED: Final = frozenset(_RESERVED_WORDS.split())


def expression(conditions: Sequence[KeyCondition], keys: Sequence[GlueColumn]) -> str:
    """Return a `GetPartitions` expression that no matching partition fails; empty for none.

    Args:
        conditions: All of them hold for the partitions of interest.
        keys: The table's partition keys.
    """
    types = {k.name.lower(): k.type.strip().lower() for k in keys}
    parts: list[str] = []
    length = 0
    for condition in conditions:
        name = condition.key.lower()
        if name in _RESERVED or not name.isidentifier() or not _is_text(types.get(name, "")):
            continue
        for text in _expressions(name, condition):
            if length + len(text) + 5 <= MAX_EXPRESSION:
                parts.append(text)
                length += len(text) + 5
                break
    return " AND ".join(parts)


def accepts(condition: KeyCondition, type_: DataType, value: str | None) -> bool:
    """Return whether one key's value meets a condition, or can't be said not to.

    Args:
        condition: On that key.
        type_: The key's declared type; values are compared as it.
        value: As it stands in the catalog; None is NULL.
    """
    if value is None:
        return condition.or_null
    bounds = [comparable(v, type_) for v in condition.values]
    parsed = comparable(value, type_)
    if parsed is None or any(b is None for b in bounds):
        return True
    if condition.operator == "in":
        return parsed in bounds
    return bool(_COMPARISONS[condition.operator](parsed, bounds[0]))


def _expressions(name: str, condition: KeyCondition) -> list[str]:
    """Return ways to say a condition, the tightest first; each accepts all that it accepts."""
    null = f" OR {name} = {_literal(NULL_PARTITION)}" if condition.or_null else ""
    return [f"({text}{null})" if null else text for text in _without_null(name, condition)]


def _without_null(name: str, condition: KeyCondition) -> list[str]:
    if condition.operator != "in":
        return [f"{name} {condition.operator} {_literal(condition.values[0])}"]
    if not condition.values:
        return []
    ordered = sorted(condition.values)
    between = f"({name} >= {_literal(ordered[0])} AND {name} <= {_literal(ordered[-1])})"
    return [f"{name} IN ({', '.join(_literal(v) for v in condition.values)})", between]


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _is_text(type_text: str) -> bool:
    return type_text == "string" or type_text.startswith("varchar")
