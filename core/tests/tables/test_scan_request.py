from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import pytest

from headwater.errors import SourceError
from headwater.tables.relation import StreamRelation
from headwater.tables.scan_request import Condition, Opened, ScanRequest
from headwater.tables.table import Column, TableName
from headwater.tables.window import Window
from headwater.types import INT

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
LATE = Condition("At", ">=", (START,))
EARLY = Condition("At", "<", (END,))
SOME = Condition("word", "in", ("a", "b"))
REQUEST = ScanRequest(("at", "word"), (LATE, EARLY, SOME), "at")


def test_a_request_says_what_it_is_about() -> None:
    assert REQUEST.on("AT") == (LATE, EARLY)
    assert REQUEST.on(None) == ()
    assert REQUEST.bounds("at") == (START, END)
    assert REQUEST.bounds("word") == (None, None)
    assert REQUEST.window == Window(START, END)
    assert str(REQUEST) == (
        "at, word where At >= 2026-01-01T00:00:00+00:00 and "
        "At < 2026-01-02T00:00:00+00:00 and word in (a, b)"
    )
    assert pickle.loads(pickle.dumps(REQUEST)) == REQUEST


def test_its_window_is_the_narrowest_whatever_the_type() -> None:
    later = Condition("at", ">=", (datetime(2026, 1, 1, 12, tzinfo=UTC),))
    narrow = ScanRequest(("at",), (LATE, later, EARLY), "at")
    assert narrow.window == Window.of("2026-01-01T12:00", "2026-01-02")
    first, behind = (date(2026, 1, day) for day in (1, 3))
    days = ScanRequest(
        ("d",), (Condition("d", ">=", (first,)), Condition("d", "<", (behind,))), "d"
    )
    assert days.window == Window.of("2026-01-01", "2026-01-03")
    assert ScanRequest(("at",), (LATE,), "at").window is None
    assert ScanRequest(("at",), (LATE, EARLY)).window is None
    nothing = ScanRequest(("at",), (Condition("at", ">=", (END,)), EARLY), "at")
    assert nothing.window is None


@pytest.mark.parametrize(("operator", "values"), [("in", ()), (">=", (1, 2)), ("<", ())])
def test_a_condition_has_as_many_values_as_it_takes(operator: Any, values: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="takes not"):
        Condition("n", operator, values)


def _named(columns: Sequence[str]) -> Sequence[str]:
    return columns


def _annotated(wanted: ScanRequest) -> ScanRequest:
    return wanted


def _request(request):  # type: ignore[no-untyped-def]
    return request


class _Called:
    def __call__(self, request: ScanRequest) -> ScanRequest:
        return request


def _bound(table: str, request: ScanRequest, *, deep: bool = False) -> ScanRequest:
    return request


@pytest.mark.parametrize(
    "open_",
    [_annotated, _request, _Called(), _Called().__call__, partial(_bound, "t", deep=True),
     lambda request: request],
)  # fmt: skip
def test_an_open_that_takes_a_request_is_given_it(open_: Callable[[Any], Any]) -> None:
    relation = StreamRelation(TableName("d", "t"), (Column("n", INT),), open_)
    assert relation.opened(REQUEST) == Opened(REQUEST)


@pytest.mark.parametrize("open_", [_named, list, lambda names: names, lambda *names: names[0]])
def test_an_older_open_is_given_the_names(open_: Callable[[Any], Any]) -> None:
    relation = StreamRelation(TableName("d", "t"), (Column("n", INT),), open_)
    assert relation.opened(REQUEST).rows == ["at", "word"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (Opened([], [Condition("word", "in", ("a",))]), r"applied word in \(a\), and nobody"),
        (Opened([], limited=True), "applied a limit, and nobody asked"),
    ],
)
def test_a_source_that_applied_what_nobody_asked_for_is_refused(given: Opened, told: str) -> None:
    relation = StreamRelation(TableName("d", "t"), (Column("n", INT),), lambda request: given)
    with pytest.raises(SourceError, match=told) as caught:
        relation.opened(REQUEST)
    assert caught.value.code == "scan-request"
