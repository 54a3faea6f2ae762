"""Labels of every model type: joined, compared and hidden alike. On Spark: tests/spark."""

from collections.abc import Iterator

import pyarrow as pa
import pytest
from core.tests.labels_of_types import AT, DATED, KINDS, TIME, check, check_in_place

import headwater as hw


@pytest.fixture(scope="module")
def engine() -> Iterator[hw.Workspace]:
    with hw.Workspace(engine="embedded") as made:
        yield made


@pytest.mark.parametrize("dated", DATED)
@pytest.mark.parametrize("name", KINDS)
def test_labels_in_a_table_of_their_own(engine: hw.Workspace, name: str, dated: str) -> None:
    check(engine, name, dated, "embedded")


@pytest.mark.parametrize("dated", DATED)
@pytest.mark.parametrize("name", KINDS)
def test_labels_in_the_serving_table(engine: hw.Workspace, name: str, dated: str) -> None:
    check_in_place(engine, name, dated, "embedded")


RANKED = pa.table(
    {
        "query": ["q1", "q1", "q2"],
        "at": pa.array([AT] * 3, TIME),
        "score": [0.9, 0.1, 0.5],
        "items": [["a", "b"], ["c"], ["a"]],
    }
)


@pytest.mark.parametrize("prediction", ["score", "items"])
def test_the_id_of_a_ranking_may_be_that_of_a_query(engine: hw.Workspace, prediction: str) -> None:
    engine.create_model(f"ranking {prediction}")
    field = {"score": "numeric", "items": "array"}[prediction]
    version = engine.create_model_version(
        f"ranking {prediction}", "v1", "ranking", predictions={prediction: field}
    )
    log = hw.MemoryDataSource(tables={"log": RANKED})
    serving = version.connect_serving(log, "query", "at")
    stage = serving.check().stage("rows")
    assert stage is not None
    assert stage.diagnostics == ()
    assert "1 rows of an id before" in stage.summary
    # Each row of a query has the query's actual; actuals of items need an id of their own.
    outcomes = RANKED.slice(0, 2).append_column("truth", RANKED[prediction].slice(0, 2))
    version.connect_actuals(
        hw.MemoryDataSource(tables={"outcomes": outcomes}), "query", {prediction: "truth"}, "at"
    )
    stage = serving.check().stage("rows")
    assert stage is not None
    (told,) = stage.diagnostics
    assert told.code == "conflicting-actuals"
    assert "one for each of its items" in str(told.hint)


def test_actuals_of_items_are_joined_by_an_id_for_each(engine: hw.Workspace) -> None:
    """The advice for rankings whose id is a query's, followed."""
    engine.create_model("items")
    version = engine.create_model_version(
        "items", "v1", "ranking", predictions={"score": "numeric"}
    )
    rows = RANKED.append_column("item", pa.array(["a", "b", "a"]))
    query = "SELECT concat(query, '/', item) AS id, at, score FROM log"
    source = hw.MemoryDataSource(tables={"log": rows}, query=query)
    serving = version.connect_serving(source, "id", "at")
    version.connect_actuals(source, "id", {"score": "score"}, "at")
    data = serving.read()
    assert data.to_arrow()["actual_score"].to_pylist() == [0.9, 0.1, 0.5]
    assert data.stats.conflicts == 0
