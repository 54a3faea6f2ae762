"""Statistics: what a profile holds about a field, by name, and how two values merge.

All of them merge exactly: integers and decimals add up, extremes are the extremes of extremes, a
sketch of distinct values keeps the smallest hashes of both. What does not (quantiles, averages) is
derived from them.

Of every field, and of the rows as a whole (whose field is NULL):

| statistic | holds | what it is |
|---|---|---|
| `rows` | count | rows of the window and segment |
| `null` | count | of them, those whose value is NULL (of fields alone) |

By the type of a field:

| type | statistic | holds | what it is |
|---|---|---|---|
| numeric | `nan` `inf` `-inf` `zero` | count | values that are; -0.0 is a zero |
| | `histogram` | count by bin | finite values between the field's edges |
| | `min` `max` | number | of the finite values; -0.0 is written 0.0 |
| | `sum` | decimal | of the finite values, each times 10 to the power of `scale` |
| | `sum_squares` | decimal | of their squares, each first times 10 to the power of `square_scale` |
| boolean | `true` `false` | count | |
| categorical, string | `vocabulary` | count by label | values that are among the vocabulary |
| | `other` | count | all other values |
| | `distinct` | text | the smallest 1,024 hashes of values: how many differ |
| text | `length` | count by bin | characters (code points), between the field's edges |
| | `min_length` `max_length` `sum_length` | count | |
| | `distinct` | text | as above |
| array, vector, tensor | `length`, `min_length` `max_length` `sum_length` | count | elements |
| dict | the same of entries, and `vocabulary` `other` | count | of its keys |
| datetime | `histogram` | count by bin | between edges in microseconds since 1970 |
| | `min` `max` | count | microseconds since 1970 |

Of a prediction, where its actual is known:

| statistic | holds | what it is |
|---|---|---|
| `labelled` | count | rows whose actual is known |
| `scored` | count | of them, those whose prediction is known, too |
| `correct` | count | of these, those where both are the same class (of a dict, its likeliest key) |
| `confusion` | count by label | `["predicted","actual"]`, where null is none of the vocabulary |
| `score` | count by bin and label | scores by the class that it came to be, `true` or `false` |
| `score_sum` | decimal by bin and label | the sum of these scores |
| `score_sum_squares` | decimal by label | the sum of their squares |
| `score_outside` | count | scores that are no number from 0 to 1: in none of the three above |
| `error` | count by bin | prediction minus actual, between the field's `errors` |
| `error_min` `error_max` | number | the smallest and the largest one |
| `error_sum` `absolute_error_sum` | decimal | each times 10 to the power of `error_scale` |
| `squared_error_sum` | decimal | of their squares, likewise by `error_square_scale` |

A value is rounded to 6 digits before it is summed. Where one is too large for that, some thousand
times larger than any of training, there is no sum of that window and segment, nor of a total that
it is in: no number rather than a wrong one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

Value = int | Decimal | float | str
"""What a cell holds: a count, a decimal, a number or a text."""

HASHES: Final = 1024
"""How many hashes a sketch of distinct values keeps."""
HASH_DIGITS: Final = 16
"""Hexadecimal digits of each: the first ones of the MD5 of a value's UTF-8."""
_EXACT: Final = Context(prec=76)


class Holds(StrEnum):
    """The column of a profile's table in which a statistic stands."""

    COUNT = "count"
    DECIMAL = "decimal"
    NUMBER = "number"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Statistic:
    """One statistic.

    Args:
        name: Its name.
        holds: What kinds of value it has: one, or two where it depends on the field's type.
        merge: Merges two values into one.
        binned: Whether it is by bin.
        labelled: Whether it is by label.
    """

    name: str
    holds: tuple[Holds, ...]
    merge: Callable[[Any, Any], Any]
    binned: bool = False
    labelled: bool = False


def union(first: str, second: str) -> str:
    """Return the sketch of distinct values of two parts.

    Args:
        first: The hashes of one of them, sorted, one after the other.
        second: Likewise.
    """
    if first == second:
        return first
    return "".join(sorted({*hashes(first), *hashes(second)})[:HASHES])


def hashes(sketch: str) -> list[str]:
    """Return the hashes of a `sketch`."""
    return [sketch[i : i + HASH_DIGITS] for i in range(0, len(sketch), HASH_DIGITS)]


def distinct(sketch: str) -> float:
    """Return how many values differ, by a `sketch`: up to 1,023 it is exact.

    Beyond that the smallest 1,024 of evenly spread hashes tell how densely they lie: one standard
    error is 3.1 %, so count on 10 %.
    """
    count = len(sketch) // HASH_DIGITS
    if count < HASHES:
        return float(count)
    largest = int(sketch[-HASH_DIGITS:], 16) + 1
    return float((HASHES - 1) * 16**HASH_DIGITS / largest)


def _add(first: int, second: int) -> int:
    return first + second


def _add_decimals(first: Decimal, second: Decimal) -> Decimal:
    return _EXACT.add(first, second)


_COUNT, _DECIMAL = (Holds.COUNT,), (Holds.DECIMAL,)
_BOTH: Final = (Holds.COUNT, Holds.NUMBER)

STATISTICS: Final[Mapping[str, Statistic]] = MappingProxyType(
    {
        s.name: s
        for s in (
            *(
                Statistic(name, _COUNT, _add)
                for name in (
                    "rows", "null", "nan", "inf", "-inf", "zero", "true", "false", "other",
                    "sum_length", "labelled", "scored", "correct", "score_outside",
                )
            ),
            *(
                Statistic(name, _COUNT, _add, binned=True)
                for name in ("histogram", "length", "error")
            ),
            *(
                Statistic(name, _COUNT, _add, labelled=True)
                for name in ("vocabulary", "confusion")
            ),
            *(
                Statistic(name, _DECIMAL, _add_decimals)
                for name in (
                    "sum", "sum_squares", "error_sum", "absolute_error_sum", "squared_error_sum",
                )
            ),
            Statistic("score", _COUNT, _add, binned=True, labelled=True),
            Statistic("score_sum", _DECIMAL, _add_decimals, binned=True, labelled=True),
            Statistic("score_sum_squares", _DECIMAL, _add_decimals, labelled=True),
            Statistic("min", _BOTH, min),
            Statistic("max", _BOTH, max),
            Statistic("error_min", (Holds.NUMBER,), min),
            Statistic("error_max", (Holds.NUMBER,), max),
            Statistic("min_length", _COUNT, min),
            Statistic("max_length", _COUNT, max),
            Statistic("distinct", (Holds.TEXT,), union),
        )
    }
)  # fmt: skip
"""All statistics that there are, by name."""

WITNESSES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "sum": "min",
        "sum_squares": "min",
        "error_sum": "error_min",
        "absolute_error_sum": "error_min",
        "squared_error_sum": "error_min",
    }
)
"""What stands beside each of these sums wherever there are values: alone, it says that a sum is
missing because a value was too large."""
