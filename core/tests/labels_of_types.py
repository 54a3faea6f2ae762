"""Labels of every model type and field type, and what is known of each: on every engine alike."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

import headwater as hw

AT = datetime(2026, 1, 10, 10, 5, tzinfo=UTC)
TIME = pa.timestamp("us", "UTC")
NAN = math.nan
WINDOW = ("2026-01-10T10:00Z", "2026-01-10T11:00Z")
MONTH = ("2026-01-01", "2026-02-01")
AS_OF = "2026-03-01"


@dataclass(frozen=True)
class Kind:
    """One kind of label.

    Args:
        model_type: The model's type.
        field: The prediction's type.
        arrow: The type of the column.
        less: A value.
        greater: One that is greater.
        same: Values that are the same label, however they are written.
        known: Values that look like nothing, and are known.
    """

    model_type: str
    field: str
    arrow: Any
    less: Any
    greater: Any
    same: tuple[Any, ...]
    known: tuple[Any, ...] = ()


_MAP = pa.map_(pa.string(), pa.float64())
_SCORED = pa.struct([("item", pa.string()), ("score", pa.float64())])
KINDS = {
    "boolean": Kind("binary", "boolean", pa.bool_(), False, True, (True, True), (False,)),
    "double": Kind(
        "regression", "numeric", pa.float64(), 1.5, math.inf, (NAN, NAN), (0.0, -0.0, NAN)
    ),
    "float": Kind("binary", "numeric", pa.float32(), -1.5, 2.5, (-0.0, 0.0), (0.0, NAN)),
    "bigint": Kind("regression", "numeric", pa.int64(), -(2**60), 2**60, (7, 7), (0,)),
    "decimal": Kind(
        "regression",
        "numeric",
        pa.decimal128(12, 3),
        Decimal("1.250"),
        Decimal("1.251"),
        (Decimal("2.000"), Decimal("2.000")),
        (Decimal("0.000"),),
    ),
    "class": Kind("multiclass", "categorical", pa.string(), "Zebra", "cat", ("é", "é"), ("", " ")),
    "class number": Kind("multiclass", "categorical", pa.int32(), 2, 10, (3, 3), (0,)),
    "class text": Kind("multiclass", "string", pa.string(), "a", "ä", ("x", "x"), ("",)),
    "class scores": Kind(
        "multiclass",
        "dict",
        _MAP,
        {"cat": 0.5},
        {"cat": 0.75},
        ({"cat": 0.25, "dog": NAN}, {"dog": NAN, "cat": 0.25}),
        ({}, {"cat": None}, {"": 0.0}),
    ),
    "labels": Kind(
        "multi-label",
        "dict",
        _MAP,
        {"a": 1.0, "b": None},
        {"b": 0.0},
        ({"a": 1.0, "b": -0.0, "c": None}, {"c": None, "b": 0.0, "a": 1.0}),
        ({}, {"a": NAN}),
    ),
    "labels by count": Kind(
        "multi-label",
        "dict",
        pa.map_(pa.string(), pa.int32()),
        {"a": 2},
        {"a": 10},
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({}, {"a": 0}),
    ),
    "ranking": Kind(
        "ranking",
        "array",
        pa.list_(pa.string()),
        ["a", None],
        ["a", ""],
        (["b", "a"], ["b", "a"]),
        ([], [None], [""]),
    ),
    "ranking by score": Kind(
        "ranking",
        "array",
        pa.list_(pa.float64()),
        [0.5],
        [0.5, None],
        ([NAN, -0.0, 1.0], [NAN, 0.0, 1.0]),
        ([], [0.0], [NAN]),
    ),
    "ranking of items": Kind(
        "ranking",
        "array",
        pa.list_(_SCORED),
        [{"item": "a", "score": None}],
        [{"item": "a", "score": -math.inf}],
        ([{"item": "a", "score": 1.0}, None], [{"item": "a", "score": 1.0}, None]),
        ([], [None], [{"item": None, "score": None}]),
    ),
    "ranking of maps": Kind(
        "ranking",
        "array",
        pa.list_(_MAP),
        [{"a": 1.0}],
        [{"a": 2.0}],
        ([{"a": 1.0, "b": 2.0}, None], [{"b": 2.0, "a": 1.0}, None]),
        ([], [None], [{}]),
    ),
    "ranking of lists": Kind(
        "ranking",
        "array",
        pa.list_(pa.list_(pa.int64())),
        [[1, 9]],
        [[2]],
        ([[1], []], [[1], []]),
        ([], [[]], [None]),
    ),
    "relevance": Kind("ranking", "numeric", pa.int32(), 0, 3, (1, 1), (0,)),
}
DATED: dict[str, Any] = {"timestamp": TIME, "date": pa.date32()}


def _later(days: int | None, dated: str) -> Any:
    if days is None:
        return None
    moment = AT.replace(hour=0, minute=0) + timedelta(days=days)
    return date(moment.year, moment.month, moment.day) if dated == "date" else moment


def check(workspace: hw.Workspace, name: str, dated: str, engine: str) -> None:
    """Read labels of a kind from a table of their own; compare what is known with what should be.

    Args:
        workspace: Where the model is described.
        name: Which of `KINDS`.
        dated: How the labels' time is written: `timestamp` (midnights) or `date`.
        engine: What reads.
    """
    kind = KINDS[name]
    first, second = kind.same
    rows: list[tuple[str, Any, int | None]] = [
        ("of the same day", kind.less, 0),
        ("latest", kind.greater, 5),
        ("latest", kind.less, 6),
        ("contradiction", kind.less, 5),
        ("contradiction", kind.greater, 5),
        ("the same", first, 5),
        ("the same", second, 5),
        ("merged", None, 5),
        ("merged", kind.less, 5),
        ("settled", kind.less, 5),
        ("settled", kind.greater, 5),
        ("settled", kind.less, 6),
        ("taken back", kind.less, 5),
        ("taken back", None, 6),
        ("too late", kind.less, 60),
        ("long before", kind.less, -3),
        ("without a time", kind.less, None),
        ("unknown", None, 5),
        *((f"known {i}", v, 5) for i, v in enumerate(kind.known)),
    ]
    expected = {
        "of the same day": kind.less,
        "latest": kind.less,
        "contradiction": kind.greater,
        "the same": first,
        "merged": kind.less,
        "settled": kind.less,
        "taken back": None,
        "too late": None,
        "long before": None,
        "without a time": None,
        "unknown": None,
        "none": None,
        **{f"known {i}": v for i, v in enumerate(kind.known)},
    }
    outcomes = pa.table(
        {
            "pid": [r[0] for r in rows],
            "truth": pa.array([_pairs(r[1]) for r in rows], kind.arrow),
            "day": pa.array([_later(r[2], dated) for r in rows], DATED[dated]),
        }
    )
    log = pa.table(
        {
            "id": list(expected),
            "at": pa.array([AT] * len(expected), TIME),
            "y": pa.array([_pairs(kind.less)] * len(expected), kind.arrow),
        }
    )
    version = _version(workspace, f"{name} {dated} {engine}", kind)
    serving = version.connect_serving(hw.MemoryDataSource(tables={"log": log}), "id", "at")
    source = hw.MemoryDataSource(tables={"outcomes": outcomes})
    version.connect_actuals(source, "pid", {"y": "truth"}, "day")
    for window, early in ((WINDOW, 0), (MONTH, 1)):
        data = serving.read(*window, as_of=AS_OF, engine=engine)
        table = data.to_arrow()
        actuals = table["actual_y"].to_pylist(maps_as_pydicts="strict")
        found = dict(zip(table["id"].to_pylist(), actuals, strict=True))
        assert found.keys() == expected.keys()
        for row, value in expected.items():
            assert _same(found[row], value), (row, found[row], value)
        assert data.stats.conflicts == 1
        assert data.stats.actuals == {"actual_y": sum(v is not None for v in expected.values())}
        # What is dated more than 36 hours before the window is not even read.
        assert (data.stats.early_actuals, data.stats.stale_actuals) == (early, early)
        assert data.stats.untimed_actuals == 1


def check_in_place(workspace: hw.Workspace, name: str, dated: str, engine: str) -> None:
    """Read labels of a kind from the serving table, as of a moment; arguments as for `check`."""
    kind = KINDS[name]
    labels = [kind.less, kind.greater, None, *kind.known]
    days = [5, 60, None, *[5] * len(kind.known)]
    log = pa.table(
        {
            "id": [str(i) for i in range(len(labels))],
            "at": pa.array([AT] * len(labels), TIME),
            "y": pa.array([_pairs(kind.less)] * len(labels), kind.arrow),
            "truth": pa.array([_pairs(v) for v in labels], kind.arrow),
            "day": pa.array([_later(d, dated) for d in days], DATED[dated]),
        }
    )
    version = _version(workspace, f"{name} {dated} {engine} in place", kind)
    serving = version.connect_serving(
        hw.MemoryDataSource(tables={"log": log}),
        "id",
        "at",
        labels={"y": "truth"},
        label_timestamp_column="day",
    )
    data = serving.read(*WINDOW, as_of=AS_OF, engine=engine)
    found = data.to_arrow().sort_by("id")["actual_y"].to_pylist(maps_as_pydicts="strict")
    assert all(map(_same, found, [kind.less, None, None, *kind.known])), found
    assert data.stats.actuals == {"actual_y": 1 + len(kind.known)}
    assert data.stats.untimed_actuals == 0


def _version(workspace: hw.Workspace, name: str, kind: Kind) -> hw.ModelVersion:
    workspace.create_model(name)
    return workspace.create_model_version(
        name, "v1", kind.model_type, predictions={"y": kind.field}
    )


def _pairs(value: Any) -> Any:
    """Return a value with its maps as pyarrow takes them; a dict that is a struct stays one."""
    if isinstance(value, list):
        return [_pairs(v) for v in value]
    if isinstance(value, dict) and "item" not in value:
        return list(value.items())
    return value


def _same(found: Any, expected: Any) -> bool:
    if isinstance(expected, float):
        return isinstance(found, float) and (
            found == expected or (math.isnan(found) and math.isnan(expected))
        )
    if isinstance(expected, list):
        return (
            isinstance(found, list)
            and len(found) == len(expected)
            and all(map(_same, found, expected))
        )
    if isinstance(expected, dict):
        return (
            isinstance(found, dict)
            and found.keys() == expected.keys()
            and all(
                _same(found[k], float(v) if isinstance(v, int) else v) for k, v in expected.items()
            )
        )
    return bool(found == expected) and (found is None) == (expected is None)
