"""One small Spark for all tests of the engine: a session costs seconds, a query tenths."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.engines.spark import SparkEngine


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything that uses the shared session."""
    for item in items:
        if "engine" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.spark)


@pytest.fixture(scope="session")
def engine() -> Iterator[SparkEngine]:
    started = SparkEngine(
        master="local[2]",
        conf={"spark.driver.memory": "1g", "spark.sql.shuffle.partitions": "2"},
    )
    problem = started.unavailable()
    assert problem is None, problem
    yield started
    started.close()


@pytest.fixture(autouse=True)
def nothing_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a test does, its read leaves no table and no view behind."""
    yield
    if "engine" in request.fixturenames:
        session = request.getfixturevalue("engine").opened().session
        left = [t.name for t in session.catalog.listTables() if t.name.startswith("hw_")]
        assert left == []


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A directory with a space, a percent sign and a letter beyond ASCII in its name."""
    made = tmp_path / "la ke%20é"
    made.mkdir()
    return made
