"""Variances, deviations, moments, covariances and correlations, within a tolerance.

Spark adds rows up one after another (Welford) and joins what its tasks found, in an order that is
its own, so that it answers with other last digits from run to run; DuckDB does the same with other
roundings. How far two orders lie apart grows with the square root of the number of rows, times how
large the values are beside their deviations. Both are looked at where the rows are read: where the
tolerance can't be kept, the read ends with an error.

Source: Apache Spark 4.1, `CentralMomentAgg`, `Covariance`, `PearsonCorrelation`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from headwater import types as t
from headwater.sql.portable.comparing import widened
from headwater.sql.portable.pieces import Piece, evaluated, made, refuse_unless
from headwater.sql.portable.raising import not_portable

Builder = Callable[[list[Piece], bool, Callable[[str], str], float], Piece]
"""`(arguments, distinct, over, tolerance) -> piece`."""

_ROUNDING: Final = 8 * 2.0**-53
"""Times the root of the number of rows, times the values' size in deviations. Measured were up to
1.7 for one order of rows, 10 to 400,000 of them: in any order and sorted, normal, of two values,
constant but for a few, with outliers, with means of up to a million million deviations."""
_MANY: Final = "1e-12"
"""Of so many rows times their size running means stand still, and errors add up one by one."""
_MOST: Final = "1e150"
"""Up to this squares are finite."""
_LEAST: Final = "1e-130"
"""From this on squares have all their digits."""
_NAN: Final = "CAST('NaN' AS DOUBLE)"
_ZERO: Final = "CAST(0 AS DOUBLE)"


def _number(piece: Piece, name: str) -> Piece:
    refuse_unless(piece.type.is_numeric, f"{name}({piece.type})")
    return widened(piece, t.DOUBLE)


def _deviation(name: str, function: str) -> Builder:
    """Return the rule of a variance, or of its root, by DuckDB's function."""

    def build(
        arguments: list[Piece], distinct: bool, over: Callable[[str], str], tolerance: float
    ) -> Piece:
        refuse_unless(not distinct, f"{name}(DISTINCT ...)")
        refuse_unless(len(arguments) == 1, f"{name} of several arguments")
        value = _number(arguments[0], name)
        x = value.sql
        some = f"CASE WHEN abs({x}) <= {_MOST} THEN {x} END"
        count = over(f"count({x})")
        single = "0 THEN NULL" if function.endswith("_pop") else "1 THEN NULL"
        spread = _spread(over, some)
        far = not_portable(f"{name}() of numbers beyond {_MOST}, or all below {_LEAST}", t.DOUBLE)
        near = not_portable(_near(name), t.DOUBLE)
        sql = (
            f"CASE WHEN {count} <= {single} "
            f"WHEN {over(f'count(CASE WHEN isfinite({x}) THEN 1 END)')} < {count} THEN {_NAN} "
            f"WHEN {over(f'max(abs({x}))')} > {_MOST} THEN {far} "
            f"WHEN {_same(over, x)} THEN {_ZERO} "
            f"WHEN {over(f'max(abs({x}))')} < {_LEAST} THEN {far} "
            f"WHEN NOT {_apart(count, spread)} <= {tolerance!r} THEN {near} "
            f"ELSE {over(f'{function}({some})')} END"
        )
        return made(sql, t.DOUBLE, [value], declines=True)

    return build


def _spread(over: Callable[[str], str], some: str) -> str:
    """Return the size of values beside their deviations; infinite where there are none."""
    mean, variance = over(f"avg({some})"), over(f"var_pop({some})")
    return f"sqrt(1e0 + {mean} * {mean} / {variance})"


def _apart(count: str, spread: str) -> str:
    """Return how far two orders of rows may lie apart."""
    return f"{_ROUNDING!r} * sqrt({count}) * {spread} * greatest(1e0, {count} * {spread} * {_MANY})"


def _near(name: str) -> str:
    return f"{name}() of so many rows, or of values so near to each other, within the tolerance"


def _both(one: Piece, other: Piece) -> tuple[str, str, str]:
    """Return whether two numbers have a value, and each of them where both have."""
    both = f"{one.sql} IS NOT NULL AND {other.sql} IS NOT NULL"
    x, y = (f"CASE WHEN {both} THEN {p.sql} END" for p in (one, other))
    return both, x, y


def _same(over: Callable[[str], str], *columns: str) -> str:
    """Return whether one of some columns is constant."""
    return " OR ".join(f"{over(f'min({x})')} = {over(f'max({x})')}" for x in columns)


