"""Calls of the table's functions with arguments of every type that Spark takes, and their values.

`table()` has columns of each type, `calls` draws calls over them, argument by argument: types from
the entry `takes`, a column or a constant for each. What the gate admits of them has to be what
Spark answers, whatever row or rule admitted it.
"""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import combinations
from typing import Any, Final

import pyarrow as pa

from headwater.sql.functions.table import LAMBDA, SAMPLES, UNIT, Form, Function

ROWS: Final = 240
GROUPS: Final = 9
"""Rows of a group differ in number: the first ones are large, the last one has none but NULLs."""
NAN, INF = math.nan, math.inf

_DOUBLES: Final = [
    0.0, -0.0, 1.0, -1.0, 2.0, 0.5, -0.5, NAN, INF, -INF, 5e-324, -5e-324, 3.0, -3.5, 2.5, 10.0,
    2.2250738585072014e-308, 1.7976931348623157e308, -1.7976931348623157e308, 1e15, 1e22, 0.1, -0.1,
    math.nextafter(1, 0), math.nextafter(1, 2), 1e-10, 709.782712893384, 709.7827128933841, -745.2,
    4503599627370495.5, 2.0**53, 2.0**31, 2.0**63, -(2.0**63), 0.34657359027997264, 0.75, 100.0,
]  # fmt: skip
_INTS: Final = [0, 1, -1, 2, 3, -3, 5, 7, 10, 100, 2**31 - 1, -(2**31), 65, 255, 31, 32, 64]
_TEXTS: Final = [
    "", "a", "b", "ab", "A", "é", "x,y", "1", "-2.5", "a b", "12", "日本", "aXbX", " a ", "0",
]  # fmt: skip


def _double(r: random.Random) -> float:
    match r.randrange(6):
        case 0:
            return float(struct.unpack(">d", r.randbytes(8))[0])
        case 1:
            return r.uniform(-2, 2)
        case 2:
            return 1 + r.uniform(-1, 1) * 2.0 ** -r.randint(1, 52)
        case 3:
            return r.uniform(-750, 750)
        case 4:
            return r.lognormvariate(0, 4)
    return r.choice(_DOUBLES)


