"""A declared time partition is proven by the files: in `check`, in reads, in verdicts."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.csv
import pyarrow.orc
import pyarrow.parquet as pq
import pytest

import headwater as hw
from headwater.auth.credentials import Access
from headwater.diagnostics import Severity
from headwater.engines.embedded.engine import EmbeddedEngine
from headwater.errors import ConfigError
from headwater.interfaces.engine import ArrowStream, Engine, EngineCapability
from headwater.interfaces.plan import Plan, Planned
from headwater.reading.dataset import EmptyReadWarning
from headwater.tables.relation import FileRelation, StreamRelation
from headwater.tables.table import Partition, Table
from headwater.workspace.model import Connection

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
WINDOW = ("2026-01-05T00:00Z", "2026-01-05T06:00Z")
DAY = {"dt": "'x'yyyy-MM-dd"}
SWAPPED = {"dt": "'x'yyyy-dd-MM"}
"""The keys are texts: a directory of a date alone would be a key of type date."""


def parquet(table: pa.Table, path: Path) -> None:
    pq.write_table(table, path)


def without_statistics(table: pa.Table, path: Path) -> None:
    pq.write_table(table, path, write_statistics=False)


def int96(table: pa.Table, path: Path) -> None:
    # As Spark writes timestamps by default: no statistics of them.
    pq.write_table(table, path, use_deprecated_int96_timestamps=True, write_statistics=False)


def orc(table: pa.Table, path: Path) -> None:
    pyarrow.orc.write_table(table, path)


def csv(table: pa.Table, path: Path) -> None:
    texts = table.column("at").cast(pa.timestamp("us")).cast(pa.string())
    pyarrow.csv.write_csv(table.set_column(1, "at", texts), path)


WRITERS: Mapping[str, Callable[[pa.Table, Path], None]] = {
    "parquet": parquet,
    "no-statistics": without_statistics,
    "int96": int96,
    "orc": orc,
    "csv": csv,
}


def rows(times: list[datetime | None]) -> pa.Table:
    return pa.table(
        {
            "id": pa.array([str(uuid4()) for _ in times], pa.string()),
            "at": pa.array(times, pa.timestamp("us", "UTC")),
            "y": pa.array([1.0] * len(times), pa.float64()),
        }
    )


def hourly(folder: Path, write: Callable[[pa.Table, Path], None] = parquet, days: int = 12) -> Path:
    """Write a row an hour, each in the directory of its UTC day."""
    for number in range(days):
        begin = FIRST + timedelta(days=number)
        put(
            folder,
            begin.strftime("dt=x%Y-%m-%d"),
            [begin + timedelta(hours=h, minutes=5) for h in range(24)],
            write,
        )
    return folder


def put(
    folder: Path,
    directory: str,
    times: list[Any],
    write: Callable[[pa.Table, Path], None] = parquet,
    name: str = "part-0",
) -> None:
    place = folder / directory
    place.mkdir(parents=True, exist_ok=True)
    write(rows(times), place / name)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EmptyReadWarning)
        yield


@pytest.fixture
def connect() -> Iterator[Callable[..., Connection]]:
    with hw.Workspace(engine="embedded") as workspace:

        def made(
            folder: Path,
            format: str = "parquet",
            source: type[hw.FileDataSource] = hw.FileDataSource,
            query: str = "SELECT * FROM log",
            engine: Engine | None = None,
            **rule: Any,
        ) -> Connection:
            if engine is not None:
                workspace.use_engine(engine)
            workspace.create_model("m")
            version = workspace.create_model_version(
                "m", "v1", "regression", predictions={"y": "numeric"}
            )
            version.disconnect("serving")
            told: dict[str, Any] = {
                "tables": {"log": str(folder)},
                "format": format,
                "query": query,
            }
            if rule:
                told["partitions"] = {"log": hw.TimePartition(**{"column": "at", **rule})}
            told["columns"] = {"log": {"id": "string", "at": "timestamp", "y": "double"}}
            if format == "csv":
                told["options"] = {"header": "true"}
            return version.connect_serving(source(**told), "id", "at")

        yield made


def of(kind: str) -> str:
    """Return the format of what a writer writes."""
    return kind if kind in ("orc", "csv") else "parquet"


def read(connection, *window):
    data = connection.read(*window)
    data.to_arrow()
    return data


def broken(connection, *window):
    with pytest.raises(ConfigError) as caught:
        read(connection, *window)
    assert caught.value.code == "rule-broken"
    return caught.value


@pytest.mark.parametrize("kind", WRITERS)
def test_a_true_rule_is_quiet(connect, tmp_path, kind) -> None:
    serving = connect(hourly(tmp_path, WRITERS[kind]), of(kind), keys=DAY)
    data = read(serving, *WINDOW)
    assert (data.stats.rows, data.stats.notes) == (6, ())
    report = serving.check(*WINDOW)
    assert report.ok
    assert report.stage("time-partition").status == "ok"
    assert "5 files of 5 partitions agree with" in report.stage("time-partition").summary


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Asia/Tokyo"])
def test_a_wrong_zone_is_found_in_check_and_in_an_empty_read(connect, tmp_path, kind, zone) -> None:
    window = WINDOW if zone.startswith("America") else ("2026-01-05T16:00Z", "2026-01-05T23:00Z")
    serving = connect(hourly(tmp_path, WRITERS[kind]), of(kind), keys=DAY, timezone=zone)
    for window_ in (window, ()):
        report = serving.check(*window_)
        assert not report.ok
        stage = report.stage("time-partition")
        assert stage.status == "failed"
        assert stage.diagnostics[0].code == "rule-broken"
        assert "timezone='UTC'" in stage.diagnostics[0].hint
    data = read(serving, *window)
    assert data.stats.rows == 0
    assert data.stats.verdict.code == "rule-broken"
    assert "timezone='UTC'" in data.stats.verdict.hint


def test_a_read_that_finds_some_of_the_rows_is_not_silent(connect, tmp_path) -> None:
    serving = connect(hourly(tmp_path), keys=DAY, timezone="America/Los_Angeles")
    data = read(serving, "2026-01-04T12:00Z", "2026-01-05T06:00Z")
    assert data.stats.rows == 12  # of 18
    assert {n.code for n in data.stats.notes} == {"rule-broken"}
    assert "rows lie up to 7 hours 55 minutes before" in data.stats.notes[0].message
    assert "timezone='UTC'; or a lateness of 8 hours" in data.stats.notes[0].hint
    assert not any("MSCK" in str(n) for n in (*data.plan.warnings, *data.stats.notes))


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize(
    "window",
    [
        ("2026-01-01", "2026-01-09"),  # its first day is found, and lies where it should
        ("2026-01-02", "2026-01-04"),
        ("2026-01-05", "2026-01-06"),
    ],
)
def test_months_and_days_that_changed_places(connect, tmp_path, kind, window) -> None:
    serving = connect(hourly(tmp_path, WRITERS[kind]), of(kind), keys=SWAPPED)
    assert not serving.check(*window).ok
    if window[0] == "2026-01-01":
        hint = broken(serving, *window).hint
    else:
        data = read(serving, *window)
        assert data.stats.rows == 0
        assert data.stats.verdict.code == "rule-broken"
        hint = data.stats.verdict.hint
    assert f"keys={DAY!r}" in hint


def test_a_window_of_a_rule_that_is_wrong_elsewhere_is_read(connect, tmp_path) -> None:
    """The first of January is the first of January, whichever way it is read."""
    serving = connect(hourly(tmp_path), keys=SWAPPED)
    data = read(serving, "2026-01-01", "2026-01-02")
    assert data.stats.rows == 24
    assert "rule-broken" in {n.code for n in data.stats.notes}


def test_without_a_window_nothing_is_lost_and_nothing_refused(connect, tmp_path) -> None:
    serving = connect(hourly(tmp_path), keys=SWAPPED, timezone="Asia/Tokyo")
    assert read(serving).stats.rows == 288


def test_a_pattern_that_reads_no_value_is_refused(connect, tmp_path) -> None:
    for n in range(12):
        at = FIRST + timedelta(days=n)
        put(tmp_path, f"dt=D{at:%Y-%m-%d}", [at])
    serving = connect(tmp_path, keys={"dt": "'D'yyyyMMdd"})
    with pytest.raises(ConfigError) as caught:
        serving.plan(*WINDOW)
    assert caught.value.code == "rule-broken"
    assert "none of its 12 partitions" in caught.value.message
    assert "a value is dt='D2026-01-01'" in caught.value.message
    for window in (WINDOW, ()):
        report = serving.check(*window)
        assert report.stage("time-partition").status == "failed"


def test_values_that_are_not_read_are_counted(connect, tmp_path) -> None:
    put(hourly(tmp_path, days=6), "dt=5.1.2026", [FIRST + timedelta(days=4, hours=1)])
    serving = connect(tmp_path, keys=DAY)
    (warning,) = serving.plan(*WINDOW).warnings
    assert warning.code == "partition-unread"
    assert "1 of 7 partitions" in warning.message
    assert "they are read by any window" in warning.message
    data = read(serving, *WINDOW)
    assert data.stats.rows == 7
    assert [n.code for n in data.stats.notes] == ["partition-unread"]
    for window in (WINDOW, ()):
        stage = serving.check(*window).stage("time-partition")
        assert stage.status == "warning"
        (told,) = stage.diagnostics
        assert "they are read by any window" in told.message


def test_one_row_of_1970_makes_no_table_unreadable(connect, tmp_path) -> None:
    hourly(tmp_path)
    put(
        tmp_path,
        "dt=x2026-01-05",
        [datetime(1970, 1, 1, tzinfo=UTC), FIRST + timedelta(days=4)],
        name="odd",
    )
    serving = connect(tmp_path, keys=DAY)
    data = read(serving, *WINDOW)
    assert data.stats.rows == 7
    (note,) = data.stats.notes
    assert note.code == "rule-broken"
    assert note.severity is Severity.WARNING
    assert "days before" in note.message
    assert "lateness of 20458 days would cover it" in note.hint
    report = serving.check(*WINDOW)
    assert report.ok
    assert report.stage("time-partition").status == "warning"


def test_rows_that_are_a_little_late_are_told_with_the_lateness_for_them(connect, tmp_path) -> None:
    hourly(tmp_path)
    put(
        tmp_path,
        "dt=x2026-01-06",
        [FIRST + timedelta(days=4, hours=22), FIRST + timedelta(days=5)],
        name="late",
    )
    serving = connect(tmp_path, keys=DAY)
    # They lie in a partition beside the window's, of which the last file is looked at ...
    data = read(serving, "2026-01-05", "2026-01-06")
    assert data.stats.rows == 24
    # ... and in the window's own.
    data = read(serving, "2026-01-06", "2026-01-07")
    (note,) = data.stats.notes
    assert "rows lie up to 2 hours before" in note.message
    assert "a lateness of 2 hours" in note.hint
    late = connect(tmp_path, keys=DAY, lateness=timedelta(hours=2))
    data = read(late, "2026-01-05", "2026-01-06")
    assert (data.stats.rows, data.stats.notes) == (25, ())
    assert late.check("2026-01-05", "2026-01-07").ok


def test_a_file_in_the_wrong_directory_is_an_error_that_names_all_of_it(connect, tmp_path) -> None:
    hourly(tmp_path)
    put(
        tmp_path,
        "dt=x2026-01-05",
        [FIRST + timedelta(days=9), FIRST + timedelta(days=9, hours=3)],
        name="moved",
    )
    error = broken(connect(tmp_path, keys=DAY), *WINDOW)
    for part in (
        "dt=x2026-01-05/moved holds at from 2026-01-10 00:00:00 to 2026-01-10 03:00:00 UTC",
        "dt=x2026-01-05 means 2026-01-05 00:00:00 to 2026-01-06 00:00:00 UTC",
        f"dt: {DAY['dt']!r} from at, UTC",
    ):
        assert part in error.message
    assert "timezone" not in error.hint
    assert "no usual zone, pattern or lateness" in error.hint


@pytest.mark.parametrize("times", [[None, None], []], ids=["nulls", "no-rows"])
def test_files_that_hold_no_time_say_nothing(connect, tmp_path, times) -> None:
    put(hourly(tmp_path), "dt=x2026-01-05", times, name="silent")
    serving = connect(tmp_path, keys=DAY)
    data = read(serving, *WINDOW)
    assert (data.stats.rows, data.stats.notes) == (6, ())
    assert serving.check(*WINDOW).ok


def test_row_groups_of_nulls_hide_no_others(connect, tmp_path) -> None:
    def grouped(table: pa.Table, path: Path) -> None:
        pq.write_table(table, path, row_group_size=2)

    late = [None, None, FIRST + timedelta(days=9), FIRST + timedelta(days=9)]
    put(hourly(tmp_path), "dt=x2026-01-05", late, grouped, name="moved")
    assert "moved" in broken(connect(tmp_path, keys=DAY), *WINDOW).message


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Berlin", "Australia/Sydney"])
def test_hours_of_a_clock_that_is_set_back_and_forward(connect, tmp_path, zone) -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    for n in range(24 * 45):
        at = start + timedelta(hours=n)
        if at.day in (7, 8, 9, 28, 29, 30) or (at.month == 4 and 3 < at.day < 7):
            local = at.astimezone(ZoneInfo(zone))
            put(tmp_path, f"{local:h=%Y-%m-%d-%H}", [at], name=f"{n}")
    right = connect(tmp_path, keys={"h": "yyyy-MM-dd-HH"}, timezone=zone)
    data = read(right, "2026-03-07", "2026-03-10")
    assert (data.stats.rows, data.stats.notes) == (72, ())
    assert right.check("2026-03-07", "2026-03-10").ok
    wrong = connect(tmp_path, keys={"h": "yyyy-MM-dd-HH"})
    broken(wrong, "2026-03-07T12:00Z", "2026-03-09T12:00Z")
    assert not wrong.check("2026-03-07", "2026-03-10").ok


class Ruled(hw.FileDataSource):
    """A plugin's source, which says by itself how partitions follow from time."""

    def time_partition(self, table: Table) -> hw.TimePartition | None:
        return hw.TimePartition("at", SWAPPED)


