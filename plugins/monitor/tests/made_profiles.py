"""Profiles counted from plain columns, in plain Python: what the tests of figures begin with."""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from headwater.interfaces.schema import ModelType, Role
from headwater.profiling.cells import About, Key, Place
from headwater.profiling.cells import segment_text as text_of_segment
from headwater.profiling.edges import Edges, FieldEdges
from headwater.profiling.profile import Profile
from headwater.tables.window import Window
from headwater.types import FieldType

NUMERIC, BOOLEAN, STRING = FieldType.NUMERIC, FieldType.BOOLEAN, FieldType.STRING


def quantiles(values: Sequence[float], bins: int = 20) -> tuple[float, ...]:
    """Edges as a profile of training has them: its values at so many quantiles, each once."""
    ordered = sorted(values)
    places = {math.ceil(len(ordered) * k / bins) - 1 for k in range(1, bins)}
    return tuple(sorted({float(ordered[p]) for p in places}))


def edges_of(
    model_type: str, features: Mapping[str, Any], predictions: Mapping[str, FieldEdges]
) -> Edges:
    """Edges of numeric features by their values, and of predictions as they are given."""
    fields = {
        name: values
        if isinstance(values, FieldEdges)
        else FieldEdges(NUMERIC, Role.FEATURE, quantiles(values))
        for name, values in features.items()
    }
    return Edges(ModelType(model_type), {**fields, **predictions})


def profile_of(
    edges: Edges,
    columns: Mapping[str, Sequence[Any]],
    actuals: Mapping[str, Sequence[Any]] | None = None,
    *,
    window: Window | None = None,
    segment: Mapping[str, str | None] | None = None,
    connection: str = "m/v1/serving",
) -> Profile:
    """The profile of rows given as columns; `actuals` by prediction, None where unknown."""
    count = len(next(iter(columns.values())))
    cells: dict[Key, Any] = {Key(None, "rows"): count}
    labelled = {f"actual_{name}": values for name, values in (actuals or {}).items()}
    for name, values in {**columns, **labelled}.items():
        cells |= _field(name, edges.of(name), values)
    for name, values in (actuals or {}).items():
        cells |= _judged(name, edges, columns, values)
    cells = {key: value for key, value in cells.items() if type(value) is not int or value}
    place = Place(window, text_of_segment(segment or {}))
    about = About((connection,))
    return Profile(edges, {place: cells}, tuple(segment or ()), about)


def _field(name: str, field: FieldEdges, values: Sequence[Any]) -> dict[Key, Any]:
    cells: dict[Key, Any] = {
        Key(name, "rows"): len(values),
        Key(name, "null"): sum(v is None for v in values),
    }
    known = [v for v in values if v is not None]
    if field.type is BOOLEAN:
        cells[Key(name, "true")], cells[Key(name, "false")] = known.count(True), known.count(False)
    elif field.type is STRING:
        for word, count in Counter(v for v in known if v in field.vocabulary).items():
            cells[Key(name, "vocabulary", None, word)] = count
        cells[Key(name, "other")] = sum(v not in field.vocabulary for v in known)
    elif field.type is NUMERIC:
        finite = [float(v) for v in known if math.isfinite(v)]
        cells[Key(name, "nan")] = sum(math.isnan(v) for v in known)
        cells[Key(name, "inf")] = sum(v == math.inf for v in known)
        for number, count in Counter(bisect_right(field.edges, v) for v in finite).items():
            cells[Key(name, "histogram", number)] = count
        if finite:
            cells[Key(name, "min")], cells[Key(name, "max")] = min(finite), max(finite)
            cells[Key(name, "sum")] = _sum(finite)
            cells[Key(name, "sum_squares")] = _sum([v * v for v in finite])
    return cells


def _judged(
    name: str, edges: Edges, columns: Mapping[str, Sequence[Any]], actual: Sequence[Any]
) -> dict[Key, Any]:
    cells: dict[Key, Any] = {}
    for prediction, field in edges.items():
        same = prediction == name
        score = edges.model_type is ModelType.BINARY and field.type is NUMERIC
        if field.role is not Role.PREDICTION or not (same or score):
            continue
        pairs = [(p, a) for p, a in zip(columns[prediction], actual, strict=True) if a is not None]
        scored = [(p, a) for p, a in pairs if p is not None]
        cells[Key(prediction, "labelled")] = len(pairs)
        cells[Key(prediction, "scored")] = len(scored)
        if score:
            cells |= _scores(prediction, edges.bins(prediction, "score"), scored)
        elif edges.model_type is ModelType.REGRESSION:
            cells |= _errors(prediction, field, scored)
        else:
            cells[Key(prediction, "correct")] = sum(p == a for p, a in scored)
            words = [
                json.dumps(list(map(_word(field), pair)), separators=(",", ":")) for pair in scored
            ]
            for word, count in Counter(words).items():
                cells[Key(prediction, "confusion", None, word)] = count
    return cells


def _word(field: FieldEdges) -> Any:
    if field.type is BOOLEAN:
        return lambda value: "true" if value else "false"
    return lambda value: value if value in field.vocabulary else None


def _scores(name: str, bins: Sequence[float], scored: Sequence[Any]) -> dict[Key, Any]:
    inside = [(p, "true" if a else "false") for p, a in scored if 0 <= p <= 1]
    cells: dict[Key, Any] = {Key(name, "score_outside"): len(scored) - len(inside)}
    groups: dict[tuple[int, str], list[float]] = {}
    for p, label in inside:
        groups.setdefault((bisect_right(bins, p), label), []).append(p)
    for (number, label), values in groups.items():
        cells[Key(name, "score", number, label)] = len(values)
        cells[Key(name, "score_sum", number, label)] = _sum(values)
    for label in ("true", "false"):
        squares = [p * p for p, was in inside if was == label]
        if squares:
            cells[Key(name, "score_sum_squares", None, label)] = _sum(squares)
    return cells


def _errors(name: str, field: FieldEdges, scored: Sequence[Any]) -> dict[Key, Any]:
    errors = [p - a for p, a in scored]
    cells: dict[Key, Any] = {}
    for number, count in Counter(bisect_right(field.errors, e) for e in errors).items():
        cells[Key(name, "error", number)] = count
    if errors:
        cells[Key(name, "error_min")], cells[Key(name, "error_max")] = min(errors), max(errors)
        cells[Key(name, "error_sum")] = _sum(errors)
        cells[Key(name, "absolute_error_sum")] = _sum([abs(e) for e in errors])
        cells[Key(name, "squared_error_sum")] = _sum([e * e for e in errors])
    return cells


def _sum(values: Sequence[float]) -> Decimal:
    return sum(
        (Decimal(repr(float(v))).quantize(Decimal("1e-6"), ROUND_HALF_UP) for v in values),
        Decimal(0),
    )