def _number(bits: int) -> Callable[[random.Random], int]:
    half = 2 ** (bits - 1)
    near = [x for x in (*_INTS, half - 1, -half, half // 2) if -half <= x < half]

    def draw(r: random.Random) -> int:
        return r.choice(near) if r.random() < 0.6 else r.randrange(-20, 20)

    return draw


def _decimal(digits: int, scale: int) -> Callable[[random.Random], Decimal]:
    most = 10**digits - 1

    def draw(r: random.Random) -> Decimal:
        unscaled = r.choice(
            [0, 1, -1, 5, 10, most, -most, r.randint(-most, most), r.randint(0, 999)]
        )
        return Decimal(f"{unscaled}E-{scale}")

    return draw


def _day(r: random.Random) -> date:
    return r.choice(
        [date(1970, 1, 1), date(2024, 2, 29), date(1999, 12, 31), date(1600, 3, 1)]
    ) + timedelta(days=r.randrange(-400, 400))


def _moment(r: random.Random) -> datetime:
    return datetime(2024, 3, 10, tzinfo=UTC) + timedelta(
        microseconds=r.choice([0, -1, 1, r.randrange(-(10**15), 10**15), 10**12])
    )


def _list(draw: Callable[[random.Random], Any]) -> Callable[[random.Random], list[Any]]:
    def drawn(r: random.Random) -> list[Any]:
        few = [draw(r) for _ in range(3)]
        size = r.choice([0, 1, 2, 3, 5])
        return [None if r.random() < 0.15 else r.choice([*few, draw(r)]) for _ in range(size)]

    return drawn


def _dict(
    key: Callable[[random.Random], Any], value: Callable[[random.Random], Any]
) -> Callable[[random.Random], list[tuple[Any, Any]]]:
    def drawn(r: random.Random) -> list[tuple[Any, Any]]:
        keys = dict.fromkeys(key(r) for _ in range(r.choice([0, 1, 2, 3])))
        return [(k, None if r.random() < 0.15 else value(r)) for k in keys]

    return drawn


def _pair(r: random.Random) -> dict[str, Any]:
    return {"a": r.choice([None, *_INTS]), "b": r.choice([None, *_TEXTS])}


_INT, _TEXT = _number(32), (lambda r: r.choice(_TEXTS))
_PAIR: Final = pa.struct([("a", pa.int32()), ("b", pa.string())])
_KINDS: Final[dict[str, tuple[str, pa.DataType, Callable[[random.Random], Any]]]] = {
    "bo": ("boolean", pa.bool_(), lambda r: r.random() < 0.5),
    "ti": ("tinyint", pa.int8(), _number(8)),
    "sm": ("smallint", pa.int16(), _number(16)),
    "in": ("int", pa.int32(), _INT),
    "bi": ("bigint", pa.int64(), _number(64)),
    "fl": ("float", pa.float32(), lambda r: struct.unpack("f", struct.pack("f", _few(r)))[0]),
    "do": ("double", pa.float64(), _double),
    "de": ("decimal", pa.decimal128(12, 2), _decimal(12, 2)),
    "dw": ("decimal", pa.decimal128(38, 10), _decimal(38, 10)),
    "ds": ("decimal", pa.decimal128(5, 5), _decimal(5, 5)),
    "st": ("string", pa.string(), _TEXT),
    "by": ("binary", pa.binary(), lambda r: r.choice(_TEXTS).encode() + r.randbytes(2)),
    "da": ("date", pa.date32(), _day),
    "ts": ("timestamp", pa.timestamp("us", "UTC"), _moment),
    "nt": ("timestamp_ntz", pa.timestamp("us"), lambda r: _moment(r).replace(tzinfo=None)),
    "ab": ("array<boolean>", pa.list_(pa.bool_()), _list(lambda r: r.random() < 0.5)),
    "ai": ("array<int>", pa.list_(pa.int32()), _list(_INT)),
    "al": ("array<bigint>", pa.list_(pa.int64()), _list(_number(64))),
    "ad": ("array<double>", pa.list_(pa.float64()), _list(_double)),
    "af": ("array<float>", pa.list_(pa.float32()),
           _list(lambda r: struct.unpack("f", struct.pack("f", _few(r)))[0])),
    "ac": ("array<decimal>", pa.list_(pa.decimal128(12, 2)), _list(_decimal(12, 2))),
    "ax": ("array<string>", pa.list_(pa.string()), _list(_TEXT)),
    "at": ("array<date>", pa.list_(pa.date32()), _list(_day)),
    "am": ("array<timestamp>", pa.list_(pa.timestamp("us", "UTC")), _list(_moment)),
    "aa": ("array<array>", pa.list_(pa.list_(pa.int32())), _list(_list(_INT))),
    "as": ("array<struct>", pa.list_(_PAIR), _list(_pair)),
    "mi": ("string->int", pa.map_(pa.string(), pa.int32()), _dict(_TEXT, _INT)),
    "ms": ("string->string", pa.map_(pa.string(), pa.string()), _dict(_TEXT, _TEXT)),
    "mn": ("int->string", pa.map_(pa.int32(), pa.string()), _dict(_INT, _TEXT)),
    "su": ("struct", _PAIR, _pair),
}  # fmt: skip
"""Columns by the beginning of their names: the table's word for the type, the type, its values."""
_COPIES: Final = "abc"


def _few(r: random.Random) -> float:
    return r.choice([0.0, -0.0, 1.0, -1.5, 0.1, NAN, INF, -INF, 1e-45, 3e38, r.uniform(-9, 9)])


def table() -> pa.Table:
    """Return a table with three columns of each type, a key `k`, groups `g` and places `p`."""
    r = random.Random(15)
    groups = [min(int(r.expovariate(0.5)), GROUPS - 2) for _ in range(ROWS)]
    columns: dict[str, pa.Array] = {
        "k": pa.array(range(ROWS), pa.int32()),
        "g": pa.array([GROUPS - 1 if k % 40 == 0 else g for k, g in enumerate(groups)], pa.int32()),
        "p": pa.array(
            [r.randrange(6) if r.random() < 0.9 else None for _ in range(ROWS)], pa.int32()
        ),
        "w": pa.array([r.random() < 0.7 for _ in range(ROWS)], pa.bool_()),
    }
    for start, (_, type_, draw) in _KINDS.items():
        for copy in _COPIES:
            values = [None if k % 40 == 0 or r.random() < 0.07 else draw(r) for k in range(ROWS)]
            columns[f"{start}_{copy}"] = pa.array(values, type_)
    return pa.table(columns)


BY_HAND: Final = frozenset({"e", "pi", "extract", "position", "struct", "named_struct"})
"""Functions that have no arguments to draw, or a syntax of their own."""

_CONSTANTS: Final[Mapping[str, Sequence[str]]] = {
    "void": ["NULL"],
    "boolean": ["true", "false"],
    "tinyint": ["1Y"],
    "smallint": ["2S"],
    "int": ["0", "1", "2", "3", "-1", "-2", "5", "10"],
    "bigint": ["1L", "-3L"],
    "float": ["CAST(1.5 AS FLOAT)"],
    "double": ["0.5D", "2D", "-1.5D", "1e10D", "CAST('NaN' AS DOUBLE)"],
    "decimal": ["0.5", "1.25", "-2.0", "0.95"],
    "string": ["''", "'a'", "','", "'ab'", "'1'", "'b'"],
    "date": ["DATE '2024-02-29'"],
    "timestamp": ["TIMESTAMP '2024-03-10 01:02:03.4'"],
    "array<int>": ["array(1, 2)", "array(3, NULL)"],
    "array<string>": ["array('a', 'b')"],
    "array<double>": ["array(0.25D, 0.75D)"],
    "array<decimal>": ["array(0.25, 0.75)"],
    "array<void>": ["array()", "array(NULL)"],
    "string->int": ["map('a', 1)"],
}
_BODIES: Final = {
    1: ["x", "x IS NULL", "x IS NOT NULL", "x = x", "x > x", "coalesce(x, x)", "size(array(x))"],
    2: [
        "x",
        "y",
        "x = y",
        "x < y",
        "coalesce(x, y)",
        "struct(x, y)",
        "x + y",
        "x IS NULL AND y > 0",
    ],
    3: ["x", "y", "z", "coalesce(y, z)", "y + z", "array(y, z)"],
}


def lambdas(r: random.Random) -> str:
    """Return a lambda of one to three variables."""
    count = r.choice([1, 1, 2, 2, 3])
    names = ", ".join("xyz"[:count])
    return f"{names if count == 1 else f'({names})'} -> {r.choice(_BODIES[count])}"


def _fitting(form: Form, number: int, r: random.Random) -> list[str] | None:
    """Return arguments that agree as the form wants it, or None."""
    found = [_argument(form, place, r) for place in range(number)]
    words, texts = [w for w, _ in found], [t for _, t in found]
    if not all(texts):
        return None
    for agreement in form.agreement:
        places = [agreement.places] if agreement.places else list(combinations(range(number), 2))
        for one, other in places:
            known = agreement.relation.get(words[one]) if other < number else None
            if known is not None and words[other] not in known:
                return None
    return texts


def _argument(form: Form, place: int, r: random.Random) -> tuple[str, str]:
    """Return the word of an argument's type and the argument; no text where there is none."""
    parameter = form.parameter(place)
    if LAMBDA in parameter.takes and r.random() < 0.9:
        return LAMBDA, lambdas(r)
    words = sorted(parameter.takes - {LAMBDA, UNIT})
    columns = [(word, c) for c, (word, _, _) in _KINDS.items() if word in words]
    constants = [(word, text) for word in words for text in _CONSTANTS.get(word, ())]
    as_constant = parameter.only_constant or r.random() < 0.3
    if constants and (as_constant or not columns):
        return r.choice(constants)
    if not columns:
        return "", ""
    word, column = r.choice(columns)
    return word, f"{column}_{r.choice(_COPIES)}"


def calls(function: Function, r: random.Random, count: int) -> Iterator[str]:
    """Yield calls of a function, each once."""
    seen = set()
    for _ in range(count if function.forms else 0):
        form = r.choice(function.forms)
        most = len(form.parameters) + form.repeated * r.choice([0, 0, 1])
        number = r.choice([n for n in range(form.needed, most + 1) if form.fits(n)] or [0])
        if not form.fits(number):
            continue
        drawn = (_fitting(form, number, r) for _ in range(40))
        arguments = next((a for a in drawn if a is not None), None)
        if arguments is None:
            continue
        text = f"{function.name}({', '.join(arguments)})"
        if text not in seen:
            seen.add(text)
            yield text


_ORDERS: Final = ["k", "k DESC", "p, k", "p DESC NULLS LAST, k DESC", "st_a, k", "do_a DESC, k"]
_FRAMES: Final = [
    "",
    "",
    "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING",
    "ROWS BETWEEN 3 PRECEDING AND CURRENT ROW",
    "ROWS BETWEEN 2 PRECEDING AND 1 PRECEDING",
    "ROWS BETWEEN 1 FOLLOWING AND 4 FOLLOWING",
    "ROWS 2 PRECEDING",
    "RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING",
]
_STAND_INS: Final = {
    **{key: ["0", "-1", "NULL", "7Y"] for key in ("ti", "sm", "in", "bi", "fl", "do", "de")},
    "do": ["0", "0.1", "in_b", "fl_b", "1e3D"],
    "bi": ["ti_b", "-3L"],
    "st": ["'none'", "0", "in_b", "bo_b"],
    "ts": ["ts_b", "da_b", "NULL"],
}
_LISTED: Final = ["in_a", "do_a", "st_a", "da_a", "ai_a", "su_a", "bo_a", "de_a"]


def _middle(r: random.Random) -> str:
    """Return a percentile, which Spark takes over whole partitions only."""
    number = r.choice(["ti_a", "in_a", "bi_a", "fl_a", "do_a", "de_a"])
    share, how = r.choice([0, 0.5, 1]), r.choice(["", " DESC"])
    name = r.choice(["percentile_cont", "percentile_disc"])
    ordered = f"{name}({share}) WITHIN GROUP (ORDER BY {number}{how})"
    return r.choice([f"median({number})", f"percentile({number}, {share})", ordered])


def over(r: random.Random, count: int) -> Iterator[str]:
    """Yield calls of window functions over windows whose order tells all rows apart."""
    for _ in range(count):
        start = r.choice([s for s in _KINDS if s != "dw"])
        value, number = f"{start}_a", r.choice(["ti_a", "sm_a", "in_a", "de_a"])
        nulls = r.choice(["", "", " IGNORE NULLS", " RESPECT NULLS"])
        frame = r.choice(_FRAMES)
        match r.randrange(6):
            case 0:
                offset = r.choice(["1", "2", "-1", "30", "0"])
                other = r.choice(_STAND_INS.get(start, ["NULL"]))
                rest = r.choice(["", f", {offset}", f", {offset}, {other}"])
                made, frame = f"{r.choice(['lag', 'lead'])}({value}{rest}){nulls}", ""
            case 1:
                name = r.choice(["first_value", "last_value", "first", "last", "any_value"])
                made = r.choice([f"{name}({value}){nulls}", f"nth_value({value}, 2){nulls}"])
            case 2:
                made = r.choice(["row_number()", "rank()", "dense_rank()", "ntile(3)"])
                made, frame = r.choice([made, "percent_rank()", "cume_dist()"]), ""
            case 3:
                made = f"collect_list({r.choice(_LISTED)})"
            case 4:
                yield f"{_middle(r)} OVER (PARTITION BY g)"
                continue
            case _:
                made = f"{r.choice(['sum', 'avg', 'min', 'max', 'count'])}({number})"
        yield f"{made} OVER (PARTITION BY g ORDER BY {r.choice(_ORDERS)} {frame})"


assert {word for word, _, _ in _KINDS.values()} <= SAMPLES.keys()
