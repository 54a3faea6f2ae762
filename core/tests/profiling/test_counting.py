"""Profiles of rows: what is counted is what plain Python counts, and parts are the whole."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from core.tests.changes.test_changes import Lake, connect
from core.tests.profiling import rows as made

import headwater as hw
from headwater.errors import ConfigError, LedgerError, PlanError, ProfileError

END = made.START + timedelta(days=3)


@pytest.fixture
def workspace() -> Iterator[hw.Workspace]:
    with hw.Workspace(engine="embedded") as opened:
        yield opened


Drawn = tuple[hw.Connection, pa.Table, hw.Edges]


@pytest.fixture(scope="module")
def drawn() -> Iterator[Drawn]:
    """Give a connection, its rows, and edges that are of others."""
    with hw.Workspace(engine="embedded") as opened:
        training = made.binary(opened, made.table(Random(12), 300), "training")
        rows = made.table(Random(11), 300)
        yield made.binary(opened, rows), rows, training.profile().edges()


def cells(profile: hw.Profile) -> dict[tuple[Any, ...], Any]:
    return {tuple(key): value for _, key, value in profile.total().cells()}


def test_a_profile_is_what_python_counts(drawn: Drawn) -> None:
    serving, rows, edges = drawn
    profile = serving.profile(edges=edges)
    assert cells(profile) == made.expected(rows, edges)
    assert profile.edges() == edges
    assert profile.windows == (None,)
    assert profile.connections == ("m/v1/serving",)
    whole = serving.profile(made.START, END, edges=edges)
    assert whole.windows == (hw.Window(made.START, END),)
    assert cells(whole) == cells(profile)


def test_parts_by_windows_and_segments_are_the_whole(drawn: Drawn) -> None:
    serving, rows, edges = drawn
    whole = serving.profile(made.START, END, edges=edges)
    parted = serving.profile(
        made.START,
        END,
        every="4 hours",
        timezone="Europe/Berlin",
        by=("vip", "owner", "vip"),
        edges=edges,
    )
    assert parted.by == ("owner", "vip")
    assert len(parted.windows) > 12
    assert {s["vip"] for s in parted.segments if s} == {"true", "false", None}
    assert {s["owner"] for s in parted.segments if s} >= {"Zu\u0308rich", "Z\u00fcrich", "", None}
    assert parted.total() == whole.total()
    for window, segment, part in list(parted.parts())[::40]:
        assert window is not None
        assert segment is not None
        mask = pc.and_(
            pc.and_(
                pc.greater_equal(rows["at"], pa.scalar(window.start, rows["at"].type)),
                pc.less(rows["at"], pa.scalar(window.end, rows["at"].type)),
            ),
            pc.and_(*(_is(rows[name], segment[name]) for name in ("vip", "owner"))),
        )
        assert cells(part) == made.expected(rows.filter(mask), edges)


def _is(column: pa.ChunkedArray, value: str | None) -> Any:
    if value is None:
        return pc.is_null(column)
    texts: Any = column.cast(pa.string())
    same: Any = pc.equal(texts, pa.scalar(value))
    return pc.fill_null(same, False)


def splits(
    workspace: hw.Workspace, edges: hw.Edges, random: Random, count: int, engine: str = "embedded"
) -> None:
    """Split rows at random again and again; each time the parts must merge to the whole."""
    rows = made.table(random, 40)
    whole = made.binary(workspace, rows, "whole").profile(edges=edges, engine=engine).total()
    copies = []
    for number in range(count):
        parts = random.randrange(1, 6)
        names = [f"{number} {random.randrange(parts)}" for _ in range(len(rows))]
        copies.append(rows.set_column(rows.schema.get_field_index("owner"), "owner", [names]))
    # One read counts all splits: each part of each is a segment.
    several = pa.concat_tables(copies)
    serving = made.binary(workspace, several, "several")
    told = serving.profile(by="owner", edges=edges, engine=engine)
    sums: dict[str, hw.Profile] = {}
    for _, segment, part in told.parts():
        name = str((segment or {})["owner"]).partition(" ")[0]
        sums[name] = sums.get(name, hw.Profile.empty(edges)) + part.total()
    assert len(sums) == count
    own = {k: v for k, v in cells(whole).items() if k[0] != "owner"}
    for found in sums.values():
        assert {k: v for k, v in cells(found).items() if k[0] != "owner"} == own


def test_random_splits_merge_to_the_whole(workspace: hw.Workspace, drawn: Drawn) -> None:
    splits(workspace, drawn[2], Random(14), 50)


@pytest.mark.slow
def test_a_thousand_random_splits_merge_to_the_whole(workspace: hw.Workspace, drawn: Drawn) -> None:
    splits(workspace, drawn[2], Random(15), 1000)


def test_one_outlier_moves_one_count(workspace: hw.Workspace) -> None:
    """Bins that a window's own rows decide hide drift behind one of them; ours don't move."""
    random = Random(16)
    workspace.create_model("geo")
    version = workspace.create_model_version(
        "geo", "v1", "regression", features={"lat": "numeric"}, predictions={"price": "numeric"}
    )

    def rows(values: list[float]) -> hw.MemoryDataSource:
        count = len(values)
        times = pa.array([made.START] * count, pa.timestamp("us", tz="UTC"))
        ids = [str(n) for n in range(count)]
        return made.memory(pa.table({"id": ids, "at": times, "lat": values, "price": values}))

    training = version.connect_training(rows([random.gauss(35, 2) for _ in range(2000)]))
    edges = training.profile().edges()
    week = [random.gauss(40, 1) for _ in range(744)]
    told = []
    for number in (1.0, 1000.0):
        serving = version.connect_serving(rows([week[0] * number, *week[1:]]), "id", "at")
        told.append(serving.profile(edges=edges))
        version.disconnect("serving")
    usual, one_out = (p.histogram("lat") for p in told)
    assert sum(usual) == sum(one_out) == 744
    assert sum(abs(a - b) for a, b in zip(usual, one_out, strict=True)) <= 2
    assert len(edges["lat"].edges) == 19
    assert set(training.profile(edges=edges).histogram("lat")) <= {99, 100, 101}
    assert told[1].variance("lat") is not None, "a thousand times larger can still be summed"
    assert told[0].mean("lat") == pytest.approx(sum(week) / 744, abs=1e-6)


def test_small_features_have_their_variance(workspace: hw.Workspace) -> None:
    random = Random(17)
    workspace.create_model("rates")
    version = workspace.create_model_version(
        "rates", "v1", "regression", features={"rate": "numeric"}, predictions={"y": "numeric"}
    )
    for size in (1e-4, 1e-300, 3.0, 1e12):
        values = [random.random() * size for _ in range(500)]
        table = pa.table({"id": [str(n) for n in range(500)], "rate": values, "y": values})
        profile = version.connect_training(made.memory(table)).profile()
        version.disconnect("training")
        mean = sum(v / size for v in values) / 500
        variance = sum((v / size - mean) ** 2 for v in values) / 500
        assert profile.mean("rate") == pytest.approx(mean * size, rel=1e-5)
        if size > 1e-150:  # its square is no double
            assert profile.variance("rate") == pytest.approx(variance * size * size, rel=1e-4)


def test_regression_and_classes_are_counted_against_what_came_to_be(
    workspace: hw.Workspace,
) -> None:
    table = pa.table(
        {
            "id": list("abcdefg"),
            "guess": pa.array([1, 2, 3, 4, 5, None, 7], pa.int32()),
            "price": [1.5, 2.0, None, math.nan, 7.0, 1.0, 1e300],
            "kind": ["x", "y", "z", "x", None, "x", "new"],
            "was": ["x", "x", "z", None, "x", "y", "new"],
            "digit": [1.0, 2.0, 0.5, -0.0, math.nan, 1.0, 3.0],
            "real": [1.0, 3.0, 0.5, 0.0, 1.0, None, 3.0],
        }
    )
    workspace.create_model("m")
    regression = workspace.create_model_version(
        "m", "r", "regression", predictions={"guess": "numeric"}
    )
    training = regression.connect_training(made.memory(table), labels={"guess": "price"})
    profile = training.profile()
    assert profile.count("guess", "labelled") == 6
    assert profile.count("guess", "scored") == 4
    assert profile.error_mean("guess") is None, "one error is beyond all sums"
    near = regression.connect_testing(made.memory(table.slice(0, 5)), labels={"guess": "price"})
    found = near.profile()
    assert found.error_mean("guess") == pytest.approx((-0.5 + 0 - 2) / 3)
    assert found.mean_absolute_error("guess") == pytest.approx(2.5 / 3)
    assert found.mean_squared_error("guess") == pytest.approx(4.25 / 3)
    assert sum(found.histogram("guess", "error")) == 3
    kinds = workspace.create_model_version(
        "m", "k", "multiclass", predictions={"kind": "string", "digit": "numeric"}
    )
    training = kinds.connect_training(
        made.memory(table.slice(0, 6)), labels={"kind": "was", "digit": "real"}
    )
    edges = training.profile().edges()
    assert edges["kind"].vocabulary == ("x", "y", "z")
    assert edges["digit"].vocabulary == ("1", "0", "0.5", "2", "3")
    told = kinds.connect_testing(
        made.memory(table), labels={"kind": "was", "digit": "real"}
    ).profile(edges=edges)
    assert told.counts("kind", "confusion") == {
        '["x","x"]': 1, '["y","x"]': 1, '["z","z"]': 1, '["x","y"]': 1, "[null,null]": 1,
    }  # fmt: skip
    assert (told.count("kind", "labelled"), told.count("kind", "scored")) == (6, 5)
    assert told.count("kind", "correct") == 3
    assert told.counts("digit", "confusion") == {
        '["1","1"]': 1, '["2","3"]': 1, '["0.5","0.5"]': 1, '["0","0"]': 1, '[null,"1"]': 1,
        '["3","3"]': 1,
    }  # fmt: skip
    assert told.count("digit", "correct") == 4


def test_the_likeliest_class_of_a_dict_is_what_was_predicted(workspace: hw.Workspace) -> None:
    kind = pa.map_(pa.string(), pa.float64())
    guesses = [[("a", 0.2), ("b", 0.8)], [("b", 0.5), ("a", 0.5)], [("a", math.nan)], [], None]
    truths = [[("b", 1.0), ("a", 0.0)], [("a", 1.0)], [("c", 1.0)], [("a", 1.0)], [("b", 1.0)]]
    rows = pa.table(
        {"id": list("abcde"), "p": pa.array(guesses, kind), "was": pa.array(truths, kind)}
    )
    workspace.create_model("m")
    version = workspace.create_model_version("m", "v1", "multiclass", predictions={"p": "dict"})
    training = version.connect_training(made.memory(rows), "id", labels={"p": "was"})
    told = training.profile()
    assert told.edges()["p"].vocabulary == ("a", "b")
    assert told.counts("p", "confusion") == {'["b","b"]': 1, '["a","a"]': 1, '["a",null]': 1}
    assert [told.count("p", s) for s in ("labelled", "scored", "correct")] == [5, 3, 2]
    assert told.counts("p", "vocabulary") == {"a": 3, "b": 2}


def test_windows_without_rows_are_told(drawn: Drawn) -> None:
    serving, _, edges = drawn
    with pytest.warns(hw.EmptyReadWarning, match="2026-03-30"):
        told = serving.profile("2026-03-29", "2026-03-31", every="1 day", edges=edges)
    assert [w.code for w in told.warnings if w.code == "no-rows"] == ["no-rows"]
    assert len(told.windows) == 1
    with pytest.warns(hw.EmptyReadWarning, match="the data runs from") as caught:
        nothing = serving.profile("2026-05-01", "2026-05-09", every="1 day", edges=edges)
    assert len(caught) == 1
    assert nothing.windows == ()
    assert nothing + told == told


def test_what_can_not_be_counted_is_refused(drawn: Drawn, workspace: hw.Workspace) -> None:
    serving, rows, edges = drawn
    with pytest.raises(PlanError) as refused:
        serving.profile(by="owner", edges=edges, max_cells=1000)
    assert refused.value.code == "too-many-cells"
    with pytest.raises(ConfigError, match="'x', which is numeric"):
        serving.profile(by="x", edges=edges)
    with pytest.raises(ConfigError, match="no field 'ownr'") as unknown:
        serving.profile(by=["ownr"], edges=edges)
    assert "owner" in str(unknown.value.hint)
    with pytest.raises(ConfigError, match="start and end"):
        serving.profile(every="1 day", edges=edges)
    fewer = hw.Edges(edges.model_type, {"x": edges["x"]})
    with pytest.raises(ProfileError) as other:
        serving.profile(edges=fewer)
    assert other.value.code == "edges-differ"
    workspace.create_model("random")
    version = workspace.create_model_version(
        "random", "v1", "binary", predictions={"will": "boolean"}
    )
    source = hw.MemoryDataSource(
        tables={"log": rows}, query="SELECT id, rand() > 0.5 AS will FROM log"
    )
    with pytest.raises(PlanError) as uncertain:
        version.connect_training(source, "id").profile()
    assert uncertain.value.code == "non-reproducible"


def test_cells_beyond_the_limit_are_found_as_they_are_counted(workspace: hw.Workspace) -> None:
    workspace.create_model("m")
    version = workspace.create_model_version(
        "m", "v1", "regression", features={"owner": "string"}, predictions={"y": "numeric"}
    )
    rows = pa.table({"id": [str(n) for n in range(3000)], "y": [1.0] * 3000})
    several = rows.append_column("owner", [[f"{n}" for n in range(3000)]])
    one = version.connect_testing(made.memory(rows.append_column("owner", [["a"] * 3000])))
    training = version.connect_training(made.memory(several))
    edges = one.profile().edges()
    with pytest.raises(PlanError, match="there are more than") as refused:
        training.profile(by="owner", edges=edges, max_cells=2000)
    assert refused.value.code == "too-many-cells"
    assert len(training.profile(by="owner", edges=edges).segments) == 3000
    # Beyond the vocabulary, and beyond the hashes that are kept.
    told = training.profile(edges=edges)
    assert told.count("owner", "other") == 3000
    sketches = [v for _, k, v in told.cells() if (k.field, k.statistic) == ("owner", "distinct")]
    assert sketches == [made.sketch(str(n) for n in range(3000))]
    assert told.distinct("owner") == pytest.approx(3000, rel=0.1)
    none = version.connect_serving(made.memory(_timed(several.slice(0, 0))), "id", "at")
    with pytest.warns(hw.EmptyReadWarning):
        nothing = none.profile()
    assert (nothing.windows, nothing.edges()["y"].edges) == ((), ())


def _timed(rows: pa.Table) -> pa.Table:
    times = pa.array([made.START] * len(rows), pa.timestamp("us", tz="UTC"))
    return rows.append_column("at", times)


def test_changes_are_profiled(workspace: hw.Workspace, tmp_path: Path) -> None:
    serving = connect(workspace, Lake(tmp_path / "lake"))
    span = "2026-01-01", "2026-01-04"
    changes = serving.changes(*span, every="1 day", ledger=hw.Ledger(), now="2026-01-05")
    assert len(changes) == 3
    edges = serving.profile(*span).edges()
    days = [change.profile(edges=edges) for change in changes]
    three = sum(days, start=hw.Profile.empty(edges))
    now = serving.profile(*span, every="1 day", edges=edges)
    assert three == now
    assert [len(p.windows) for p in (three, three.total())] == [3, 1]
    # The horizon closes each window for itself, also where several are counted at once.
    assert three.count("will", "labelled") == 60
    assert days[0].as_of == (changes[0].as_of, changes[0].as_of)
    assert now.as_of == (datetime(2026, 1, 4, tzinfo=UTC), datetime(2026, 1, 6, tzinfo=UTC))
    with pytest.raises(LedgerError, match="not read"):
        changes[0].done()


def test_classes_beyond_the_whole_doubles_are_told_apart(workspace: hw.Workspace) -> None:
    large = 2**53
    rows = pa.table({"p": [large, large + 1, -5], "y": [large, large, -5]})
    workspace.create_model("m")
    version = workspace.create_model_version("m", "v1", "multiclass", predictions={"p": "numeric"})
    told = version.connect_training(made.memory(rows), labels={"p": "y"}).profile()
    assert told.edges()["p"].vocabulary == (str(large), "-5", str(large + 1))
    assert (told.count("p", "scored"), told.count("p", "correct")) == (3, 2)
    assert told.counts("p", "confusion") == {
        f'["{large}","{large}"]': 1,
        f'["{large + 1}","{large}"]': 1,
        '["-5","-5"]': 1,
    }


@pytest.mark.parametrize(("middle", "apart"), [(1.7e9, 20_000), (1e12, 3), (2000, 10), (0.1, 0.02)])
def test_a_variance_is_right_or_not_told(
    workspace: hw.Workspace, middle: float, apart: float
) -> None:
    random = Random(1)
    values = [random.gauss(middle, apart) for _ in range(300)]
    workspace.create_model("m")
    version = workspace.create_model_version(
        "m", "v1", "binary", features={"x": "numeric", "c": "numeric"}
    )
    rows = pa.table({"x": values, "c": [1 / 3] * 300})
    told = version.connect_training(made.memory(rows)).profile()
    exact = statistics.pvariance(map(Fraction, values))
    bounds = told.variance_bounds("x")
    assert told.variance("c") == 0
    assert (bounds is None) == (told.variance("x") is None) == (middle > 1e6)
    if bounds is not None:
        assert bounds[0] <= exact <= bounds[1]
        assert told.variance("x") == pytest.approx(float(exact), rel=0.01)


def test_what_is_no_field_and_no_edges_is_refused(drawn: Drawn) -> None:
    training, _, edges = drawn
    profile = training.profile(edges=edges)
    for ask in (profile.count, profile.mean, profile.variance, profile.minimum, profile.distinct):
        with pytest.raises(ConfigError, match="no field 'incme'"):
            ask("incme")
    with pytest.raises(ConfigError, match="edges are a Profile"):
        training.profile(edges=cast("Any", profile))
