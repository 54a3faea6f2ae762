"""Sixty windows and what a monitor reads of them: beside one plan of the same days, in one run.

Predictions and labels of sixty days, a partition a day, local Parquet. A ledger has all windows;
then something lands, and what `changes` costs is set beside one read of the days that it touched:
files opened (the kernel is asked), bytes that reads returned, seconds of the processor. Ids are
numbers in a row, or texts of which none follows from another; windows never close, or after two
weeks; days have 20,000 rows, or 100,000. Then the ledger itself, of 10,000 windows.
"""

from __future__ import annotations

import hashlib
import logging
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from core.tests.counting import Openings

from benchmarks.support import FIRST

DAYS = 60
ROWS_A_DAY = 20_000
FEATURES = 8
DAY = timedelta(days=1)
NOW = FIRST + DAYS * DAY
DELAY = 12
"""Days over which a day's labels come in, before anything lands late."""
WINDOWS = 10_000


@dataclass
class Cost:
    """What some work took.

    Args:
        opened: Files opened.
        read: Bytes that the system gave to reads.
        cpu: Seconds of the processor.
        seconds: Seconds of the clock.
    """

    opened: int = 0
    read: int = 0
    cpu: float = 0.0
    seconds: float = 0.0


class Lake:
    """Predictions of sixty days, and their labels by the day on which they were set.

    Args:
        folder: Where they are written.
        rows: Predictions of a day.
        texts: Whether ids are texts.
    """

    def __init__(self, folder: Path, rows: int = ROWS_A_DAY, *, texts: bool = False) -> None:
        self.folder, self.rows, self.texts = folder, rows, texts
        for day in range(DAYS):
            self._predictions(day)
            known = [
                self.ids(d, range(day - d, rows, DELAY))
                for d in range(max(0, day - DELAY + 1), day)
            ]
            if ids := [i for some in known for i in some]:
                self.labels(day, ids, "part-0")

    def ids(self, day: int, numbers: Sequence[int]) -> list[int]:
        return [day * self.rows + n for n in numbers]

    def _written(self, ids: Any) -> Any:
        """Return ids as they are written."""
        import pyarrow as pa

        if not self.texts:
            return pa.array(ids)
        texts = (hashlib.sha256(str(n).encode()).hexdigest()[:16] for n in ids)
        return pa.array(texts, pa.string())

    def _predictions(self, day: int) -> None:
        import numpy as np
        import pyarrow as pa

        random = np.random.default_rng(day)
        base = int((FIRST + day * DAY).timestamp() * 1_000_000)
        times = base + np.arange(self.rows) * (86_400_000_000 // self.rows)
        columns: dict[str, Any] = {
            "id": self._written(np.arange(day * self.rows, (day + 1) * self.rows)),
            "at": pa.array(times, pa.timestamp("us", "UTC")),
            "y": random.random(self.rows) < 0.5,
        }
        columns |= {f"x{i}": random.normal(size=self.rows) for i in range(FEATURES)}
        self._write("serving", day, "part-0", pa.table(columns))

    def labels(self, day: int, ids: Sequence[int], name: str) -> None:
        import numpy as np
        import pyarrow as pa

        moment = FIRST + day * DAY + timedelta(hours=3)
        columns = {
            "id": self._written(ids),
            "set_at": pa.array([moment] * len(ids), pa.timestamp("us", "UTC")),
            "t": np.array(ids) % 3 == 0,
        }
        self._write("labels", day, name, pa.table(columns))

    def _write(self, table: str, day: int, name: str, rows: Any) -> None:
        import pyarrow.parquet as pq

        place = self.folder / table / f"dt={FIRST + day * DAY:%Y-%m-%d}" / f"{name}.parquet"
        place.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(rows, place)

    def rewrite(self, day: int) -> None:
        self._predictions(day)


def connected(workspace: Any, folder: Path, horizon: str | None) -> Any:
    import headwater as hw

    workspace.create_model("m")
    fields = {f"x{i}": "numeric" for i in range(FEATURES)}
    version = workspace.create_model_version(
        "m", "v1", "binary", features=fields, predictions={"y": "boolean"}
    )
    keys = {"dt": "yyyy-MM-dd"}
    serving = version.connect_serving(
        hw.FileDataSource(
            tables={"serving": str(folder / "serving")},
            partitions={"serving": hw.TimePartition("at", keys=keys)},
        ),
        "id",
        "at",
    )
    version.connect_actuals(
        hw.FileDataSource(
            tables={"labels": str(folder / "labels")},
            partitions={"labels": hw.TimePartition("set_at", keys=keys)},
        ),
        "id",
        {"y": "t"},
        "set_at",
        horizon=horizon,
    )
    return serving


@contextmanager
def costing(openings: Openings) -> Iterator[Cost]:
    """Measure what is done inside."""
    cost = Cost()
    openings.count()
    read, cpu, clock = _io("rchar"), _cpu(), time.perf_counter()
    yield cost
    cost.seconds = time.perf_counter() - clock
    cost.cpu, cost.read, cost.opened = _cpu() - cpu, _io("rchar") - read, openings.count()


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _io(name: str) -> int:
    """Return what the system counted of this process: `rchar` and `wchar` are bytes."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(f"{name}:")).split()[1])


def take(serving: Any, ledger: Any, now: Any = NOW) -> list[int]:
    """Hand over what changed; return the days."""
    days = []
    with serving.changes(FIRST, NOW, every="1 day", ledger=ledger, now=now) as changes:
        for change in changes:
            for _ in change.read():
                pass
            change.done()
            days.append((change.window.start - FIRST).days)
    return days


def _nothing(lake: Lake) -> Sequence[int]:
    return ()


def _rewrite(lake: Lake) -> Sequence[int]:
    lake.rewrite(30)
    return (30,)


def _nobody(lake: Lake) -> Sequence[int]:
    lake.labels(59, [-1, -2], "none")
    return ()


def _land(days: Sequence[int]) -> Callable[[Lake], Sequence[int]]:
    def event(lake: Lake) -> Sequence[int]:
        ids = [i for day in days for i in lake.ids(day, range(0, lake.rows, 10))]
        lake.labels(59, ids, f"late-{days[0]}-{len(days)}")
        return days

    return event


EVENTS: dict[str, Callable[[Lake], Sequence[int]]] = {
    "nothing": _nothing,
    "a day's rows are rewritten": _rewrite,
    "labels of 3 days land": _land([50, 51, 52]),
    "labels of 3 days apart land": _land([48, 52, 56]),
    "labels of nobody land": _nobody,
    "labels of all days land": _land(range(DAYS)),
}


def main() -> None:
    """Measure each event beside one read of the days that it touched, and a ledger's size."""
    logging.disable(logging.WARNING)
    for rows, texts, horizon in (
        (ROWS_A_DAY, False, None),
        (ROWS_A_DAY, False, "14 days"),
        (ROWS_A_DAY, True, None),
        (ROWS_A_DAY, True, "14 days"),
        (5 * ROWS_A_DAY, False, None),
    ):
        ids = "texts" if texts else "numbers"
        print(f"{DAYS} days of {rows:,} rows, ids are {ids}, horizon {horizon}")
        with tempfile.TemporaryDirectory() as place:
            _events(Path(place), rows, texts, horizon)
    with tempfile.TemporaryDirectory() as place:
        _many(Path(place))


def _events(folder: Path, rows: int, texts: bool, horizon: str | None) -> None:
    import headwater as hw

    lake = Lake(folder / "lake", rows, texts=texts)
    openings = Openings(folder / "lake")
    ledger = folder / "ledger"
    with hw.Workspace(engine="embedded") as workspace:
        serving = connected(workspace, folder / "lake", horizon)
        _read(serving, [0])  # what is loaded once
        with costing(openings) as one:
            _read(serving, range(DAYS))
        with costing(openings) as cost:
            assert len(take(serving, ledger)) == DAYS
        print_cost(f"first run of {DAYS} windows", cost, one)
        for name, event in EVENTS.items():
            days = event(lake)
            one = Cost()
            if days:
                with costing(openings) as one:
                    _read(serving, days)
            with costing(openings) as cost:
                offered = take(serving, ledger)
            print_cost(f"{name}: {len(offered)} windows", cost, one)


def _read(serving: Any, days: Sequence[int]) -> None:
    """Read days by one plan, all that lies between them, too."""
    span = FIRST + days[0] * DAY, FIRST + (days[-1] + 1) * DAY
    for _ in serving.read(*span, as_of=NOW, digests=True):
        pass


def _many(folder: Path) -> None:
    """Hand over ten thousand windows, and say what the ledger takes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    import headwater as hw

    hour = timedelta(hours=1)
    for day in range(-(-WINDOWS // 24)):
        moments = [FIRST + day * DAY + n * hour / 10 for n in range(240)]
        place = folder / "log" / f"dt={moments[0]:%Y-%m-%d}" / "part-0.parquet"
        place.parent.mkdir(parents=True)
        columns: dict[str, Any] = {
            "id": [day * 240 + n for n in range(240)],
            "at": pa.array(moments, pa.timestamp("us", "UTC")),
            "y": [n % 2 == 0 for n in range(240)],
        }
        pq.write_table(pa.table(columns), place)
    with hw.Workspace(engine="embedded") as workspace:
        workspace.create_model("m")
        version = workspace.create_model_version("m", "v1", "binary", predictions={"y": "boolean"})
        rule = hw.TimePartition("at", keys={"dt": "yyyy-MM-dd"})
        source = hw.FileDataSource(tables={"log": str(folder / "log")}, partitions={"log": rule})
        serving = version.connect_serving(source, "id", "at")
        span, now = (FIRST, FIRST + WINDOWS * hour), FIRST + (WINDOWS + 1) * hour
        openings = Openings(folder / "log")
        for name in ("first run", "again"):
            written = _io("wchar")
            with (
                costing(openings) as cost,
                serving.changes(
                    *span, every="1 hour", ledger=folder / "ledger", now=now
                ) as changes,
            ):
                for change in changes:
                    change.read().to_arrow()
                    change.done()
            size = (folder / "ledger").stat().st_size
            written = _io("wchar") - written
            print(
                f"  {len(changes):,} of {WINDOWS:,} windows, {name}: {cost.opened:,} files opened, "
                f"{cost.cpu:.1f} s of the processor, {cost.seconds:.1f} s; ledger "
                f"{size / 1e6:.2f} MB, written {written / 1e6:.2f} MB ({written / size:.2f}x)"
            )


def print_cost(name: str, cost: Cost, one: Cost) -> None:
    """Print a cost beside that of one read."""

    def ratio(a: float, b: float) -> str:
        return f"{a / b:5.2f}x" if b else "     -"

    print(
        f"  {name:<52} files {cost.opened:5} {ratio(cost.opened, one.opened)}  "
        f"bytes {cost.read / 1e6:7.2f} MB {ratio(cost.read, one.read)}  "
        f"cpu {cost.cpu:6.2f} s {ratio(cost.cpu, one.cpu)}  {cost.seconds:6.2f} s"
    )


if __name__ == "__main__":
    main()