def test_a_rule_of_a_plugin_is_proven_as_well(connect, tmp_path) -> None:
    serving = connect(hourly(tmp_path), source=Ruled)
    broken(serving, "2026-01-01", "2026-01-09")
    assert not serving.check("2026-01-01", "2026-01-09").ok
    assert not serving.check().ok


class Rows(hw.FileDataSource):
    """Gives its rows itself, as a plugin for a database does."""

    def relation(
        self, table: Table, partitions: Sequence[Partition] | None, access: Access
    ) -> StreamRelation:
        found = super().relation(table, partitions, access)
        assert isinstance(found, FileRelation)
        parts = [rows([]).append_column("dt", pa.array([], pa.string()))]
        for file in found.files:
            part = pq.ParquetFile(file.path).read()
            key = found.partitions[file.partition].values[0]
            parts.append(part.append_column("dt", pa.array([key] * part.num_rows)))
        whole = pa.concat_tables(parts)
        return StreamRelation(
            table.name, table.columns, lambda names: whole.select(list(names)).to_reader()
        )


def test_a_rule_of_rows_that_a_source_gives_itself(connect, tmp_path) -> None:
    serving = connect(hourly(tmp_path), source=Rows, keys=DAY)
    data = read(serving, "2026-01-02", "2026-01-04")
    assert (data.stats.rows, data.stats.notes) == (48, ())
    for window in (("2026-01-02", "2026-01-04"), ()):
        stage = serving.check(*window).stage("time-partition")
        assert (stage.status, stage.details["compared"]) == ("ok", 4)


