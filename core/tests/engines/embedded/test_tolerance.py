"""The embedded engine's tolerance: what it admits, what the plan says, where a read ends."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

import headwater as hw
from headwater.engines.embedded import EmbeddedEngine
from headwater.errors import EngineError, QueryError

pa = pytest.importorskip("pyarrow")

QUERY = "SELECT stddev(x) AS s, var_pop(x) AS v, corr(x, y) AS c, covar_samp(x, y) AS o FROM t"


def rows(sql: str, x: list[Any], y: list[Any] | None = None, **options: Any) -> Any:
    table = pa.table({"x": pa.array(x, pa.float64()), "y": pa.array(y or x, pa.float64())})
    workspace = hw.Workspace(engine="embedded", engine_options=options)
    return workspace.sql(sql, hw.MemoryDataSource(tables={"t": table}))


def test_without_one_the_query_is_refused_and_told_how() -> None:
    with pytest.raises(QueryError) as caught:
        rows(QUERY, [1.0, 2.0]).to_arrow()
    assert "tolerance" in str(caught.value)


def test_with_one_it_is_answered_and_the_plan_says_so() -> None:
    dataset = rows(QUERY, [1.0, 2.0, 4.0], [2.0, 3.0, 7.0], tolerance="1e-9")
    (row,) = dataset.to_arrow().to_pylist()
    assert row["s"] == pytest.approx(1.5275252316519468)
    assert row["v"] == pytest.approx(1.5555555555555556)
    assert row["c"] == pytest.approx(0.9897433186107869)
    assert row["o"] == pytest.approx(4.0)
    said = [w.message for w in dataset.plan.warnings if w.code == "within-tolerance"]
    assert [text.split("(")[0] for text in said] == ["stddev", "var_pop", "corr", "covar_samp"]


def test_a_plan_without_such_functions_says_nothing() -> None:
    dataset = rows("SELECT max(x) AS m FROM t", [1.0], tolerance="1e-9")
    assert not [w for w in dataset.plan.warnings if w.code == "within-tolerance"]


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([], None),
        ([None, None], None),
        ([3.0], None),
        ([3.0, 3.0, None], 0.0),
        ([1.0, math.nan], math.nan),
        ([1.0, math.inf], math.nan),
        ([math.nan], None),
        ([0.0, -0.0], 0.0),
    ],
)
def test_edges_are_those_of_spark(numbers: list[Any], expected: float | None) -> None:
    (found,) = (
        rows("SELECT stddev(x) AS s FROM t", numbers, tolerance=1e-9).to_arrow()["s"].to_pylist()
    )
    assert found == expected or math.isnan(found) == math.isnan(expected or 0.0)


@pytest.mark.parametrize(
    ("numbers", "tolerance"),
    [
        ([1e12, 1e12 + 1], "1e-9"),
        ([1.0, 2.0], "1e-15"),
        ([1e200, -1e200], "1e-6"),
        ([1e-200, 2e-200], "1e-6"),
        ([1.0, math.nextafter(1, 2)], "1e-6"),
    ],
)
def test_where_it_cannot_be_kept_the_read_ends(numbers: list[Any], tolerance: str) -> None:
    with pytest.raises(EngineError) as caught:
        rows("SELECT stddev(x) AS s FROM t", numbers, tolerance=tolerance).to_arrow()
    assert caught.value.code == "not-portable-value"


def test_the_correlation_of_a_constant_ends_the_read() -> None:
    with pytest.raises(EngineError) as caught:
        rows("SELECT corr(x, y) AS c FROM t", [1.0, 1.0], [1.0, 2.0], tolerance="1e-9").to_arrow()
    assert caught.value.code == "not-portable-value"


def test_a_function_that_differs_by_more_is_refused() -> None:
    with pytest.raises(QueryError, match="more than the tolerance of 1e-16"):
        rows("SELECT sin(x) AS s FROM t", [1.0], tolerance="1e-16").to_arrow()
    (found,) = (
        rows("SELECT sin(x) AS s FROM t", [1.0], tolerance="1e-12").to_arrow()["s"].to_pylist()
    )
    assert found == pytest.approx(math.sin(1.0), rel=1e-15)


@pytest.mark.parametrize("wrong", ["x", "", 0, -1e-9, 1e-3, "nan", True, [], "1e-5"])
def test_what_is_no_tolerance_is_told(wrong: Any) -> None:
    with pytest.raises(EngineError, match="tolerance") as caught:
        EmbeddedEngine(tolerance=wrong)
    assert "1e-9" in (caught.value.hint or "")


def test_it_stands_in_the_configuration(tmp_path: Path) -> None:
    path = tmp_path / "headwater.yaml"
    path.write_text('version: 1\nengine: {type: embedded, tolerance: "1e-9"}\n', encoding="utf-8")
    with hw.Workspace.open(path) as workspace:
        engine = workspace.engine_named("embedded")
    assert isinstance(engine, EmbeddedEngine)
    assert engine.tolerance == 1e-9


def test_no_text_of_a_query_is_taken_for_what_an_error_says() -> None:
    query = (
        "SELECT regr_intercept(CASE WHEN concat('regr_slope', '()') = 'regr_slope()' THEN y END, x)"
        " AS i FROM t"
    )
    dataset = rows(query, [1.0, 2.0, 4.0], [3.0, 4.0, 8.0], tolerance="1e-9")
    assert dataset.to_arrow()["i"].to_pylist() == [pytest.approx(1.0)]
