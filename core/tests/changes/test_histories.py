"""Histories of a lake, made up at random: no restatement is missed, no key names two contents.

Rows are appended, land late, are rewritten, compacted, deleted; labels come, come back-dated, are
corrected, are dated ahead; the query changes; time passes; runners crash at each step, and two of
them run side by side. A consumer keeps what it is given under the key that it is given with. After
each whole run the ledger names, of each window, a key under which the consumer has exactly what a
full read of the window gives.
"""

from __future__ import annotations

import itertools
import random
import shutil
import tempfile
import warnings
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from core.tests.depth import examples
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

import headwater as hw
from headwater.changes.changes import Change
from headwater.errors import DataChangedError, LedgerMovedError, SourceError

BASE = datetime(2026, 1, 1, tzinfo=UTC)
WINDOWS = 3
HORIZON = timedelta(days=2)
HOUR = timedelta(hours=1)
DAYS = st.integers(0, WINDOWS - 1)
SOME = st.integers(0, 10**6)


def day(number: int) -> datetime:
    return BASE + timedelta(days=number)


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    return sorted(table.to_pylist(), key=lambda r: (str(r["id"]), str(r)))


class Histories(RuleBasedStateMachine):
    """One history."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.numbers = itertools.count()
        self.now = day(WINDOWS)
        self.shift = 0
        self.kept: dict[str, list[dict[str, Any]]] = {}
        self.workspace = hw.Workspace(engine="embedded")
        self.workspace.create_model("m")
        self.version = self.workspace.create_model_version(
            "m", "v1", "binary", features={"x": "numeric"}, predictions={"y": "boolean"}
        )
        self.crashed = False

    def teardown(self) -> None:
        try:
            if not self.crashed:
                self.whole_run()
        finally:
            self.workspace.close()
            shutil.rmtree(self.folder)

    # -- the lake

    def files(self, table: str, number: int | None = None) -> list[Path]:
        place = "*" if number is None else f"dt={day(number):%Y-%m-%d}"
        return sorted((self.folder / table).glob(f"{place}/*.parquet"))

    def write(self, table: str, partition: datetime, rows: list[dict[str, Any]], name: str) -> None:
        path = self.folder / table / f"dt={partition:%Y-%m-%d}" / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        moment = pa.timestamp("us", "UTC")
        types: dict[str, pa.DataType] = (
            {"id": pa.string(), "at": moment, "x": pa.float64(), "y": pa.bool_()}
            if table == "log"
            else {"id": pa.string(), "decided": moment, "did": pa.bool_()}
        )
        pq.write_table(pa.Table.from_pylist(rows, pa.schema(types)), path)

    def predictions(self, number: int, count: int, seed: int) -> list[dict[str, Any]]:
        rng = random.Random(seed)
        return [
            {
                "id": f"{number}-{rng.randrange(12)}-{next(self.numbers)}",
                "at": day(number) + timedelta(seconds=rng.randrange(86_400)),
                "x": rng.choice([0.0, 1.0, None]),
                "y": rng.random() < 0.5,
            }
            for _ in range(count)
        ]

    @initialize()
    def begin(self) -> None:
        # A table without files is refused: each has one that no window needs.
        self.write("log", day(-30), self.predictions(-30, 1, 0), "far")
        far = {"id": "none", "decided": day(-30), "did": True}
        self.write("actuals", day(-30), [far], "far")
        for number in range(WINDOWS):
            self.write("log", day(number), self.predictions(number, 4, number), "first")
        self.connect()

    def connect(self) -> None:
        for purpose in list(self.version.connections):
            self.version.disconnect(purpose)
        keys = {"dt": "yyyy-MM-dd"}
        late = timedelta(days=1)
        self.serving = self.version.connect_serving(
            hw.FileDataSource(
                tables={"log": str(self.folder / "log")},
                columns={"log": {"id": "string", "at": "timestamp", "x": "double", "y": "boolean"}},
                query=f"SELECT id, at, x + {self.shift} AS x, y FROM log",
                partitions={"log": hw.TimePartition("at", keys=keys, lateness=late)},
            ),
            "id",
            "at",
        )
        self.version.connect_actuals(
            hw.FileDataSource(
                tables={"actuals": str(self.folder / "actuals")},
                columns={"actuals": {"id": "string", "decided": "timestamp", "did": "boolean"}},
                partitions={"actuals": hw.TimePartition("decided", keys=keys)},
            ),
            "id",
            {"y": "did"},
            "decided",
            horizon=HORIZON,
        )

    # -- what happens to it

    @rule(number=DAYS, late=st.booleans(), seed=SOME)
    def rows_land(self, number: int, late: bool, seed: int) -> None:
        rows = self.predictions(number, 1 + seed % 2, seed)
        self.write("log", day(number + late), rows, f"f{next(self.numbers)}")

    @rule(seed=SOME, set_on=st.integers(-1, 5), ahead=st.booleans(), hour=st.integers(0, 23))
    def labels_land(self, seed: int, set_on: int, ahead: bool, hour: int) -> None:
        """Of any age: back-dated, in time, after the horizon, corrections, ahead of the clock."""
        rng = random.Random(seed)
        ids = [i for f in self.files("log") for i in pq.ParquetFile(f).read()["id"].to_pylist()]
        moment = day(set_on) + hour * HOUR
        if ahead:
            moment = self.now + HOUR * rng.choice([1, 5, 30])
        chosen = rng.sample(ids, min(3, len(ids)))
        labels = [{"id": i, "decided": moment, "did": rng.random() < 0.5} for i in chosen]
        self.write("actuals", moment, labels, f"f{next(self.numbers)}")

    @rule(table=st.sampled_from(["log", "actuals"]), seed=SOME)
    def a_file_is_rewritten(self, table: str, seed: int) -> None:
        if not (files := [f for f in self.files(table) if f.stem != "far"]):
            return
        path = files[seed % len(files)]
        rows = pq.ParquetFile(path).read().to_pylist()
        for row in rows[: 1 + seed % 2]:
            if table == "log":
                row["x"] = None if row["x"] else 7.0
            else:
                row["did"] = not row["did"]
        partition = datetime.fromisoformat(path.parent.name[3:])
        self.write(table, partition, rows, path.stem)

    @rule(table=st.sampled_from(["log", "actuals"]), number=st.integers(-1, 5))
    def a_partition_is_compacted(self, table: str, number: int) -> None:
        files = self.files(table, number)
        rows = [row for f in files for row in pq.ParquetFile(f).read().to_pylist()]
        for file in files:
            file.unlink()
        if rows:
            self.write(table, day(number), rows[::-1], f"c{next(self.numbers)}")

    @rule(table=st.sampled_from(["log", "actuals"]), seed=SOME, whole=st.booleans())
    def files_are_deleted(self, table: str, seed: int, whole: bool) -> None:
        if not (files := [f for f in self.files(table) if f.stem != "far"]):
            return
        path = files[seed % len(files)]
        if whole:
            shutil.rmtree(path.parent)
        else:
            path.unlink()

    @rule()
    def the_query_changes(self) -> None:
        self.shift = 1 - self.shift
        self.connect()

    @rule(hours=st.sampled_from([1, 5, 24]))
    def time_passes(self, hours: int) -> None:
        self.now += hours * HOUR

    # -- who reads it

    def changes(self) -> Any:
        return self.serving.changes(
            BASE, day(WINDOWS), every="1 day", ledger=self.folder / "ledger", now=self.now
        )

    def take(self, change: Change) -> None:
        """Read a change as a consumer does, and keep what it gives under its key."""
        rows: list[dict[str, Any]] = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", hw.EmptyReadWarning)
            rows = rows_of(change.read().to_arrow())
        if not change.same:
            assert self.kept.setdefault(change.key, rows) == rows, f"{change.key}: two contents"

    @rule(stop=st.integers(0, 6))
    def a_runner_crashes(self, stop: int) -> None:
        """Before, between and behind reading and handing over each window."""
        for index, change in enumerate(self.changes()):
            if stop == 2 * index:
                return
            self.take(change)
            if stop == 2 * index + 1:
                return
            change.done()

    @rule(seed=SOME, changed=st.booleans())
    def two_runners(self, seed: int, changed: bool) -> None:
        one = list(self.changes())
        if changed:
            self.a_file_is_rewritten("log", seed)
            self.labels_land(seed, seed % 4, False, seed % 24)
        steps = [(c, self.take) for c in one] + [(c, Change.done) for c in one]
        two = list(self.changes())
        others = [(c, self.take) for c in two] + [(c, Change.done) for c in two]
        rng = random.Random(seed)
        while steps or others:
            mine = steps if not others or (steps and rng.random() < 0.5) else others
            change, step = mine.pop(0)
            with suppress(LedgerMovedError, DataChangedError, SourceError):
                if step is Change.done and change.after is None:
                    continue
                step(change)

    @rule()
    def whole_run(self) -> None:
        try:
            for change in self.changes():
                self.take(change)
                change.done()
            self.check()
        except BaseException:
            self.crashed = True
            raise

    def check(self) -> None:
        assert len(self.changes()) == 0, "an unchanged lake is offered again"
        current = hw.Ledger.load(self.folder / "ledger").keys()
        assert len(current) == WINDOWS, "a window is lost"
        for number in range(WINDOWS):
            as_of = min(self.now, day(number + 1) + HORIZON)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", hw.EmptyReadWarning)
                whole = self.serving.read(day(number), day(number + 1), as_of=as_of).to_arrow()
            key = current[f"m/v1/serving/1d/{day(number):%Y-%m-%d}T00:00Z"]
            assert self.kept[key] == rows_of(whole), f"{key}: a restatement was missed"


MANY = examples(20)
"""Histories of the slow test; 500 take some twenty minutes."""
QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


def test_a_few_histories() -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Histories,
        settings=settings(
            max_examples=3, stateful_step_count=12, deadline=None, suppress_health_check=QUIET
        ),
    )


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_many_histories() -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Histories,
        settings=settings(
            max_examples=MANY, stateful_step_count=20, deadline=None, suppress_health_check=QUIET
        ),
    )