def test_a_rule_of_such_rows_that_is_wrong(connect, tmp_path) -> None:
    week = ("2026-01-01", "2026-01-09")
    serving = connect(hourly(tmp_path), source=Rows, keys=SWAPPED)
    data = read(serving, *week)
    assert data.stats.rows == 24
    assert [n.code for n in data.stats.notes] == ["partitions-missing"]
    for window in (week, ()):
        stage = serving.check(*window).stage("time-partition")
        assert stage.status == "failed"
        assert "x2026-01-12 means 2026-12-01" in str(stage.diagnostics[0].message)
    empty = read(serving, "2026-01-03", "2026-01-04")
    assert empty.stats.verdict.code == "partition-missing"
    assert "headwater check" in empty.stats.verdict.hint
    west = connect(tmp_path, source=Rows, keys=DAY, timezone="America/Los_Angeles")
    empty = read(west, *WINDOW)
    assert (empty.stats.rows, empty.stats.verdict.code) == (0, "rule-broken")


def test_the_rows_of_a_whole_read_prove_an_empty_one(connect, tmp_path) -> None:
    """No file is small enough to be looked at: the rows that the window should have are counted."""
    from headwater.planning import rule_proofs

    serving = connect(hourly(tmp_path, int96), keys=DAY, timezone="America/Los_Angeles")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rule_proofs, "_VALUES", 0)
        data = read(serving, *WINDOW)
    assert data.stats.rows == 0
    assert data.stats.verdict.code == "rule-broken"
    assert "6 rows lie in the window" in data.stats.verdict.message


