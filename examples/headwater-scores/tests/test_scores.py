"""What is particular about an HTTP API: its window, its pages, its refusals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from headwater_scores import http
from test_contract import source

from headwater.errors import AccessDeniedError, AuthError, SourceError

DAYS, EACH = 60, 50
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
ROWS = pa.table(
    {
        "id": [f"r{n}" for n in range(DAYS * EACH)],
        "at": pa.array(
            [FIRST + n * timedelta(days=1) / EACH for n in range(DAYS * EACH)],
            pa.timestamp("us", "UTC"),
        ),
        "score": [float(n) for n in range(DAYS * EACH)],
    }
)


@pytest.fixture
def log(service, monkeypatch):
    service.tables["log"] = ROWS
    service.page = 20
    waits = []
    ask = http.ask
    monkeypatch.setattr("headwater_scores.login.ask", lambda *args: ask(*args, sleep=waits.append))
    service.waits = waits
    return service


def connect(workspace, service, **more):
    workspace.create_model("m", "M")
    version = workspace.create_model_version(
        "m", "v1", "regression", predictions={"score": "numeric"}
    )
    return version.connect_serving(source(service, "SELECT * FROM log", **more), "id", "at")


def rows(workspace, service, **more):
    return workspace.sql("SELECT * FROM log", source(service, **more)).to_arrow()


def test_one_day_of_sixty_is_sent(log, headwater_workspace):
    data = connect(headwater_workspace, log).read("2026-01-31", "2026-02-01")
    assert data.plan.scans[0].relation.rows == DAYS * EACH
    assert data.to_arrow().num_rows == EACH
    assert log.sent == EACH
    assert sum("/rows" in path for path in log.asked) == 3


def test_what_it_can_not_apply_the_engine_does(log, headwater_workspace):
    query = "SELECT id FROM log WHERE id IN ('r1', 'r2') AND at < TIMESTAMP '2026-01-02'"
    found = headwater_workspace.sql(query, source(log)).to_arrow()
    assert sorted(found["id"].to_pylist()) == ["r1", "r2"]
    assert log.sent == EACH


@pytest.mark.parametrize(
    ("fault", "waited"),
    [
        ((429, {"Retry-After": "7"}), 7.0),
        ((429, {"Retry-After": "99999"}), 30.0),
        ((503, {}), None),
    ],
)
def test_a_busy_service_is_asked_again(log, headwater_workspace, fault, waited):
    data = headwater_workspace.sql("SELECT * FROM log", source(log))
    log.faults = [fault, fault]
    assert sorted(data.to_arrow()["id"].to_pylist()) == sorted(ROWS["id"].to_pylist())
    assert len(log.waits) == 2
    assert waited is None or log.waits == [waited, waited]


def test_a_page_that_breaks_off_is_asked_for_again(log, headwater_workspace):
    data = headwater_workspace.sql("SELECT * FROM log", source(log))
    log.faults = [(200, {"cut": "yes"})]
    assert data.to_arrow().num_rows == DAYS * EACH
    assert len(log.waits) == 1


def test_a_service_that_stays_down_is_told(log, headwater_workspace):
    data = headwater_workspace.sql("SELECT * FROM log", source(log, attempts=3))
    log.faults = [(503, {})] * 9
    with pytest.raises(SourceError, match="HTTP 503, also after 3 attempts") as caught:
        data.to_arrow()
    assert caught.value.retryable
    assert len(log.faults) == 6


@pytest.mark.parametrize(
    ("status", "error"), [(400, SourceError), (403, AccessDeniedError), (500, SourceError)]
)
def test_a_refusal_is_not_asked_again(log, headwater_workspace, status, error):
    data = headwater_workspace.sql("SELECT * FROM log", source(log))
    log.faults = [(status, {})] * 9
    with pytest.raises(error) as caught:
        data.to_arrow()
    assert not caught.value.retryable
    assert (len(log.faults), log.waits) == (8, [])


def test_a_token_that_ends_is_renewed_once(log, headwater_workspace):
    data = headwater_workspace.sql("SELECT * FROM log", source(log))
    batches = data.to_arrow
    log.tokens.clear()
    assert batches().num_rows == DAYS * EACH
    log.faults = [(401, {})] * 2
    with pytest.raises(AuthError, match="the token is refused"):
        rows(headwater_workspace, log)


@pytest.mark.parametrize(
    ("page", "error"),
    [({"rows": []}, "next"), ({"rows": [], "next": "7"}, "the page after '7' is that page")],
)
def test_an_end_that_is_none_is_told(log, headwater_workspace, monkeypatch, page, error):
    monkeypatch.setattr(type(log), "rows", lambda *_: page)
    with pytest.raises(SourceError, match=error):
        rows(headwater_workspace, log)