def _joint(name: str, function: str) -> Builder:
    """Return the rule of a covariance or correlation."""

    def build(
        arguments: list[Piece], distinct: bool, over: Callable[[str], str], tolerance: float
    ) -> Piece:
        refuse_unless(not distinct, f"{name}(DISTINCT ...)")
        refuse_unless(len(arguments) == 2, f"{name} takes two arguments")
        one, other = (_number(a, name) for a in arguments)
        both, x, y = _both(one, other)
        small = f"abs({one.sql}) <= {_MOST} AND abs({other.sql}) <= {_MOST}"
        u, v = (f"CASE WHEN {small} THEN {p.sql} END" for p in (one, other))
        count = over(f"count({x})")
        finite = f"isfinite({one.sql}) AND isfinite({other.sql})"
        nan = f"{both} AND (isnan({one.sql}) OR isnan({other.sql}))"
        single = "0 THEN NULL" if function == "covar_pop" else "1 THEN NULL"
        same = _same(over, x, y)
        sizes = [over(f"max(abs({z}))") for z in (x, y)]
        large, little = (f"{f}({', '.join(sizes)})" for f in ("greatest", "least"))
        # Both variances are multiplied before the root is taken.
        most, least = ("1e70", "1e-60") if function == "corr" else (_MOST, _LEAST)
        far = not_portable(f"{name}() of numbers beyond {most}, or all below {least}", t.DOUBLE)
        near = not_portable(_near(name), t.DOUBLE)
        product = over(f"{'covar_pop' if function == 'corr' else function}({u}, {v})")
        # An infinite covariance stays so, or becomes NaN, by the order of rows.
        endless = not_portable(f"{name}() of infinite numbers", t.DOUBLE)
        if function == "corr":
            endless = _NAN
            # Spark divides by zero, or by what its tasks' roundings left.
            constant = not_portable("corr() of a column that is constant", t.DOUBLE)
            root = f"sqrt({over(f'var_pop({u})')} * {over(f'var_pop({v})')})"
            product = f"{product} / {root}"
        else:
            constant = _ZERO
        share = _apart(count, f"({_spread(over, u)} + {_spread(over, v)})")
        sql = (
            f"CASE WHEN {count} <= {single} "
            f"WHEN {over(f'count(CASE WHEN {nan} THEN 1 END)')} > 0 THEN {_NAN} "
            f"WHEN {over(f'count(CASE WHEN {finite} THEN 1 END)')} < {count} THEN {endless} "
            f"WHEN {large} > {most} THEN {far} "
            f"WHEN {same} THEN {constant} "
            f"WHEN {little} < {least} THEN {far} "
            f"WHEN NOT {share} <= {tolerance!r} THEN {near} "
            f"ELSE {product} END"
        )
        risky = function == "corr"
        return made(sql, t.DOUBLE, (one, other), raises=risky, declines=True)

    return build


_MOMENTS_MOST: Final = "1e45"
_MOMENTS_LEAST: Final = "1e-30"
"""Between these, sixth powers are finite and have all their digits."""
_MOMENTS: Final = 4
"""How many times further apart two orders of rows lie than those of a variance. Measured were up to
7 for the fourth moment, 2 for the third, on the values that are named above."""


def _moment(name: str) -> Builder:
    """Return the rule of skewness or kurtosis: of deviations from the mean, in a second pass."""

    def build(
        arguments: list[Piece], distinct: bool, over: Callable[[str], str], tolerance: float
    ) -> Piece:
        refuse_unless(not distinct, f"{name}(DISTINCT ...)")
        value = _number(arguments[0], name)
        x = value.sql
        some = f"CASE WHEN abs({x}) <= {_MOMENTS_MOST} THEN {x} END"
        count = over(f"count({x})")
        far = not_portable(
            f"{name}() of numbers beyond {_MOMENTS_MOST}, or all below {_MOMENTS_LEAST}", t.DOUBLE
        )
        near = not_portable(_near(name), t.DOUBLE)
        # NULL, or a quotient of what joining Spark's tasks left.
        constant = not_portable(f"{name}() of a column that is constant", t.DOUBLE)
        apart = f"{_MOMENTS} * {_apart(count, _spread(over, some))}"
        sql = (
            f"CASE WHEN {count} = 0 THEN NULL "
            f"WHEN {over(f'count(CASE WHEN isfinite({x}) THEN 1 END)')} < {count} THEN {_NAN} "
            f"WHEN {over(f'max(abs({x}))')} > {_MOMENTS_MOST} THEN {far} "
            f"WHEN {count} = 1 OR {over(f'max(abs({x}))')} = 0 THEN NULL "
            f"WHEN {_same(over, x)} THEN {constant} "
            f"WHEN {over(f'max(abs({x}))')} < {_MOMENTS_LEAST} THEN {far} "
            f"WHEN NOT {apart} <= {tolerance!r} THEN {near} "
            f"ELSE sp_{name}({over(f'list({some})')}) END"
        )
        return made(sql, t.DOUBLE, [value], declines=True)

    return build