def test_the_hint_about_a_where_is_given_to_those_who_wrote_one(connect, tmp_path) -> None:
    hourly(tmp_path)
    own = read(connect(tmp_path, query="SELECT * FROM log WHERE y > 5", keys=DAY), *WINDOW)
    assert "WHERE" in own.stats.verdict.hint
    put(tmp_path / "none", "dt=x2026-01-05", [])
    none = read(connect(tmp_path / "none", keys=DAY), *WINDOW)
    assert none.stats.verdict.code == "filtered-out"
    assert "WHERE" not in none.stats.verdict.hint


def test_a_query_that_the_window_does_not_reach_reads_all(connect, tmp_path) -> None:
    """Nothing is pruned, so nothing can be lost, whatever was declared."""
    query = "SELECT *, row_number() OVER (ORDER BY at, id) AS n FROM log"
    serving = connect(hourly(tmp_path), query=query, keys=SWAPPED)
    assert read(serving, *WINDOW).stats.rows == 6


class Elsewhere(EmbeddedEngine):
    """An engine that knows of no rules, as one that reads on a cluster."""

    name = "elsewhere"
    capabilities = EmbeddedEngine.capabilities - {EngineCapability.TIME_STATISTICS}

    @contextmanager
    def read(self, plan: Plan | Planned, access: Access) -> Iterator[ArrowStream]:
        whole = Planned.of(plan).plan
        without = replace(whole, scans=tuple(replace(s, rule=None) for s in whole.scans))
        with super().read(without, access) as stream:
            yield stream


