"""Actuals in a table of their own: the latest wins, conflicts are counted, rows never multiply."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from core.tests.pipeline.conftest import FIRST, TIME, files

import headwater as hw
from headwater.errors import ConfigError, MappingError

WINDOW = ("2026-01-03", "2026-01-04")
TEXT = pa.string()
LATER = FIRST + timedelta(days=40)


def actuals(*rows, ids=TEXT) -> hw.MemoryDataSource:
    """Return a table of (id, outcome, days after the first)."""
    columns = list(zip(*rows, strict=True)) if rows else ((), (), ())
    times = [None if d is None else FIRST + timedelta(days=d) for d in columns[2]]
    table = pa.table(
        {
            "pid": pa.array(columns[0], ids),
            "outcome": pa.array(columns[1], pa.bool_()),
            "at": pa.array(times, TIME),
        }
    )
    return hw.MemoryDataSource(tables={"outcomes": table})


@pytest.fixture
def outcomes(version, log):
    """Connect serving and the given actuals; read the actual of each id."""

    def read(source, *, timed=True, as_of=LATER):
        serving = version.connect_serving(files(log), "pid", "ts")
        version.connect_actuals(source, "pid", {"buy": "outcome"}, "at" if timed else None)
        data = serving.read(*WINDOW, as_of=as_of if timed else None)
        rows = data.to_arrow()
        assert sorted(rows["id"].to_pylist()) == [f"d2-{i}" for i in range(6)]
        found = zip(rows["id"].to_pylist(), rows["actual_buy"].to_pylist(), strict=True)
        return {i: a for i, a in found if a is not None}, data.stats

    return read


def test_the_latest_actual_wins(outcomes):
    found, stats = outcomes(
        actuals(("d2-0", True, 5), ("d2-0", False, 9), ("d2-1", True, 7), ("d2-1", False, 6))
    )
    assert found == {"d2-0": False, "d2-1": True}
    assert stats.conflicts == 0


def test_equal_times_that_contradict_are_counted(outcomes):
    found, stats = outcomes(
        actuals(("d2-0", True, 5), ("d2-0", False, 5), ("d2-1", True, 5), ("d2-1", True, 5))
    )
    assert found == {"d2-0": True, "d2-1": True}
    assert stats.conflicts == 1


def test_a_contradiction_that_was_settled_later_is_none(outcomes):
    found, stats = outcomes(actuals(("d2-0", True, 5), ("d2-0", False, 5), ("d2-0", False, 6)))
    assert found == {"d2-0": False}
    assert stats.conflicts == 0


def test_an_actual_that_was_taken_back_is_unknown(outcomes):
    found, _ = outcomes(actuals(("d2-0", True, 5), ("d2-0", None, 6)))
    assert found == {}


def test_actuals_after_as_of_are_not_known_yet_and_as_of_itself_is(outcomes):
    as_of = FIRST + timedelta(days=6)
    found, _ = outcomes(actuals(("d2-0", True, 6), ("d2-1", True, 7)), as_of=as_of)
    assert found == {"d2-0": True}


def test_actuals_are_never_cut_by_the_windows_end(outcomes):
    found, _ = outcomes(actuals(("d2-0", True, 39)))
    assert found == {"d2-0": True}


def test_without_a_time_contradictions_are_counted_too(outcomes):
    found, stats = outcomes(
        actuals(("d2-0", True, None), ("d2-0", False, None), ("d2-1", False, None)), timed=False
    )
    assert found == {"d2-0": True, "d2-1": False}
    assert stats.conflicts == 1


def test_actuals_of_other_ids_and_of_none_change_nothing(outcomes):
    found, _ = outcomes(actuals(("other", True, 5), (None, True, 5)))
    assert found == {}


def test_ids_of_different_types_are_refused_with_the_cast(outcomes):
    with pytest.raises(MappingError, match=r"CAST\(pid AS string\)"):
        outcomes(actuals((1, True, 5), ids=pa.int64()))


def test_a_char_is_no_id_of_texts_until_its_spaces_are_off(version, log, tmp_path):
    rows = pa.table({"pid": ["d2-0"], "outcome": [True]})
    path = tmp_path / "outcomes.parquet"
    pq.write_table(rows, path)

    def of(query):
        return hw.FileDataSource(
            tables={"outcomes": str(path)},
            columns={"outcomes": {"pid": "char(8)", "outcome": "boolean"}},
            query=query,
        )

    serving = version.connect_serving(files(log), "pid", "ts")
    version.connect_actuals(of("SELECT * FROM outcomes"), "pid", {"buy": "outcome"})
    with pytest.raises(MappingError, match=r"(?s)char\(8\).*rtrim\(pid\) AS pid") as caught:
        serving.plan(*WINDOW)
    assert caught.value.code == "id-type-mismatch"
    version.disconnect("actuals")
    version.connect_actuals(
        of("SELECT rtrim(pid) AS pid, outcome FROM outcomes"), "pid", {"buy": "outcome"}
    )
    data = serving.read(*WINDOW)
    data.to_arrow()
    assert data.stats.actuals == {"actual_buy": 1}


def test_without_a_window_all_actuals_up_to_as_of_are_taken(version, log):
    serving = version.connect_serving(files(log), "pid", "ts")
    version.connect_actuals(actuals(("d2-0", True, 5)), "pid", {"buy": "outcome"}, "at")
    data = serving.read()
    assert data.to_arrow().num_rows == 60
    assert data.stats.actuals == {"actual_buy": 1}


def test_default_as_of_is_now(version, log):
    serving = version.connect_serving(files(log), "pid", "ts")
    version.connect_actuals(actuals(("d2-0", True, 5)), "pid", {"buy": "outcome"}, "at")
    plan = serving.plan(*WINDOW)
    assert abs(plan.as_of - datetime.now(UTC)) < timedelta(minutes=1)


def test_an_actual_has_one_source(version, log):
    version.connect_serving(files(log), "pid", "ts", labels={"buy": "bought"})
    with pytest.raises(ConfigError, match="has labels for buy already"):
        version.connect_actuals(actuals(), "pid", {"buy": "outcome"}, "at")
