"""Tables of values that engines, files and texts differ about, and what a profile tells of them.

`expected` counts in plain Python, value by value: nothing of it is the code that is tested.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from hashlib import md5
from random import Random
from typing import Any

import pyarrow as pa

import headwater as hw

START = datetime(2026, 3, 27, tzinfo=UTC)
_WORDS = [
    "ann",
    "Z\u00fcrich",
    "Zu\u0308rich",
    "",
    "a'b\\c\n\t",
    "\x01",
    "\U0001f600",
    "NULL",
    "null",
]
_NUMBERS = [
    math.nan, math.inf, -math.inf, -0.0, 0.0, 5e-324, -5e-324, 1.5, 2.5, -2.5, 0.1, 1e-7, 5e-7,
    -5e-7, 1e15, -1e300, 123456.789, 2.0**53, 1 / 3,
]  # fmt: skip


def table(random: Random, rows: int = 200) -> pa.Table:
    """Return rows of a binary model: each type of field, NULLs and odd values in each."""

    def column(draw: Callable[[], Any], type_: pa.DataType, known: float = 0.9) -> pa.Array:
        values = [draw() if random.random() < known else None for _ in range(rows)]
        return pa.array(values, type_)

    def number() -> float:
        return random.choice(_NUMBERS) if random.random() < 0.3 else random.gauss(0, 100)

    def score() -> float:
        return (
            random.choice([0.0, 1.0, -0.0, 0.5, 2.0, math.nan])
            if random.random() < 0.2
            else (random.random())
        )

    moment = pa.timestamp("us", tz="UTC")
    span = 3 * 86400 * 10**6
    return pa.table(
        {
            "id": [f"i{n}" for n in range(rows)],
            "at": pa.array(
                [START + timedelta(microseconds=random.randrange(span)) for _ in range(rows)],
                moment,
            ),
            "x": column(number, pa.float64()),
            "small": column(lambda: random.gauss(0, 1e-5), pa.float64()),
            "half": column(lambda: random.choice([0.1, -0.0, 3.25, math.nan]), pa.float32()),
            "n": column(lambda: random.choice([0, -5, 7, 2**62 + 1, 10]), pa.int64()),
            "money": column(
                lambda: Decimal(random.randrange(-(10**9), 10**9)).scaleb(-4), pa.decimal128(20, 4)
            ),
            "owner": column(lambda: random.choice(_WORDS), pa.string()),
            "code": column(lambda: random.choice([1, -20, 300]), pa.int32()),
            "vip": column(lambda: random.random() < 0.5, pa.bool_()),
            "note": column(
                lambda: random.choice(["e\u0301", "\u00e9", "\U0001f600x", ""])
                + str(random.randrange(40)),
                pa.string(),
            ),
            "emb": column(lambda: [0.5] * random.randrange(4), pa.list_(pa.float64())),
            "tags": column(
                lambda: [(k, 1.0) for k in random.sample(_WORDS, random.randrange(3))],
                pa.map_(pa.string(), pa.float64()),
            ),
            "seen": column(
                lambda: START - timedelta(days=random.randrange(40000), microseconds=1), moment
            ),
            "will": column(lambda: random.random() < 0.5, pa.bool_()),
            "proba": column(score, pa.float64()),
            "did": column(lambda: random.random() < 0.4, pa.bool_(), 0.7),
        }
    )  # fmt: skip


FEATURES = {
    "x": "numeric", "small": "numeric", "half": "numeric", "n": "numeric", "money": "numeric",
    "owner": "string", "code": "categorical", "vip": "boolean", "emb": "array", "tags": "dict",
    "seen": "datetime",
}  # fmt: skip


def binary(workspace: hw.Workspace, rows: pa.Table, model: str = "m") -> hw.Connection:
    """Return a serving connection of a binary model."""
    workspace.create_model(model)
    version = workspace.create_model_version(
        model,
        "v1",
        "binary",
        raw_inputs={"note": "text"},
        features=FEATURES,
        predictions={"will": "boolean", "proba": "numeric"},
    )
    return version.connect_serving(memory(rows), "id", "at", labels={"will": "did"})


def memory(rows: pa.Table) -> hw.MemoryDataSource:
    """Return a source of one table, `log`."""
    return hw.MemoryDataSource(tables={"log": rows}, query="SELECT * FROM log")


Told = dict[tuple[Any, ...], Any]


def expected(rows: pa.Table, edges: hw.Edges) -> Told:
    """Return the cells of a profile of all rows of `binary`, as (field, statistic, bin, label)."""
    told: Told = defaultdict(int)
    columns = {name: rows.column(name).to_pylist() for name in rows.column_names}
    told[None, "rows", None, None] = rows.num_rows
    types = {**FEATURES, "note": "text", "will": "boolean", "proba": "numeric"}
    for field, kind in (*types.items(), ("actual_will", "boolean")):
        values = columns["did" if field == "actual_will" else field]
        told[field, "rows", None, None] = len(values)
        told[field, "null", None, None] = values.count(None)
        known = [v for v in values if v is not None]
        of = edges.of(field)
        match kind:
            case "numeric":
                _numbers(told, field, [float(v) for v in known], of)
            case "boolean":
                told[field, "true", None, None] = known.count(True)
                told[field, "false", None, None] = known.count(False)
            case "string" | "categorical":
                _words_of(told, field, [str(v) for v in known], of.vocabulary)
                told[field, "distinct", None, None] = sketch(str(v) for v in known)
            case "datetime":
                micros = [
                    (v - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
                    for v in known
                ]
                _lengths(told, field, micros, of.edges, ("histogram", "min", "max"))
            case _:
                lengths = [len(v) for v in known]
                _lengths(told, field, lengths, of.edges, ("length", "min_length", "max_length"))
                if lengths:
                    told[field, "sum_length", None, None] = sum(lengths)
                if kind == "text":
                    told[field, "distinct", None, None] = sketch(known)
                if kind == "dict":
                    keys = [k for v in known for k, _ in v]
                    _words_of(told, field, keys, of.vocabulary)
    _decisions(told, columns)
    _scores(told, columns)
    return {key: v for key, v in told.items() if v not in (0, "") or key[1] in _EXTREMES}


_EXTREMES = {
    "min",
    "max",
    "min_length",
    "max_length",
    "sum",
    "sum_squares",
    "score_sum",
    "score_sum_squares",
}


def sketch(values: Any) -> str:
    """Return the smallest 1,024 hashes of texts."""
    found = {md5(str(v).encode()).hexdigest()[:16] for v in values}
    return "".join(sorted(found)[:1024])


def rounded(value: float, power: int) -> Decimal | None:
    """Return a double times a power of ten, rounded to 6 digits; None if it is too large."""
    factor = float(f"1e{abs(power)}")
    scaled = value * factor if power >= 0 else value / factor
    if abs(scaled) >= 2**53:
        return None
    whole = Decimal(scaled).to_integral_value(ROUND_HALF_UP)
    return whole.scaleb(-6)


def _numbers(told: Told, field: str, values: Sequence[float], of: Any) -> None:
    told[field, "nan", None, None] = sum(map(math.isnan, values))
    told[field, "inf", None, None] = values.count(math.inf)
    told[field, "-inf", None, None] = values.count(-math.inf)
    finite = [v + 0.0 for v in values if math.isfinite(v)]
    told[field, "zero", None, None] = finite.count(0.0)
    for value in finite:
        told[field, "histogram", sum(e <= value for e in of.edges), None] += 1
    if not finite:
        return
    told[field, "min", None, None], told[field, "max", None, None] = min(finite), max(finite)
    sums = [rounded(v, of.scale + 6) for v in finite]
    if None not in sums:
        told[field, "sum", None, None] = sum(sums, Decimal(0))
    power = float(f"1e{abs(of.square_scale)}")
    scaled = [v * power if of.square_scale >= 0 else v / power for v in finite]
    squares = [rounded(v * v, 6) for v in scaled]
    if None not in squares:
        told[field, "sum_squares", None, None] = sum(squares, Decimal(0))


def _words_of(told: Told, field: str, values: Sequence[str], vocabulary: Sequence[str]) -> None:
    for value in values:
        if value in vocabulary:
            told[field, "vocabulary", None, value] += 1
        else:
            told[field, "other", None, None] += 1


def _lengths(
    told: Told, field: str, values: Sequence[int], edges: Sequence[float], names: Sequence[str]
) -> None:
    for value in values:
        told[field, names[0], sum(e <= value for e in edges), None] += 1
    if values:
        told[field, names[1], None, None] = min(values)
        told[field, names[2], None, None] = max(values)


def _decisions(told: Told, columns: dict[str, list[Any]]) -> None:
    for predicted, actual in zip(columns["will"], columns["did"], strict=True):
        told["will", "labelled", None, None] += actual is not None
        if predicted is None or actual is None:
            continue
        told["will", "scored", None, None] += 1
        told["will", "correct", None, None] += predicted == actual
        pair = json.dumps([json.dumps(predicted), json.dumps(actual)], separators=(",", ":"))
        told["will", "confusion", None, pair] += 1


def _scores(told: Told, columns: dict[str, list[Any]]) -> None:
    for value, actual in zip(columns["proba"], columns["did"], strict=True):
        told["proba", "labelled", None, None] += actual is not None
        if value is None or actual is None:
            continue
        if not 0 <= value <= 1:
            told["proba", "score_outside", None, None] += 1
            continue
        label = json.dumps(actual)
        bin_ = sum(k / 200 <= value for k in range(1, 200))
        told["proba", "scored", None, None] += 1
        told["proba", "score", bin_, label] += 1
        told["proba", "score_sum", bin_, label] += rounded(value, 6) or 0
        told["proba", "score_sum_squares", None, label] += rounded(value * value, 6) or 0
