"""`approx_count_distinct`, by the sketch that Spark makes; its macros are in `sketches.sql`.

The sketch keeps the largest rank of each register, whatever the order of rows, so its estimate is
Spark's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from headwater import types as t
from headwater.sql.portable import hashes
from headwater.sql.portable.comparing import comparable
from headwater.sql.portable.pieces import Piece, made, refuse_unless
from headwater.sql.portable.raising import not_portable
from headwater.types import DataType

_ERROR: Final = 0.05
"""Spark's default."""
_LINEAR: Final = {7: 80, 8: 220, 9: 400, 10: 900, 11: 1800, 12: 3100, 13: 6500, 14: 15500}
"""By precision, up to which estimate empty registers are counted instead."""
_EXACT: Final = 53
"""Bits of a double: a sum of so many registers' parts is exact in any order."""


def approx_count_distinct(
    arguments: list[Piece], _: bool, type_: DataType, over: Callable[[str], str]
) -> Piece:
    """Return `approx_count_distinct(a)`, `approx_count_distinct(a, 0.01)`.

    Example: `approx_count_distinct(s)`
        -> `list_transform([sp_hll_ranks(...)], lambda r: ... sp_hll(...) END)[1]`

    Raises:
        Refusal: With an error that is no literal from 0.01 to 0.13, and of what has no hash.
    """
    value, *errors = arguments
    precision = _precision(errors[0].literal if errors else Decimal(str(_ERROR)))
    refuse_unless(precision in _LINEAR, "approx_count_distinct() with such an error")
    refuse_unless(comparable(value.type), f"approx_count_distinct({value.type})")
    code = f"sp_hll_code({hashes.unsigned_xxhash64(value)}, {precision})"
    codes = over(f"list(DISTINCT CASE WHEN {value.sql} IS NOT NULL THEN {code} END)")
    ranks = f"sp_hll_ranks(list_filter(coalesce({codes}, []), lambda c: c IS NOT NULL))"
    rare = not_portable("approx_count_distinct() of a hash with so many zeros", type_)
    registers = 2**precision
    alpha = 0.7213 / (1 + 1.079 / registers) * registers * registers
    tables = f"sp_hll_near_{precision}(), sp_hll_biases_{precision}()"
    estimate = f"sp_hll(r, {registers}, {alpha!r}e0, {_LINEAR[precision]}, {tables})"
    sql = (
        f"list_transform([{ranks}], lambda r: CASE "
        f"WHEN coalesce(list_max(r), 0) > {_EXACT - precision} THEN {rare} ELSE {estimate} END)[1]"
    )
    return made(sql, t.BIGINT, [value], declines=True)


def _precision(error: object) -> int:
    """Return how many bits of a hash choose its register; 0 where that can't be told."""
    if not isinstance(error, Decimal) or error <= 0:
        return 0
    return math.ceil(2.0 * math.log(1.106 / float(error)) / math.log(2.0))
