"""Rankings equal scikit-learn's; equal scores have bounds; the unlabelled is left out and told."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise, permutations
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import ndcg_score

import headwater as hw
from headwater.errors import ConfigError, DataError
from headwater_monitor import performance, ranking

RANDOM = np.random.default_rng(5)
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def workspace():
    with hw.Workspace(engine="embedded") as workspace:
        workspace.create_model("m")
        yield workspace


def items(queries: list[tuple[list[float], list[Any]]]) -> pa.Table:
    """A row for each item: the scores and the relevances of each query."""
    rows = [
        {"id": f"{q}-{i}", "at": START + timedelta(days=q), "q": f"q{q}", "s": s, "g": g}
        for q, (scores, gains) in enumerate(queries)
        for i, (s, g) in enumerate(zip(scores, gains, strict=True))
    ]
    types: list[tuple[str, pa.DataType]] = [
        ("id", pa.string()),
        ("at", pa.timestamp("us", "UTC")),
        ("q", pa.string()),
        ("s", pa.float64()),
        ("g", pa.float64()),
    ]
    return pa.Table.from_pylist(rows, pa.schema(types))


def connected(workspace, table, version="v1"):
    made = workspace.create_model_version(
        "m",
        version,
        "ranking",
        raw_inputs={"query": "string"},
        predictions={"score": "numeric"},
    )
    return made.connect_serving(
        hw.MemoryDataSource(tables={"t": table}),
        "id",
        "at",
        raw_inputs={"query": "q"},
        predictions={"score": "s"},
        labels={"score": "g"},
    )


def made_queries(count: int, ties: bool) -> list[tuple[list[float], list[Any]]]:
    found = []
    for _ in range(count):
        size = int(RANDOM.integers(2, 15))
        scores = RANDOM.integers(0, 4, size) if ties else RANDOM.normal(size=size)
        gains = RANDOM.integers(0, 4, size) * (RANDOM.random(size) < 0.5)
        found.append((scores.astype(float).tolist(), gains.astype(float).tolist()))
    return found


@pytest.mark.parametrize("k", [None, 1, 3, 10])
@pytest.mark.parametrize("ties", [False, True])
def test_it_is_scikit_learns(workspace, k, ties):
    queries = made_queries(40, ties)
    found: Any = ranking(connected(workspace, items(queries)), query="query", k=k)
    theirs = [ndcg_score([gains], [scores], k=k) for scores, gains in queries]
    assert found.queries == found.judged == 40
    assert found.ndcg == pytest.approx(np.mean(theirs), abs=1e-9)
    assert performance(found).ndcg == found.ndcg
    if not ties:
        places = [first_place(scores, gains) for scores, gains in queries]
        assert found.mrr == pytest.approx(np.mean([1 / p if p else 0.0 for p in places]))
        hits = [p is not None and (k is None or p <= k) for p in places]
        assert found.hit_rate == pytest.approx(np.mean(hits))
        assert all(figure.exact for figure in (found.ndcg, found.mrr, found.hit_rate))


def first_place(scores, gains):
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    return next((place for place, i in enumerate(order, 1) if gains[i] > 0), None)


def test_bounds_hold_for_every_order_of_equal_scores(workspace):
    scores, gains = [2.0, 1.0, 1.0, 1.0, 0.0], [0.0, 3.0, 0.0, 1.0, 2.0]
    found: Any = ranking(connected(workspace, items([(scores, gains)])), query="query", k=3)
    seen: list[tuple[float, float]] = []
    for order in permutations(range(5)):
        if all(scores[a] >= scores[b] for a, b in pairwise(order)):
            rank = [0.0] * 5
            for place, i in enumerate(order):
                rank[i] = -float(place)
            seen.append((float(ndcg_score([gains], [rank], k=3)), 1 / first_place(rank, gains)))
    for number, figure in enumerate((found.ndcg, found.mrr)):
        assert figure.low == pytest.approx(min(s[number] for s in seen))
        assert figure.high == pytest.approx(max(s[number] for s in seen))
        assert figure.low <= figure <= figure.high


def test_a_query_with_an_unlabelled_item_is_left_out_and_told(workspace):
    queries: list[Any] = [
        ([2.0, 1.0], [1.0, 0.0]),
        ([2.0, 1.0], [None, 1.0]),
        ([2.0, 1.0], [0.0, 0.0]),
    ]
    found: Any = ranking(connected(workspace, items(queries)), query="query")
    assert (found.queries, found.judged, found.ndcg, found.mrr) == (3, 2, 0.5, 0.5)
    assert found.notes == (
        "1 of 3 queries have an item without a label or a score, and are left out",
        "1 queries have no relevant item, and count as 0",
    )


def test_windows_are_apart_and_add_up(workspace):
    queries = made_queries(6, ties=False)
    serving = connected(workspace, items(queries))
    daily: Any = ranking(serving, "2026-01-01", "2026-01-07", query="query", every="1 day")
    assert [window.start.day for window, _ in daily.parts()] == [1, 2, 3, 4, 5, 6]
    for (_, part), (scores, gains) in zip(daily.parts(), queries, strict=True):
        assert part.ndcg == pytest.approx(ndcg_score([gains], [scores], k=10))
    halves = ranking(serving, "2026-01-01", "2026-01-04", query="query", every="1 day")
    halves += ranking(serving, "2026-01-04", "2026-01-07", query="query", every="1 day")
    assert halves == daily
    with pytest.raises(ConfigError, match="can't be added"):
        halves + ranking(serving, query="query", k=3)


def test_a_list_of_items_is_a_query_of_its_own(workspace):
    table = pa.table(
        {
            "id": ["a", "b", "c"],
            "at": pa.array([START] * 3, pa.timestamp("us", "UTC")),
            "shown": [["x", "y", "z"], ["x", "y"], ["x"]],
            "liked": [["y", "w"], ["x"], None],
        }
    )
    version = workspace.create_model_version("m", "v2", "ranking", predictions={"shown": "array"})
    source = hw.MemoryDataSource(tables={"t": table})
    serving = version.connect_serving(source, "id", "at", labels={"shown": "liked"})
    found: Any = ranking(serving, k=2)
    first = (1 / np.log2(3)) / (1 + 1 / np.log2(3))  # y is second; of y and w it is one
    assert found.ndcg == pytest.approx((first + 1) / 2)
    assert (found.mrr, found.hit_rate) == (0.75, 1.0)
    assert (found.queries, found.judged) == (3, 2)


def test_what_can_not_be_ranked_is_said(workspace):
    serving = connected(workspace, items([([1.0], [1.0])]))
    with pytest.raises(ConfigError, match="nothing says which rows") as caught:
        ranking(serving)
    assert caught.value.hint == "name a field: query=... (query)"
    with pytest.raises(ConfigError, match="no field 'qeury'"):
        ranking(serving, query="qeury")
    with pytest.raises(ConfigError, match="k=0"):
        ranking(serving, query="query", k=0)
    with pytest.raises(ConfigError, match="no prediction 'scor'"):
        ranking(serving, query="query", prediction="scor")
    negative = connected(workspace, items([([1.0, 2.0], [-1.0, 1.0])]), "v3")
    with pytest.raises(DataError, match="less relevant than not at all"):
        ranking(negative, query="query")
    other = workspace.create_model_version("m", "v4", "regression", predictions={"s": "numeric"})
    source = hw.MemoryDataSource(tables={"t": items([([1.0], [1.0])])})
    with pytest.raises(ConfigError, match="ranks nothing"):
        ranking(other.connect_serving(source, "id", "at"))
