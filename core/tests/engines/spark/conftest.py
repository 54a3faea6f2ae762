"""The shared Spark under a short name, and what every test of the engine promises."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.engines.spark import SparkEngine


@pytest.fixture
def engine(spark_engine: SparkEngine) -> SparkEngine:
    return spark_engine


@pytest.fixture(autouse=True)
def nothing_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a test does, its read leaves no table and no view behind."""
    if "engine" not in request.fixturenames:
        yield
        return
    engine: SparkEngine = request.getfixturevalue("engine")
    yield
    if engine.is_open:
        session = engine.opened().session
        left = [t.name for t in session.catalog.listTables() if t.name.startswith("hw_")]
        assert left == []


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A directory with a space, a percent sign and a letter beyond ASCII in its name."""
    made = tmp_path / "la ke%20é"
    made.mkdir()
    return made
