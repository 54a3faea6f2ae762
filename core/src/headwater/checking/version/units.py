"""The stage `units`: fields in another unit than training's, or swapped with another field."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from headwater.checking.version.codes import code_of, log_of, value_of
from headwater.checking.version.findings import (
    Datasets,
    Finding,
    in_query,
    number_literal,
    percent,
    warning,
)
from headwater.checking.version.sampling import at_least, distance, distance_error, quantile
from headwater.checking.version.tally import FieldTally, Tally
from headwater.interfaces.schema import Role
from headwater.sql.rewriting import quoted

SHARES: Final = tuple(i / 20 for i in range(1, 20))
LEAST: Final = 60
"""Values on each side: with fewer, the quantiles say too little."""
_TENS: Final = tuple(10.0**k for k in range(1, 13))
_KNOWN: Final = {
    7.0: "days, weeks",
    12.0: "months, years",
    24.0: "hours, days",
    30.0: "days, months",
    60.0: "seconds, minutes",
    365.0: "days, years",
    365.25: "days, years",
    3600.0: "seconds, hours",
    86_400.0: "seconds, days",
    86_400_000.0: "milliseconds, days",
    3_600_000.0: "milliseconds, hours",
    60_000.0: "milliseconds, minutes",
    1024.0: "KiB, MiB",
    1024.0**2: "bytes, MiB",
    1024.0**3: "bytes, GiB",
    1.609344: "kilometres, miles",
    2.204623: "pounds, kilograms",
    2.54: "centimetres, inches",
    25.4: "millimetres, inches",
    3.28084: "feet, metres",
    12.0 * 3.28084: "inches, metres",
    10.7639: "square feet, square metres",
    3.785412: "litres, gallons",
    28.34952: "grams, ounces",
    453.59237: "grams, pounds",
    4.184: "kilojoules, kilocalories",
    math.pi / 180: "",
    180 / math.pi: "degrees, radians",
}
_OFFSETS: Final = (
    (1.8, 32.0, "Fahrenheit", "Celsius", "({x} - 32) / 1.8"),
    (1 / 1.8, -32 / 1.8, "Celsius", "Fahrenheit", "{x} * 1.8 + 32"),
    (1.0, 273.15, "Kelvin", "Celsius", "{x} - 273.15"),
    (1.0, -273.15, "Celsius", "Kelvin", "{x} + 273.15"),
    (1.8, -459.67, "Fahrenheit", "Kelvin", "({x} + 459.67) / 1.8"),
    (1 / 1.8, 459.67 / 1.8, "Kelvin", "Fahrenheit", "{x} * 1.8 - 459.67"),
)
ROWS: Final = 200
"""Values on each side from which on a part of them is looked at."""
FEW: Final = 20
MIXED: Final = 0.02
"""Share of values in another unit that is a finding."""
FAR: Final = 0.3
"""Distance of two distributions from which on they are another thing, and not drift alone."""


@dataclass(frozen=True, slots=True)
class _Sizes:
    """Quantiles of the sizes of a field's numbers that are not 0, by logarithm.

    Args:
        middle: The quantiles.
        low: Least that each may be, by sampling error.
        high: Most.
        rows: Of how many numbers.
    """

    middle: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    rows: int


def examine(data: Datasets) -> Iterator[Finding]:
    """Yield fields that are in another unit than training's, or another field.

    Args:
        data: The datasets.
    """
    for tally, reference in data.compared():
        swapped = dict(_swapped(tally, reference))
        for item in _amounts(tally):
            before = reference.fields.get(item.name)
            if before is None:
                continue
            if item.name in swapped:
                yield _swapped_finding(data, tally, reference, item, swapped[item.name])
                continue
            compared = (data, tally, reference, item, before)
            finding = _offset(*compared) or _ratio(*compared) or _mixed(*compared)
            if finding is not None:
                yield finding


def summary(data: Datasets) -> str:
    """Return the figures in a line."""
    count = sum(len([f for f in _amounts(t) if f.name in r.fields]) for t, r in data.compared())
    fields = "field" if count == 1 else "fields"
    return f"{count} {fields} of numbers compared with those of {_reference_name(data)}"


def _reference_name(data: Datasets) -> str:
    return data.reference.purpose if data.reference else "training, which there is not"


def _amounts(tally: Tally) -> list[FieldTally]:
    roles = (Role.RAW_INPUT, Role.FEATURE, Role.PREDICTION, Role.ACTUAL)
    return [f for f in tally.of_role(*roles) if f.field.kind == "number"]


def _sized(item: FieldTally) -> list[tuple[int, int]]:
    """Return the sizes of numbers other than 0, which often marks a missing value."""
    pairs: dict[int, int] = {}
    for code, n in item.numbers:
        if code:
            pairs[abs(code)] = pairs.get(abs(code), 0) + n
    return sorted(pairs.items())


def _sizes(item: FieldTally) -> _Sizes | None:
    pairs = _sized(item)
    rows = sum(n for _, n in pairs)
    if rows < LEAST:
        return None

    def at(share: float) -> float:
        return log_of(quantile(pairs, share))

    errors = [3 * math.sqrt(s * (1 - s) / rows) for s in SHARES]
    return _Sizes(
        tuple(at(s) for s in SHARES),
        tuple(at(s - e) for s, e in zip(SHARES, errors, strict=True)),
        tuple(at(s + e) for s, e in zip(SHARES, errors, strict=True)),
        rows,
    )


def _ratio(
    data: Datasets, tally: Tally, reference: Tally, item: FieldTally, before: FieldTally
) -> Finding | None:
    """Return a finding if all quantiles are training's times one number; no drift does that."""
    now, then = _sizes(item), _sizes(before)
    if now is None or then is None:
        return None
    moved = [a - b for a, b in zip(now.middle, then.middle, strict=True)]
    error = [
        max(h - m, m - low) + max(th - tm, tm - tl) + 0.01
        for h, m, low, th, tm, tl in zip(
            now.high, now.middle, now.low, then.high, then.middle, then.low, strict=True
        )
    ]
    middle = sorted(moved)[len(moved) // 2]
    typical = sorted(error)[len(error) // 2]
    factor = _factor(middle, typical)
    if factor is None:
        return None
    tens = any(math.isclose(max(factor, 1 / factor), t) for t in _TENS)
    slack = 0.35 if tens and abs(middle) > math.log(50) else 0.15 if tens else 0.02
    agree = sum(abs(m - math.log(factor)) <= e + slack for m, e in zip(moved, error, strict=True))
    if agree < len(moved) - 1 or abs(middle) < 3 * typical:
        return None
    column = item.field.column.column
    owner = data.owner(tally, item)
    times = factor if factor > 1 else 1 / factor
    back = f"{quoted(column)} {'/' if factor > 1 else '*'} {number_literal(times)}"
    what = f" ({_KNOWN[times]}?)" if _KNOWN.get(times) else ""
    direction = "" if factor > 1 else "1/"
    return warning(
        "unit-ratio",
        f"{owner}: {item.name} is {direction}{times:.6g} times {reference.purpose}'s in {agree} of "
        f"{len(moved)} quantiles{what}",
        in_query(owner, back, column),
        data.mended(owner, column, back),
    )


def _mixed(
    data: Datasets, tally: Tally, reference: Tally, item: FieldTally, before: FieldTally
) -> Finding | None:
    """Return a finding if some rows are training's times a power of ten, and the others are not.

    What drifts moves the others, too; here they stay, and the rest is a picture of them.
    """
    sizes, reference_sizes = _sized(item), _sized(before)
    rows, others = sum(n for _, n in sizes), sum(n for _, n in reference_sizes)
    if min(rows, others) < ROWS:
        return None
    for number in (100.0, 1000.0):
        for factor in (number, 1 / number):
            edge = log_of(quantile(reference_sizes, 0.999 if factor > 1 else 0.001))
            beyond = [p for p in sizes if (log_of(p[0]) > edge) is (factor > 1)]
            rest = [p for p in sizes if (log_of(p[0]) > edge) is not (factor > 1)]
            count = sum(n for _, n in beyond)
            if count < FEW or not at_least(count, rows, MIXED) or count > 0.97 * rows:
                continue
            back = edge - math.log(factor)
            moved = [(code_of(math.exp(log_of(c) - math.log(factor))), n) for c, n in beyond]
            like = [p for p in reference_sizes if (log_of(p[0]) > back) is (factor > 1)]
            if sum(n for _, n in like) < FEW:
                continue
            distances = distance(moved, like), distance(rest, reference_sizes)
            near = distance_error(count, sum(n for _, n in like)), distance_error(rows, others)
            # Of what was turned, the part that stays below the edge makes the rest a little denser.
            if distances[0] > 0.05 + near[0] or distances[1] > 0.1 + near[1]:
                continue
            column, owner = item.field.column.column, data.owner(tally, item)
            times = max(factor, 1 / factor)
            name, limit = quoted(column), number_literal(float(f"{math.exp(edge):.6g}"))
            sign, operator = (">", "/") if factor > 1 else ("<", "*")
            turned = f"{name} {operator} {number_literal(times)}"
            sql = f"CASE WHEN abs({name}) {sign} {limit} THEN {turned} ELSE {name} END"
            return warning(
                "unit-ratio",
                f"{owner}: {item.name} is {'' if factor > 1 else '1/'}{times:g} times "
                f"{reference.purpose}'s in {percent(count, rows)} of the rows, and as it is in the "
                "others: do two writers count in different units?",
                f"{in_query(owner, sql, column)}; or by what tells the two apart",
                data.mended(owner, column, sql),
            )
    return None


def _factor(middle: float, typical: float) -> float | None:
    """Return the factor by which all may have been multiplied, or None."""
    size = abs(middle)
    if size < math.log(1.5):
        return None
    best: tuple[float, float] | None = None
    for number in (*_KNOWN, *_TENS):
        size_of = math.log(number) if number > 1 else -math.log(number)
        tens = number in _TENS
        slack = (0.25 if number >= 50 else 0.15) if tens else 0.02
        away = abs(size - size_of)
        # Powers of ten are meant wherever they may be: few take anything else for a unit of money.
        if away <= max(slack, min(typical, 0.1)) and (best is None or away < best[0]):
            best = away, max(number, 1 / number)
    if best is None:
        if size < math.log(5) or typical > 0.1:
            return None
        best = 0.0, float(f"{math.exp(size):.3g}")
    return best[1] if middle > 0 else 1 / best[1]


def _offset(
    data: Datasets, tally: Tally, reference: Tally, item: FieldTally, before: FieldTally
) -> Finding | None:
    """Return a finding if a field is a temperature on another scale."""
    if min(sum(n for _, n in f.numbers) for f in (item, before)) < LEAST:
        return None
    if distance(item.numbers, before.numbers) < 2 * FAR:
        return None
    now, then = _values(item.numbers), _values(before.numbers)
    spread = then[1][-1] - then[1][0]
    if spread <= 0:
        return None
    for factor, shift, unit, reference_unit, back in _OFFSETS:
        expected = [[factor * v + shift for v in side] for side in then]
        error = [
            (h - low) / 2 + (eh - el) / 2 + 0.004 * (abs(m) + abs(factor * t))
            for low, m, h, el, eh, t in zip(*now, expected[0], expected[2], then[1], strict=True)
        ]
        agree = sum(abs(m - e) <= r for m, e, r in zip(now[1], expected[1], error, strict=True))
        tight = sorted(error)[len(error) // 2] <= 0.25 * factor * spread
        if agree >= len(SHARES) - 1 and tight:
            column, owner = item.field.column.column, data.owner(tally, item)
            sql = back.format(x=quoted(column))
            return warning(
                "unit-offset",
                f"{owner}: {item.name} agrees with {reference.purpose}'s in {agree} of "
                f"{len(SHARES)} quantiles if it is in {unit}, and that in {reference_unit}",
                in_query(owner, sql, column),
                data.mended(owner, column, sql),
            )
    return None


def _values(pairs: Sequence[tuple[int, int]]) -> tuple[list[float], list[float], list[float]]:
    """Return the quantiles of numbers, with the least and the most that they may be."""
    rows = sum(n for _, n in pairs)
    errors = [3 * math.sqrt(s * (1 - s) / rows) for s in SHARES]

    def at(sign: int) -> list[float]:
        places = (s + sign * e for s, e in zip(SHARES, errors, strict=True))
        return [value_of(quantile(pairs, place)) for place in places]

    return at(-1), at(0), at(1)


def _swapped(tally: Tally, reference: Tally) -> Iterator[tuple[str, str]]:
    """Yield fields that hold the values of another field in training, each with that field."""
    fields = [f for f in tally.of_role(Role.FEATURE, Role.RAW_INPUT) if f.field.kind == "number"]
    rows = {f.name: sum(n for _, n in f.numbers) for f in fields}
    moved = [
        f
        for f in fields
        if f.name in reference.fields
        and rows[f.name] >= LEAST
        and distance(f.numbers, reference.fields[f.name].numbers) > FAR
    ]
    like: dict[str, list[tuple[float, str]]] = {}
    for one in moved:
        for two in moved:
            other = reference.fields[two.name]
            other_rows = sum(n for _, n in other.numbers)
            if one is two or other_rows < LEAST:
                continue
            difference = distance(one.numbers, other.numbers)
            if difference <= max(0.1, distance_error(rows[one.name], other_rows)):
                like.setdefault(one.name, []).append((difference, two.name))
    for name, distances in like.items():
        best = min(distances)[1]
        # Two that only drifted may meet; two that took each other's place do so both.
        if any(back == name for _, back in like.get(best, ())):
            yield name, best


def _swapped_finding(
    data: Datasets, tally: Tally, reference: Tally, item: FieldTally, other: str
) -> Finding:
    column, owner = item.field.column.column, tally.purpose
    other_column = tally.fields[other].field.column.column
    return warning(
        "swapped-columns",
        f"{owner}: {item.name} holds what {other} holds in {reference.purpose}",
        f"{in_query(owner, quoted(other_column), column)}, and the other way round; or map them so",
        data.replaced(owner, {column: quoted(other_column), other_column: quoted(column)}),
    )
