"""`approx_count_distinct`, by the sketch that Spark makes; its macros are in `sketches.sql`.

The sketch keeps the largest rank of each register, whatever the order of rows, so its estimate is
Spark's own.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from headwater import types as t
from headwater.sql.portable import hashes
from headwater.sql.portable.comparing import comparable
from headwater.sql.portable.pieces import Piece, made, refuse_unless
from headwater.sql.portable.raising import not_portable
from headwater.types import DataType

_ERROR: Final = Decimal("0.05")
"""Spark's default, for which the tables of the macros are."""
_SURE: Final = 43
"""Up to this rank a sum of the registers is exact in any order."""


def approx_count_distinct(
    arguments: list[Piece], _: bool, type_: DataType, over: Callable[[str], str]
) -> Piece:
    """Return `approx_count_distinct(a)`.

    Example: `approx_count_distinct(s)`
        -> `list_transform([sp_hll_ranks(...)], lambda r: ... sp_hll(r) END)[1]`

    Raises:
        Refusal: With another error than the default, and of what has no hash.
    """
    value, *errors = arguments
    refuse_unless(
        all(e.literal == _ERROR for e in errors), "approx_count_distinct() with another error"
    )
    refuse_unless(comparable(value.type), f"approx_count_distinct({value.type})")
    code = f"sp_hll_code({hashes.unsigned_xxhash64(value)})"
    codes = over(f"list(DISTINCT CASE WHEN {value.sql} IS NOT NULL THEN {code} END)")
    ranks = f"sp_hll_ranks(list_filter(coalesce({codes}, []), lambda c: c IS NOT NULL))"
    rare = not_portable("approx_count_distinct() of a hash that begins with 43 zeros", type_)
    largest = f"coalesce(list_max(r), 0) > {_SURE}"
    sql = (
        f"list_transform([{ranks}], lambda r: CASE WHEN {largest} THEN {rare} "
        "ELSE sp_hll(r) END)[1]"
    )
    return made(sql, t.BIGINT, [value], declines=True)
