"""A version is checked: clean ones say so, each planted fault is found where it belongs."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from core.tests.checking.version.clean import CLEAN
from core.tests.checking.version.faults import FAULTS, Fault, some
from core.tests.checking.version.worlds import World, shop
from core.tests.counting import Openings

import headwater as hw
from headwater.interfaces.report import CheckReport
from headwater.workspace.model import Purpose

STAGES = [
    *("serving", "actuals", "training", "testing"),
    *("ids", "match", "order", "leak", "units", "types", "categories", "nulls"),
    *("scores", "time", "overlap"),
]


def found(report: CheckReport) -> dict[str, set[str]]:
    """Return the codes of each stage that has any."""
    codes = {s.name: {d.code for d in s.diagnostics} for s in report.stages}
    return {name: c for name, c in codes.items() if c}


def mended(world: World, report: CheckReport, code: str) -> World:
    """Return the world with every query that the findings of a code give."""
    for stage in report.stages:
        for mend in stage.details.get("mends", ()):
            if mend["code"] == code:
                world = world.with_query(mend["connection"], mend["sql"])
    return world


@pytest.fixture(scope="module")
def clean() -> CheckReport:
    return shop().check()


def test_a_version_without_a_fault_is_told_so_stage_by_stage(clean):
    assert found(clean) == {}
    assert [s.name for s in clean.stages] == STAGES
    assert {str(s.status) for s in clean.stages} == {"ok"}
    assert clean.ok
    assert clean.verdict == "it works"
    assert clean.connection == "shop/v1"
    assert "1,772 of 1,772 labels have a prediction" in shop(0).check().render()


def test_the_report_is_json_and_html(clean):
    told = json.loads(json.dumps(clean.to_dict()))
    assert [s["name"] for s in told["stages"]] == STAGES
    assert "shop/v1: it works" in clean._repr_html_()


def test_faults_of_several_stages_are_found_at_once_and_what_is_first_is_told_first():
    world = shop()
    world = world.with_column("serving", "ts", "ts - INTERVAL 6 HOURS")
    world = world.with_column("serving", "amount", "amount * 100")
    world = world.with_column("serving", "owner", "upper(owner)")
    world = world.with_column("serving", "age", some(5, "-999", "age"))
    world = world.with_column("serving", "probability", "probability * 100")
    world = world.with_column("actuals", "id", "upper(id)")
    report = world.check()
    assert found(report) == {
        "match": {"unmatched-labels"},
        "units": {"unit-ratio"},
        "categories": {"category-spelling"},
        "nulls": {"sentinel-value"},
        "scores": {"probability-range"},
        "time": {"shifted-hours"},
    }
    assert not report.ok
    assert report.verdict == "it does not work yet; mend match first"
    (unmatched,) = report.stage("match").diagnostics
    assert "would by lower(`id`)" in unmatched.message or "upper(`id`)" in unmatched.message


@pytest.mark.slow
def test_warnings_do_not_make_the_answer_no_and_are_named_in_the_order_to_mend_them():
    world = shop().with_column("serving", "owner", "concat(owner, ' ')")
    world = world.with_column("serving", "amount", "amount / 1000")
    report = world.check()
    assert report.ok
    assert report.verdict == "it can be read; mend units first, then categories"
    once = mended(world, report, "unit-ratio")
    assert found(once.check()) == {"categories": {"category-spelling"}}


def test_connections_that_fail_are_told_and_the_others_are_compared():
    world = shop().with_query("training", "SELECT nope FROM training")
    report = world.check()
    assert not report.ok
    assert "unknown-column" in {d.code for d in report.stage("training").diagnostics}
    assert str(report.stage("units").status) == "ok"  # held against the test set
    assert report.verdict == "it does not work yet; mend training first"


def test_rows_that_features_do_not_tell_apart_are_not_told_as_shared():
    draw = np.random.default_rng(2)

    def told(features: dict[str, list[str]]) -> str:
        workspace = hw.Workspace(engine="embedded")
        workspace.create_model("m")
        version = workspace.create_model_version(
            "m",
            "v1",
            "binary",
            features=dict.fromkeys(features, "categorical"),
            predictions={"buys": "boolean"},
        )
        for first, connect in ((0, version.connect_training), (5000, version.connect_serving)):
            table = {
                "id": list(range(first, first + 500)),
                "at": pa.array(range(500), pa.timestamp("s", "UTC")),
                "buys": (draw.random(500) < 0.5).tolist(),
                **{n: draw.choice(values, 500).tolist() for n, values in features.items()},
            }
            connect(hw.MemoryDataSource(tables={"t": pa.table(table)}), "id", "at")
        stage = version.check().stage("overlap")
        assert stage is not None
        return stage.summary

    three = ["a", "b", "c"]
    few = "features do not tell rows of serving and training apart"
    assert told({"one": three, "two": three}) == few
    assert told({"one": three}) == "too few rows or features to tell rows apart"
    many = [str(n) for n in range(70)]
    assert " of serving in training (" in told({"one": many, "two": many})


def test_a_version_without_connections_is_nothing_to_check():
    workspace = hw.Workspace(engine="embedded")
    workspace.create_model("m")
    version = workspace.create_model_version("m", "v1", "regression", predictions={"y": "numeric"})
    report = version.check()
    assert {str(s.status) for s in report.stages} == {"skipped"}


def test_a_window_takes_predictions_of_it_alone():
    world = shop()
    report = world.check("2026-03-01", "2026-03-08")
    assert found(report) == {}
    text = report.stage("time").summary
    assert "serving: 2026-03-01 to 2026-03-07" in text
    assert "training: 2025-09-01" in text


def test_each_file_is_read_as_often_as_one_read_of_it_opens_it(tmp_path):
    world = shop()
    folders = {}
    for purpose, frame in world.tables.items():
        folders[purpose] = tmp_path / purpose
        folders[purpose].mkdir()
        table = pa.table(pa.Table.from_pandas(frame, preserve_index=False))
        pq.write_table(_in_utc(table), folders[purpose] / "part-0.parquet")
    workspace = hw.Workspace(engine="embedded")
    workspace.create_model("shop")
    version = workspace.create_model_version(
        "shop", "v1", "binary", features=world.features, predictions=world.predictions
    )
    files = {p: hw.FileDataSource(tables={p: str(f)}) for p, f in folders.items()}
    version.connect_serving(files["serving"], "id", "ts")
    version.connect_training(files["training"], "id", "ts", labels={"will_buy": "truth"})
    version.connect_actuals(files["actuals"], "id", {"will_buy": "truth"}, "decided_at")
    openings = Openings(tmp_path)
    for connection in (version.connections[p] for p in (Purpose.SERVING, Purpose.TRAINING)):
        connection.check()
        connection.read().to_arrow()
    once = openings.count()
    report = version.check()
    assert found(report) == {}
    # A check of a connection reads its rows; a version's does so once for all stages.
    assert openings.count() <= once


def _in_utc(table: pa.Table) -> pa.Table:
    for number, item in enumerate(table.schema):
        if pa.types.is_timestamp(item.type):
            column = table.column(number).cast(pa.timestamp("us"), safe=False)
            table = table.set_column(number, item.name, column.cast(pa.timestamp("us", "UTC")))
    return table


@pytest.mark.slow
def test_what_rows_hold_is_counted_alike_however_many_fields_there_are():
    """More fields than are told apart in one pass are counted in several."""
    rng = np.random.default_rng(1)
    names = [f"f{i}" for i in range(70)]

    def some_rows(start: int) -> pd.DataFrame:
        frame = pd.DataFrame(rng.lognormal(0, 1, (600, 70)), columns=names)
        frame.insert(0, "id", [f"{start + i}" for i in range(600)])
        frame.insert(1, "ts", pd.Timestamp("2026-01-01") + pd.to_timedelta(range(600), "h"))
        frame["y"] = rng.random(600)
        return frame

    training, serving = some_rows(0), some_rows(1000)
    serving["f69"] *= 1000
    world = World(
        {"serving": serving, "training": training},
        features=dict.fromkeys(names, "numeric"),
        predictions={"y": "numeric"},
        model_type="regression",
        label="y",
    )
    report = world.check()
    assert found(report) == {"units": {"unit-ratio"}}
    assert "f69" in report.stage("units").diagnostics[0].message


@pytest.mark.slow
@pytest.mark.parametrize("world", CLEAN, ids=lambda w: w.__name__)
def test_no_finding_on_clean_data(world):
    report = world().check()
    assert found(report) == {}
    assert report.ok


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.name)
def test_a_fault_is_found_and_what_is_advised_mends_it(fault: Fault):
    world = fault.plant(fault.world())
    report = world.check()
    assert fault.code in found(report).get(fault.stage, set())
    assert report.ok is not fault.fails
    if not fault.mended:
        return
    after = mended(world, report, fault.code)
    assert after != world
    again = after.check()
    assert fault.code not in found(again).get(fault.stage, set())
    assert again.ok


def test_the_catalogue_is_one():
    assert len(FAULTS) >= 40
    assert len({f.name for f in FAULTS}) == len(FAULTS)
    assert {f.stage for f in FAULTS} == set(STAGES[4:])
