"""Codes of values: numbers and texts are counted by code, equal on every engine.

A number's code is its sign and the 64th root of its size, in steps of 1/16384. Six square roots are
the same to the last bit everywhere, which no logarithm is; and over all sizes that a feature has,
the 64th root is nearly one: neighbours are 0.4 % apart, whether they are millionths or millions.
"""

from __future__ import annotations

import math
from typing import Final

ROOT: Final = 64
STEPS: Final = 16_384
NAN: Final = -(2**63) + 1
"""Code of NaN."""
INFINITY: Final = 2**63 - 1
"""Code of infinity; that of its opposite is NAN, too: neither is a number to compare."""


def code_of(value: float) -> int:
    """Return the code of a number, as the SQL gives it.

    Args:
        value: The number.
    """
    if math.isnan(value) or value == -math.inf:
        return NAN
    if value == math.inf:
        return INFINITY
    root = abs(value)
    for _ in range(6):
        root = math.sqrt(root)
    code = 0 if value == 0 else math.floor(root * STEPS + 1)
    return -code if value < 0 else code


def value_of(code: int) -> float:
    """Return the middle of the numbers that share a `code`."""
    if code == 0:
        return 0.0
    size = ((abs(code) - 0.5) / STEPS) ** ROOT
    return -size if code < 0 else size


def log_of(code: int) -> float:
    """Return the natural logarithm of the size of the numbers that share a `code`, not 0."""
    return ROOT * math.log((abs(code) - 0.5) / STEPS)


def bounds_of(code: int) -> tuple[float, float]:
    """Return the bounds of the numbers that share a `code`, slightly widened."""
    if code == 0:
        return 0.0, 0.0
    low, high = (((abs(code) - 1 - e) / STEPS) ** ROOT for e in (1e-6, -1 - 1e-6))
    return (-high, -low) if code < 0 else (low, high)


def is_number(code: int | str | None) -> bool:
    """Return whether a code is that of a finite number."""
    return isinstance(code, int) and code not in (NAN, INFINITY)


def roots(columns: list[str]) -> list[list[str]]:
    """Return SQL for the codes of numbers, in steps: each is over the columns of the one before.

    An engine that guards an expression writes it several times, so that nested roots would be
    written without end.

    Args:
        columns: Columns of type double: `x0`, `x1` ...; their codes are `c0`, `c1` ...
    """
    numbers = range(len(columns))
    first = [f"{c} AS x{i}, sqrt(sqrt(abs({c}))) AS r{i}" for i, c in enumerate(columns)]
    second = [f"x{i}, sqrt(sqrt(r{i})) AS r{i}" for i in numbers]
    third = [f"x{i}, sqrt(sqrt(r{i})) * {STEPS}.0D + 1.0D AS r{i}" for i in numbers]
    fourth = [f"x{i}, floor(r{i}) AS r{i}" for i in numbers]
    last = [
        f"CASE WHEN isnan(x{i}) THEN CAST({NAN} AS BIGINT) WHEN x{i} = 0.0D THEN 0L "
        f"WHEN x{i} > 0.0D THEN r{i} WHEN x{i} < 0.0D THEN 0L - r{i} END AS c{i}"
        for i in numbers
    ]
    return [first, second, third, fourth, last]
