"""Histories of a lake, made up at random: no restatement is missed, no key names two contents.

Rows are appended, land late, are rewritten, compacted, deleted; labels come, come back-dated, are
corrected, are dated ahead; the query changes; time passes, and a clock goes back; runners crash at
each step, two of them run side by side, others read for them; what is kept beside the ledger is
lost, or older. A consumer keeps what it is given under the key that it is given with. After each
whole run the ledger names, of each window, a key under which the consumer has exactly what the
tables say (`expected`, which no line of ours is asked for); one window is read whole, too.
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
import pytest
from core.tests.changes.tables import FAR, Changing, Delta, Files, Iceberg, LakeSource
from core.tests.depth import examples
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

import headwater as hw
from headwater.changes.changes import Change
from headwater.errors import DataChangedError, LedgerMovedError, SourceError
from headwater.interfaces.data_source import DataSource

BASE = datetime(2026, 1, 1, tzinfo=UTC)
WINDOWS = 6
HORIZONS = (None, timedelta(days=2), timedelta(days=9))
MAY_BELONG = timedelta(hours=36)
HOUR = timedelta(hours=1)
DAYS = st.integers(0, WINDOWS - 1)
SOME = st.integers(0, 10**6)


def day(number: int) -> datetime:
    return BASE + timedelta(days=number)


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    return sorted(table.to_pylist(), key=lambda r: (str(r["id"]), str(r)))


COLUMNS = {
    "log": {"id": "string", "at": "timestamp", "x": "double", "y": "boolean"},
    "actuals": {"id": "string", "decided": "timestamp", "did": "boolean"},
}


class Histories(RuleBasedStateMachine):
    """One history, of tables of files."""

    make: type[Any] = Files
    engine = "embedded"

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.numbers = itertools.count()
        self.now = day(WINDOWS)
        self.shift = 0
        self.horizon: timedelta | None = None
        self.with_rule = True
        self.older: bytes | None = None
        self.kept: dict[str, list[dict[str, Any]]] = {}
        self.tables: dict[str, Changing] = {
            name: self.make(self.folder / name, columns) for name, columns in COLUMNS.items()
        }
        self.workspace = self.opened()
        self.workspace.create_model("m")
        self.version = self.workspace.create_model_version(
            "m", "v1", "binary", features={"x": "numeric"}, predictions={"y": "boolean"}
        )
        self.crashed = False

    def opened(self) -> hw.Workspace:
        return hw.Workspace(engine="embedded")

    def teardown(self) -> None:
        try:
            if not self.crashed:
                self.whole_run()
        finally:
            self.workspace.close()
            shutil.rmtree(self.folder)

    # -- the lake

    def source(self, name: str, query: str, rule: hw.TimePartition) -> DataSource:
        return hw.FileDataSource(
            tables={name: str(self.folder / name)},
            columns={name: COLUMNS[name]},
            query=query,
            # Without a rule, footers say which files a window needs.
            partitions={name: rule} if self.with_rule else {},
        )

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

    @initialize(horizon=st.sampled_from(HORIZONS), with_rule=st.booleans())
    def begin(self, horizon: timedelta | None, with_rule: bool) -> None:
        self.horizon, self.with_rule = horizon, with_rule
        # A table without files is refused: each has one that no window needs.
        far = {"id": FAR, "at": day(-30), "x": 0.0, "y": True}
        self.tables["log"].land([far], day(-30))
        self.tables["actuals"].land([{"id": FAR, "decided": day(-30), "did": True}], day(-30))
        for number in range(WINDOWS):
            self.tables["log"].land(self.predictions(number, 3, number), day(number))
        self.connect()

    def connect(self) -> None:
        for purpose in list(self.version.connections):
            self.version.disconnect(purpose)
        keys = {"dt": "yyyy-MM-dd"}
        late = timedelta(days=1)
        self.serving = self.version.connect_serving(
            self.source(
                "log",
                f"SELECT id, at, x + {self.shift} AS x, y FROM log",
                hw.TimePartition("at", keys=keys, lateness=late),
            ),
            "id",
            "at",
        )
        self.version.connect_actuals(
            self.source(
                "actuals",
                "SELECT id, decided, did FROM actuals",
                hw.TimePartition("decided", keys=keys),
            ),
            "id",
            {"y": "did"},
            "decided",
            horizon=self.horizon,
        )

    # -- what happens to it

    @rule(number=DAYS, late=st.booleans(), seed=SOME)
    def rows_land(self, number: int, late: bool, seed: int) -> None:
        rows = self.predictions(number, 1 + seed % 2, seed)
        self.tables["log"].land(rows, day(number + late))

    @rule(
        seed=SOME, set_on=st.integers(-1, WINDOWS + 2), ahead=st.booleans(), hour=st.integers(0, 23)
    )
    def labels_land(self, seed: int, set_on: int, ahead: bool, hour: int) -> None:
        """Of any age: back-dated, in time, after the horizon, corrections, ahead of the clock."""
        rng = random.Random(seed)
        ids = sorted({row["id"] for row in self.tables["log"].rows()})
        moment = day(set_on) + hour * HOUR
        if ahead:
            moment = self.now + HOUR * rng.choice([1, 5, 30])
        # Some are of one window, some of many, and some of nobody.
        chosen = rng.sample([*ids, "nobody"], min(rng.choice([1, 1, 3, 12]), len(ids)))
        labels = [{"id": i, "decided": moment, "did": rng.random() < 0.5} for i in chosen]
        self.tables["actuals"].land(labels, moment)

    @rule(seed=SOME, elsewhere=st.booleans(), of=st.sampled_from(["nobody", "one", "half", "all"]))
    def nothing_but_labels_lands(self, seed: int, elsewhere: bool, of: str) -> None:
        """Whose they are is told by ids that are kept, or by files where others read them."""
        if elsewhere:
            self.the_query_changes()
            self.others_read()
        else:
            self.whole_run(seed)
        rng = random.Random(seed)
        by_window: dict[int, list[str]] = {}
        for row in self.tables["log"].rows():
            by_window.setdefault((row["at"] - BASE).days, []).append(row["id"])
        moment = self.now - HOUR * rng.choice([0, 1, 30])
        count = {"nobody": 0, "one": 1, "half": WINDOWS // 2, "all": WINDOWS}[of]
        chosen = [rng.choice(by_window[n]) for n in range(count) if n in by_window]
        labels = [
            {"id": i, "decided": moment, "did": rng.random() < 0.5} for i in ["nobody", *chosen]
        ]
        self.tables["actuals"].land(labels, moment)
        self.whole_run(seed)

    @rule(table=st.sampled_from(["log", "actuals"]), seed=SOME)
    def rows_are_rewritten(self, table: str, seed: int) -> None:
        def change(row: dict[str, Any]) -> None:
            if table == "log":
                row["x"] = None if row["x"] else 7.0
            else:
                row["did"] = not row["did"]

        self.tables[table].rewrite(change, seed)

    @rule(table=st.sampled_from(["log", "actuals"]), number=st.integers(-1, WINDOWS + 2))
    def a_partition_is_compacted(self, table: str, number: int) -> None:
        self.tables[table].compact(day(number))

    @rule(table=st.sampled_from(["log", "actuals"]), seed=SOME, whole=st.booleans())
    def rows_are_deleted(self, table: str, seed: int, whole: bool) -> None:
        self.tables[table].delete(seed, whole)

    @rule(table=st.sampled_from(["log", "actuals"]))
    def the_schema_changes(self, table: str) -> None:
        self.tables[table].widen()

    @rule()
    def the_query_changes(self) -> None:
        self.shift = 1 - self.shift
        self.connect()

    @rule(hours=st.sampled_from([1, 5, 24]))
    def time_passes(self, hours: int) -> None:
        self.now += hours * HOUR

    @rule(lost=st.booleans())
    def what_is_kept_beside_the_ledger_is_lost_or_older(self, lost: bool) -> None:
        beside = self.folder / "ledger.files"
        if lost:
            beside.unlink(missing_ok=True)
        elif self.older is not None:
            beside.write_bytes(self.older)
        if beside.exists():
            self.older = beside.read_bytes()

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

    @rule(seed=SOME)
    def a_clock_goes_back(self, seed: int) -> None:
        """A run of another machine's time: what it hands over, later runs see as it should be."""
        ahead, self.now = self.now, self.now - HOUR * (1 + seed % 30)
        for change in self.changes():
            self.take(change)
            change.done()
        self.now = ahead

    @rule()
    def others_read(self) -> None:
        """What was read elsewhere is handed over by its evidence: nobody here saw its ids."""
        evidence = {}
        for change in self.changes():
            data = change.read()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", hw.EmptyReadWarning)
                evidence[change.window_key] = rows_of(data.to_arrow()), data.evidence()
        for change in self.changes():
            rows, told = evidence[change.window_key]
            key = change.done(told)
            if not change.same:
                assert self.kept.setdefault(key, rows) == rows, f"{key}: two contents"

    @rule(stop=st.integers(0, 2 * WINDOWS))
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
            self.rows_are_rewritten("log", seed)
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

    @rule(seed=SOME)
    def whole_run(self, seed: int = 0) -> None:
        try:
            with self.changes() as changes:
                for change in changes:
                    self.take(change)
                    change.done()
            self.check(seed)
        except BaseException:
            self.crashed = True
            raise

    def check(self, seed: int) -> None:
        assert len(self.changes()) == 0, "an unchanged lake is offered again"
        current = hw.Ledger.load(self.folder / "ledger").keys()
        assert len(current) == WINDOWS, "a window is lost"
        log, labels = (self.tables[name].rows() for name in ("log", "actuals"))
        for number in range(WINDOWS):
            key = current[f"m/v1/serving/1d/{day(number):%Y-%m-%d}T00:00Z"]
            told = self.expected(number, log, labels)
            assert self.kept[key] == told, f"{key}: a restatement was missed"
            if number == seed % WINDOWS:
                assert told == self.whole(number)

    def until(self, number: int) -> datetime:
        return self.now if self.horizon is None else min(self.now, day(number + 1) + self.horizon)

    def whole(self, number: int) -> list[dict[str, Any]]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", hw.EmptyReadWarning)
            data = self.serving.read(day(number), day(number + 1), as_of=self.until(number))
            return rows_of(data.to_arrow())

    def expected(
        self, number: int, log: list[dict[str, Any]], labels: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """Return a window's rows as the tables have them: the latest label of each id by then."""
        latest: dict[str, tuple[datetime, bool]] = {}
        for label in labels:
            if day(number) - MAY_BELONG <= label["decided"] <= self.until(number):
                one = label["decided"], label["did"]
                latest[label["id"]] = max(latest.get(label["id"], one), one)
        rows = []
        for row in log:
            if day(number) <= row["at"] < day(number + 1):
                when, did = latest.get(row["id"], (None, None))
                is_stale = when is not None and row["at"] - when >= MAY_BELONG
                x = None if row["x"] is None else row["x"] + self.shift
                rows.append(
                    {
                        "id": row["id"],
                        "timestamp": row["at"],
                        "x": x,
                        "y": row["y"],
                        "actual_y": None if is_stale else did,
                    }
                )
        return sorted(rows, key=lambda r: (str(r["id"]), str(r)))


class DeltaHistories(Histories):
    """One history, of Delta tables."""

    make: type[Any] = Delta

    def source(self, name: str, query: str, rule: hw.TimePartition) -> DataSource:
        return LakeSource(places={name: str(self.folder / name)}, columns=COLUMNS, query=query)


class IcebergHistories(DeltaHistories):
    """One history, of Iceberg tables."""

    make = Iceberg


MANY = examples(24)
"""Histories of the slow test, a third of each kind; 500 and more are what a release needs."""
QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


def run(machine: type[Histories], histories: int, steps: int) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(
            max_examples=histories,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=QUIET,
        ),
    )


def test_a_few_histories() -> None:
    run(Histories, 3, 12)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("machine", [Histories, DeltaHistories, IcebergHistories])
def test_many_histories(machine: type[Histories]) -> None:
    run(machine, -(-MANY // 3), 20)
