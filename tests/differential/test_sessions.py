"""Through headwater's own engine, every kind of session gives the same answers.

The other suites ask Spark itself. Here plans go the whole way of a read (tables registered over
planned files, filters pushed down, rows streamed), in a session of this process and through Spark
Connect.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from tests.differential import engines
from tests.differential.comparison import difference
from tests.differential.queries import adds_floats, ends_in_order, load
from tests.differential.test_monitoring import SAME_AS

from headwater.auth.credentials import Access
from headwater.errors import HeadwaterError
from headwater.tables.relation import FileRelation

if TYPE_CHECKING:
    from headwater.engines.spark import SparkEngine

MONITORING = load("monitoring.sql")
CORPUS = load("corpus.sql")
SOME = list(CORPUS)[::6]

pytestmark = [pytest.mark.slow, pytest.mark.spark]


@pytest.fixture(scope="module")
def classic() -> Iterator[SparkEngine]:
    from headwater.engines.spark import SparkEngine

    # Shares the application of this process, if one runs already.
    engine = SparkEngine(master="local[2]", packages=[])
    yield engine
    engine.close()


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> SparkEngine:
    found: SparkEngine = request.getfixturevalue(request.param)
    return found


def on(engine: SparkEngine, sql: str, relations: dict[str, FileRelation]) -> pa.Table:
    used = {n: r for n, r in relations.items() if n.casefold() in sql.casefold()}
    with engine.read(engines.plan(sql, used), Access()) as stream:
        return pa.Table.from_batches(list(stream), stream.schema)


@pytest.mark.parametrize("engine", ["classic", "spark_connect"], indirect=True)
@pytest.mark.parametrize("name", MONITORING)
def test_a_monitoring_query(
    name: str, relations: dict[str, FileRelation], engine: SparkEngine
) -> None:
    sql = MONITORING[name]
    found = on(engine, MONITORING[SAME_AS.get(name, name)], relations)
    expected = engines.on_embedded(sql, relations)
    assert difference(found, expected, ordered=ends_in_order(sql)) is None


@pytest.mark.parametrize("name", SOME)
def test_both_kinds_of_session_make_the_same_of_a_query(
    name: str,
    relations: dict[str, FileRelation],
    classic: SparkEngine,
    spark_connect: SparkEngine,
) -> None:
    sql = CORPUS[name]
    here, there = (made_of(e, sql, relations) for e in (classic, spark_connect))
    if isinstance(here, str) or isinstance(there, str):
        assert here == there
        return
    ordered, rounded = ends_in_order(sql), adds_floats(sql)
    assert difference(here, there, ordered=ordered, rounded=rounded) is None


def made_of(engine: SparkEngine, sql: str, relations: dict[str, FileRelation]) -> pa.Table | str:
    """Return an engine's answer, or the code of its error."""
    try:
        return on(engine, sql, relations)
    except HeadwaterError as error:
        return error.code
