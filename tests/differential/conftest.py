"""One Spark and one set of tables for all comparisons."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.differential import data, engines

from headwater.tables.relation import FileRelation

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from headwater.engines.spark import SparkEngine


@pytest.fixture(scope="session")
def relations(tmp_path_factory: pytest.TempPathFactory) -> dict[str, FileRelation]:
    return data.write(tmp_path_factory.mktemp("differential"))


@pytest.fixture(scope="session")
def embedded(relations: dict[str, FileRelation]) -> Iterator[engines.Embedded]:
    with engines.embedded(relations) as opened:
        yield opened


@pytest.fixture(scope="session")
def spark(spark_engine: SparkEngine, relations: dict[str, FileRelation]) -> SparkSession:
    session = engines.reference(spark_engine)
    engines.register(session, relations)
    return session


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # pyspark 4.1 leaves sockets to the garbage collector, wherever that then runs.
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore:unclosed.*socket:ResourceWarning"))
            item.add_marker(
                pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
            )
