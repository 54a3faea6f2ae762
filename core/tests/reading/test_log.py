"""The steps of a read, told at DEBUG."""

from __future__ import annotations

import logging

import pyarrow as pa
import pytest

import headwater as hw
from headwater.errors import HeadwaterError

CANARY = "canary-of-a-literal"


@pytest.fixture
def serving() -> hw.Connection:
    workspace = hw.Workspace(engine="embedded")
    workspace.create_model("m")
    version = workspace.create_model_version(
        "m", "v1", "regression", predictions={"score": "numeric"}
    )
    at = pa.array([1767254400_000000, 1767340800_000000], pa.timestamp("us", "UTC"))
    rows = pa.table({"id": ["a", "b"], "at": at, "score": [0.25, 0.75]})
    source = hw.MemoryDataSource(
        tables={"log": rows}, query=f"SELECT * FROM log WHERE id <> '{CANARY}'"
    )
    return version.connect_serving(source, "id", "at")


def test_the_steps_of_a_read_are_told(
    serving: hw.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="headwater")
    serving.read("2026-01-01", "2026-01-02").to_arrow()
    told = [(r.name.removeprefix("headwater."), r.getMessage()) for r in caplog.records]
    steps = {
        "planning.bound_query": "query on memory: bound, 1 tables, 3 columns",
        "planning.scans": "no partitions",
        "planning.engine_choice": "m/v1/serving: the engine is embedded: asked for",
        "reading.reader": "m/v1/serving: the embedded engine runs",
        "reading.dataset": "1 rows in 1 batches",
    }
    for name, said in steps.items():
        assert any(n == name and said in text for n, text in told), (name, told)
    assert all(r.levelno == logging.DEBUG for r in caplog.records)
    assert CANARY not in caplog.text  # nor any other text of the query


def test_how_a_read_ended_is_told(serving: hw.Connection, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="headwater.reading.dataset")
    data = serving.read()
    batches = iter(data)
    next(batches)
    batches.close()  # type: ignore[attr-defined]
    assert ": left after " in caplog.text
    batches = iter(data)
    data.cancel()  # nothing is at work yet
    next(batches)
    data.cancel()
    with pytest.raises(HeadwaterError):
        next(batches)
    assert ": cancelled after " in caplog.text


def test_without_debug_nothing_is_told(
    serving: hw.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="headwater")
    serving.read("2026-01-01", "2026-01-02").to_arrow()
    assert caplog.records == []