def of_pair(arguments: list[Piece], place: int) -> Piece:
    """Return one of two arguments where both have a value, as the functions regr_... take them."""
    value, other = arguments[place], arguments[1 - place]
    some = f"CASE WHEN {evaluated(other)} IS NOT NULL THEN {value.sql} END"
    return made(some, value.type, (value, other))


def _paired(name: str, place: int, build: Builder) -> Builder:
    """Return a rule of one argument, over the rows in which both have a value."""

    def of_pairs(
        arguments: list[Piece], distinct: bool, over: Callable[[str], str], tolerance: float
    ) -> Piece:
        pair = of_pair(arguments, place)
        piece = build([pair], distinct, over, tolerance)
        if name in ("regr_sxx", "regr_syy"):
            return made(f"({over(f'count({pair.sql})')} * {piece.sql})", t.DOUBLE, [piece])
        return piece

    return of_pairs


def _slope(name: str) -> Builder:
    """Return the rule of `regr_slope(y, x)`, and of the slope that another figure is made of."""

    def build(
        arguments: list[Piece], distinct: bool, over: Callable[[str], str], tolerance: float
    ) -> Piece:
        """Return the covariance by the variance of x, NULL of one row."""
        covariance = _joint(name, "covar_pop")(arguments, distinct, over, tolerance)
        variance = _paired(name, 1, _deviation(name, "var_pop"))(
            arguments, distinct, over, tolerance
        )
        slope = f"({covariance.sql} / nullif({variance.sql}, 0))"
        return _of_lines(name, arguments, over, made(slope, t.DOUBLE, (covariance, variance)))

    return build


def _products(
    arguments: list[Piece], distinct: bool, over: Callable[[str], str], tolerance: float
) -> Piece:
    """Return `regr_sxy(y, x)`: the covariance, as often as there are pairs."""
    covariance = _joint("regr_sxy", "covar_pop")(arguments, distinct, over, tolerance)
    _, x, _ = _both(*(_number(a, "regr_sxy") for a in arguments))
    return made(f"({over(f'count({x})')} * {covariance.sql})", t.DOUBLE, [covariance])


def _intercept(
    arguments: list[Piece], distinct: bool, over: Callable[[str], str], tolerance: float
) -> Piece:
    """Return `regr_intercept(y, x)`: what the slope leaves of the mean of y, NULL of one row."""
    slope = _slope("regr_intercept")(arguments, distinct, over, tolerance)
    _, y, x = _both(*(_number(a, "regr_intercept") for a in arguments))
    sql = f"({over(f'avg({y})')} - {slope.sql} * {over(f'avg({x})')})"
    return made(sql, t.DOUBLE, [slope])


def _determination(
    arguments: list[Piece], distinct: bool, over: Callable[[str], str], tolerance: float
) -> Piece:
    """Return `regr_r2(y, x)`: the correlation's square, which differs twice as much."""
    piece = _joint("regr_r2", "corr")(arguments, distinct, over, tolerance / 2)
    squared = f"list_transform([{piece.sql}], lambda z: z * z)[1]"
    return _of_lines("regr_r2", arguments, over, made(squared, t.DOUBLE, [piece]))


def _of_lines(name: str, arguments: list[Piece], over: Callable[[str], str], found: Piece) -> Piece:
    """Return a figure of a line through points that are not all above or beside each other.

    Spark's sums of squares of a constant are 0, or what joining its tasks' averages left.
    """
    _, x, y = _both(*(_number(a, name) for a in arguments))
    constant = not_portable(f"{name}() of a column that is constant", t.DOUBLE)
    several = f"{over(f'count({x})')} > 1"
    sql = f"CASE WHEN {several} AND ({_same(over, x, y)}) THEN {constant} ELSE {found.sql} END"
    return made(sql, t.DOUBLE, [found], declines=True)


BUILDERS: Final[dict[str, Builder]] = {
    "skewness": _moment("skewness"),
    "kurtosis": _moment("kurtosis"),
    "regr_sxx": _paired("regr_sxx", 1, _deviation("regr_sxx", "var_pop")),
    "regr_syy": _paired("regr_syy", 0, _deviation("regr_syy", "var_pop")),
    "regr_slope": _slope("regr_slope"),
    "regr_sxy": _products,
    "regr_intercept": _intercept,
    "regr_r2": _determination,
    "var_pop": _deviation("var_pop", "var_pop"),
    "var_samp": _deviation("var_samp", "var_samp"),
    "stddev_pop": _deviation("stddev_pop", "stddev_pop"),
    "stddev_samp": _deviation("stddev", "stddev_samp"),
    "covar_pop": _joint("covar_pop", "covar_pop"),
    "covar_samp": _joint("covar_samp", "covar_samp"),
    "corr": _joint("corr", "corr"),
}
"""Rules for aggregates within a tolerance, by the names that the table has for them."""