def test_for_an_engine_that_does_not_compare_files_they_are_compared_before_it_reads(
    connect, tmp_path
) -> None:
    hourly(tmp_path)
    serving = connect(tmp_path, engine=Elsewhere(), keys=DAY)
    data = serving.read(*WINDOW, engine="elsewhere")
    assert data.to_arrow().num_rows == 6
    assert data.stats.notes == ()
    place = "dt=x2026-01-05"
    put(tmp_path, place, [FIRST + timedelta(days=4, hours=n) for n in (-30, 1)], name="late")
    data = serving.read(*WINDOW, engine="elsewhere")
    assert data.to_arrow().num_rows == 7
    assert [n.code for n in data.stats.notes] == ["rule-broken"]
    put(tmp_path, place, [FIRST + timedelta(days=9)], name="moved")
    with pytest.raises(ConfigError, match="moved holds at") as caught:
        serving.read(*WINDOW, engine="elsewhere").to_arrow()
    assert caught.value.code == "rule-broken"


def test_of_many_files_of_a_month_the_first_and_the_last_are_looked_at(connect, tmp_path) -> None:
    for n in range(80):
        at = FIRST + timedelta(days=n, hours=3)
        put(tmp_path, f"{at:m=x%Y-%m}", [at], name=f"{n:02}")
    months = {"m": "'x'yyyy-MM"}
    assert connect(tmp_path, keys=months).check("2026-02-01", "2026-02-03").ok
    wrong = connect(tmp_path, keys=months, timezone="America/Los_Angeles")
    stage = wrong.check("2026-02-01", "2026-02-03").stage("time-partition")
    assert stage.status == "failed"
    assert "timezone='UTC'" in stage.diagnostics[0].hint
