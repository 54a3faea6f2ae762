"""One Spark for all suites: a process has one Spark application, and a session costs seconds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from headwater.engines.spark import SparkEngine

_USES_SPARK = frozenset({"spark_engine", "spark_connect"})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that uses it."""
    for item in items:
        if _USES_SPARK & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.spark)


@pytest.fixture(scope="session")
def spark_engine() -> Iterator[SparkEngine]:
    """A small local Spark with every package, as `SparkEngine` starts it."""
    from headwater.engines.spark import SparkEngine

    engine = SparkEngine(
        master="local[2]",
        packages=["s3", "iceberg", "delta", "avro"],
        conf={"spark.driver.memory": "1g", "spark.sql.shuffle.partitions": "2"},
    )
    problem = engine.unavailable()
    assert problem is None, problem
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def spark_connect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkEngine]:
    """A Spark Connect server in a process of its own, and an engine that is its client."""
    from tests.spark.servers import connect_server

    from headwater.engines.spark import SparkEngine

    with connect_server(tmp_path_factory.mktemp("connect")) as remote:
        engine = SparkEngine(remote=remote)
        problem = engine.unavailable()
        assert problem is None, problem
        yield engine
        engine.close()
