"""Pieces of Spark SQL that profiles are counted by: the same to the bit on every engine.

Only arithmetic that IEEE 754 fixes is used on doubles (one multiplication, division, addition,
comparison at a time), and whole numbers are what is summed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

from headwater.sql.rewriting import text_literal

LARGEST: Final = 1.7976931348623157e308
"""The largest double."""
EXACT: Final = 2.0**53
"""Below it, each whole number is a double."""
DIGITS: Final = 6
"""Digits behind the point to which a value is rounded before it is summed."""

LARGEST_SCALE: Final = 290
"""Beyond it, either way, a power of ten is no double that can be multiplied by."""

NULL, NAN, INF, NEGATIVE_INF, ZERO = -1, -2, -3, -4, -5
"""Codes of what is in no bin; a zero is in the bin of 0.0."""


def double(value: float) -> str:
    """Return a literal for a finite double."""
    return f"({value!r}D)" if value < 0 else f"{value!r}D"


def bigint(value: int) -> str:
    """Return a literal for a whole number."""
    return f"({value}L)" if value < 0 else f"{value}L"


def cut(value: str, edges: Sequence[str], results: Sequence[str] | None = None) -> str:
    """Return SQL of the part in which a value lies, by binary search over the edges.

    Args:
        value: The value, which is not NULL.
        edges: Literals, rising: part `i` is below edge `i`, and not below the one before.
        results: What each part is; default: its number.

    Example:
        >>> cut("x", ["1D"])
        'CASE WHEN x < 1D THEN 0 ELSE 1 END'
    """
    results = results or [str(n) for n in range(len(edges) + 1)]
    if not edges:
        return results[0]
    middle = len(edges) // 2
    below = cut(value, edges[:middle], results[: middle + 1])
    above = cut(value, edges[middle + 1 :], results[middle + 1 :])
    return f"CASE WHEN {value} < {edges[middle]} THEN {below} ELSE {above} END"


def among(value: str, words: Sequence[str], literal: Callable[[str], str] = text_literal) -> str:
    """Return the place of a value in a list, or the list's length if it is not in it.

    Args:
        value: The value, which is not NULL.
        words: The list.
        literal: Makes a literal of each of them, by whose order they are compared.
    """
    return _binary_search(value, sorted(range(len(words)), key=words.__getitem__), words, literal)


def among_numbers(value: str, numbers: Sequence[float]) -> str:
    """Return the place of a double in a list, or the list's length, as `among` does.

    Args:
        value: The value, which is not NULL.
        numbers: The list.
    """
    order = sorted(range(len(numbers)), key=numbers.__getitem__)
    return _binary_search(value, order, numbers, double)


def among_whole(value: str, numbers: Sequence[int | None]) -> str:
    """Return the place of a whole number in a list, or the list's length, as `among` does.

    Args:
        value: The value, which is not NULL.
        numbers: The list; None for what no whole number is.
    """
    order = [place for place, number in enumerate(numbers) if number is not None]
    order.sort(key=numbers.__getitem__)  # type: ignore[arg-type]
    return _binary_search(value, order, numbers, bigint)


def _binary_search(
    value: str, order: Sequence[int], words: Sequence[object], literal: Callable[..., str]
) -> str:
    if not order:
        return str(len(words))
    middle = len(order) // 2
    word = literal(words[order[middle]])
    other = str(len(words))
    below = _binary_search(value, order[:middle], words, literal)
    above = _binary_search(value, order[middle + 1 :], words, literal)
    equal = f"WHEN {value} = {word} THEN {order[middle]}"
    if below == above == other:
        return f"CASE {equal} ELSE {other} END"
    return f"CASE {equal} WHEN {value} < {word} THEN {below} ELSE {above} END"


def number_code(value: str, edges: Sequence[float]) -> str:
    """Return the bin of a double, or the code of what is in none.

    Args:
        value: The value.
        edges: Edges of the bins.
    """
    bins = cut(value, [double(e) for e in edges])
    return (
        f"CASE WHEN {value} IS NULL THEN {NULL} WHEN isnan({value}) THEN {NAN} "
        f"WHEN {value} > {double(LARGEST)} THEN {INF} "
        f"WHEN {value} < {double(-LARGEST)} THEN {NEGATIVE_INF} "
        f"WHEN {value} = 0D THEN {ZERO} ELSE {bins} END"
    )


def finite(value: str) -> str:
    """Return a double if it is a finite number, else NULL; -0.0 is 0.0."""
    return f"CASE WHEN abs({value}) <= {double(LARGEST)} THEN {value} + 0D END"


def units(value: str, scale: int) -> str:
    """Return a finite double in whole units, rounded half up; NULL if it is too large for that.

    Args:
        value: The value.
        scale: The power of ten that it is multiplied by; a unit is a millionth of that.
    """
    scaled = f"{value} {_times_power_of_ten(scale + DIGITS)}"
    return (
        f"CASE WHEN abs({scaled}) < {double(EXACT)} THEN "
        f"CAST({scaled} + CASE WHEN {value} < 0D THEN (-0.5D) ELSE 0.5D END AS BIGINT) END"
    )


def square_units(value: str, scale: int) -> str:
    """Return the square of a finite double in whole units, as `units` does.

    Args:
        value: The value.
        scale: The power of ten that it is multiplied by before it is squared.
    """
    scaled = f"({value} {_times_power_of_ten(scale)})"
    square = f"{scaled} * {scaled} * 1e{DIGITS}D"
    return f"CASE WHEN {square} < {double(EXACT)} THEN CAST({square} + 0.5D AS BIGINT) END"


def fits(value: float, scale: int) -> bool:
    """Return whether `units` has a value, for Python's own double."""
    return abs(_scaled(value, scale + DIGITS)) < EXACT


def square_fits(value: float, scale: int) -> bool:
    """Return whether `square_units` has a value, for Python's own double."""
    scaled = _scaled(value, scale)
    return scaled * scaled * 10.0**DIGITS < EXACT


def total(column: str) -> str:
    """Return the sum of a column of whole numbers below 2^53: nothing overflows."""
    return f"sum(CAST({column} AS DECIMAL(18,0)))"


def decimal(units: Decimal | int) -> Decimal:
    """Return a sum of units as the number that it stands for."""
    return Decimal(int(units)).scaleb(-DIGITS)


def scale_of(largest: float) -> int:
    """Return the power of ten by which values are multiplied before they are summed; mostly 0.

    Args:
        largest: How large a value usually is, at most: some thousand times that can be summed.
    """
    if not largest or 1 <= largest < 1e6:
        return 0
    exponent = Decimal(largest).adjusted()
    return _bounded(-exponent if exponent < 0 else 5 - exponent)


def square_scale_of(largest: float) -> int:
    """Return the power of ten by which values are multiplied before they are squared and summed.

    Args:
        largest: How large a value usually is, at most.
    """
    if not largest or 1 <= largest < 100:
        return 0
    exponent = Decimal(largest).adjusted()
    return _bounded(-exponent if exponent < 0 else 1 - exponent)


def _bounded(scale: int) -> int:
    """Limit a scale so that the scaled value, with 6 decimal places, is still a double."""
    return max(-LARGEST_SCALE, min(LARGEST_SCALE, scale))


def _times_power_of_ten(power: int) -> str:
    return f"* 1e{power}D" if power >= 0 else f"/ 1e{-power}D"


def _scaled(value: float, power: int) -> float:
    return value * float(f"1e{power}") if power >= 0 else value / float(f"1e{-power}")
