"""A window of a wide log to Arrow: both engines beside ways by hand, and awswrangler.

    python -m benchmarks.engines [--rows 10000000] [--columns 28] [--rounds 3] [--where disk s3]
        [--delay 0] [--ways headwater duckdb ...]

The log has 10 days, the window 8 of them. Each way runs in a process of its own, the ways in turn;
sessions are started before the clock. Each reads twice: the first read imports libraries and warms
a JVM, the second is what is compared. A way hands over all rows as Arrow and keeps none, but those
that can only give them at once (`toArrow`, awswrangler). Reported are medians: seconds and CPU
seconds, their ratios to the best way by hand on that kind of engine, bytes read, and the peak
memory of the process, a JVM of its own included. On a machine that others use, CPU seconds tell
more. Over S3 the files come from `support_s3`, whose CPU time is shown as a share of the seconds:
where that is not small, ways look more alike than they are.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks import support_s3
from benchmarks.support import make_log, measured
from benchmarks.window import DAYS, window

FLOORS = {"headwater": ("duckdb", "pyarrow"), "headwater spark": ("spark",)}
"""Our ways, and the ways by hand that each is compared with."""


def main(arguments: list[str] | None = None) -> None:
    """Measure every way, and print a table for each size and place."""
    options = _options([] if arguments is None else arguments)
    if options.child:
        _child(*options.child)
        return
    for rows in options.rows:
        with tempfile.TemporaryDirectory() as folder:
            log = make_log(Path(folder) / "log", DAYS, rows // DAYS, options.columns)
            size = sum(p.stat().st_size for p in log.rglob("*.parquet"))
            for where in options.where:
                late = f", {options.delay:g} ms a request" if where == "s3" else ""
                print(
                    f"{rows * (DAYS - 2) // DAYS:,} of {rows:,} rows, {options.columns + 2} "
                    f"columns, {size / 1e6:,.0f} MB, {where}{late}"
                )
                _table(log, where, options)


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engines")
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000_000])
    parser.add_argument("--columns", type=int, default=28)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--where", nargs="+", choices=("disk", "s3"), default=("disk", "s3"))
    parser.add_argument("--delay", type=float, default=0, help="of each answer of S3, in ms")
    parser.add_argument("--ways", nargs="+", choices=tuple(WAYS), default=tuple(WAYS))
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def _table(log: Path, where: str, options: argparse.Namespace) -> None:
    ways = [w for w in options.ways if where == "s3" or w != "awswrangler"]
    figures: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    for _ in range(options.rounds):
        for way in ways:
            with _place(log, where, options.delay) as place:
                child = ("--child", way, place, str(options.columns))
                run = measured("benchmarks.engines", *child)
                if where == "s3":
                    server = support_s3.told(place.partition(" ")[0])
                    # Both reads were served.
                    run |= {
                        "read_bytes": server["sent_bytes"] / 2,
                        "server_s": server["cpu_s"] / 2,
                        "requests": server["requests"] / 2,
                    }
                figures[way].append(run)
    medians = {w: {k: statistics.median(r[k] for r in f) for k in f[0]} for w, f in figures.items()}
    for way, found in medians.items():
        by_hand = [medians[w] for w in FLOORS.get(way, ()) if w in medians]
        ratios = " and ".join(
            f"{found[k] / min(m[k] for m in by_hand):.2f}x {name}" if by_hand else ""
            for k, name in (("seconds", "seconds"), ("cpu_s", "CPU"))
        ).strip(" and")
        asked = ""
        if where == "s3":
            share = found["server_s"] / found["seconds"]
            asked = f"{found['requests']:,.0f} requests, server {share:.0%}"
        print(
            f"  {way:<16} {found['first_s']:6.2f} s, then {found['seconds']:6.2f} s "
            f"{found['cpu_s']:6.2f} s CPU "
            f"{found['rows'] / found['seconds']:>11,.0f} rows/s {found['read_bytes'] / 1e6:>7,.0f} "
            f"MB read {found['peak_mb']:>6,.0f} MB peak  {ratios}  {asked}".rstrip(),
            flush=True,
        )


@contextmanager
def _place(log: Path, where: str, delay_ms: float) -> Iterator[str]:
    """Give the log's place: a folder, or a server's address."""
    if where == "disk":
        yield str(log)
        return
    with support_s3.served(log.parent, delay_ms) as url:
        yield f"{url} {log.name}"


def _child(way: str, place: str, columns: str) -> None:
    """Read by one way in this process, and print what it took."""
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "PYSPARK_PYTHON": sys.executable,
    }
    names = [f"f{i}" for i in range(int(columns))]
    with WAYS[way](place, names) as read:
        started = time.perf_counter()
        read()
        first = time.perf_counter() - started
        before, worked, started = _read_bytes(), _cpu_seconds(), time.perf_counter()
        rows = read()
        seconds, worked = time.perf_counter() - started, _cpu_seconds() - worked
        found = {
            "rows": rows,
            "seconds": seconds,
            "first_s": first,
            "cpu_s": worked,
            "read_bytes": _read_bytes() - before,
            "peak_mb": sum(_status(pid, "VmHWM") for pid in _family()) / 1024,
        }
    print(json.dumps(found))


def _family() -> list[int]:
    """Return this process and its JVM, if it has one."""
    children = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return [os.getpid(), *(int(c) for text in children for c in text.read_text().split())]


def _status(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def _cpu_seconds() -> float:
    """Return the CPU time of this process and its JVM so far: unlike seconds, others don't add."""
    ticks = 0
    for pid in _family():
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _read_bytes() -> int:
    """Return what this process and its JVM have read from files so far."""
    return sum(
        int(Path(f"/proc/{pid}/io").read_text(encoding="ascii").split()[1]) for pid in _family()
    )


def _headwater(engine: str) -> Callable[[str, list[str]], Any]:
    @contextmanager
    def way(place: str, names: list[str]) -> Iterator[Callable[[], int]]:
        import headwater as hw

        options = {"master": "local[*]", "conf": _MEMORY} if engine == "spark" else {}
        with hw.Workspace(engine=engine, engine_options=options) as workspace:
            workspace.create_model("m")
            features = dict.fromkeys(names, "numeric")
            version = workspace.create_model_version("m", "v1", "regression", features=features)
            data = version.connect_serving(_source(place), "pid", "ts").read(*window())
            if engine == "spark":
                workspace.engine_named("spark").opened(data.plan)  # type: ignore[attr-defined]
            yield lambda: sum(batch.num_rows for batch in data)

    return way


def _source(place: str) -> Any:
    import headwater as hw
    from headwater_s3 import S3DataSource

    rule = hw.TimePartition(column="ts", keys={"dt": "yyyy-MM-dd"})
    url, _, name = place.partition(" ")
    if not name:
        return hw.FileDataSource(tables={"log": place}, partitions={"log": rule})
    return S3DataSource(
        path=f"s3://{support_s3.BUCKET}/{name}/",
        partitions={"data": rule},
        region="us-east-1",
        endpoint_url=url,
    )


@contextmanager
def _duckdb(place: str, names: list[str]) -> Iterator[Callable[[], int]]:
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    url, _, name = place.partition(" ")
    if name:
        from headwater.engines.embedded.database import _httpfs

        connection.execute(f"LOAD '{_httpfs()}'")
        # The second read is compared: it shall fetch what it reads, as the others do.
        connection.execute("SET enable_external_file_cache = false")
        connection.execute(
            f"CREATE SECRET (TYPE s3, KEY_ID 'k', SECRET 's', REGION 'us-east-1', USE_SSL false, "
            f"ENDPOINT '{url.removeprefix('http://')}', URL_STYLE 'path')"
        )
        place = f"s3://{support_s3.BUCKET}/{name}"
    start, end = window()

    def read() -> int:
        reader = connection.execute(
            f"SELECT pid, ts, {', '.join(names)} FROM read_parquet('{place}/*/*.parquet', "
            f"hive_partitioning = true) WHERE dt >= '{start}' AND dt < '{end}' "
            f"AND ts >= '{start}' AND ts < '{end}'"
        ).fetch_record_batch(100_000)
        return sum(batch.num_rows for batch in reader)

    yield read


@contextmanager
def _pyarrow(place: str, names: list[str]) -> Iterator[Callable[[], int]]:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.dataset as ds
    from pyarrow import fs

    url, _, name = place.partition(" ")
    files: Any = None
    if name:
        address = url.removeprefix("http://")
        files = fs.S3FileSystem(endpoint_override=address, scheme="http", region="us-east-1")
        place = f"{support_s3.BUCKET}/{name}"
    start, end = window()
    first, last = (pa.scalar(datetime.fromisoformat(f"{t}T00:00:00+00:00")) for t in (start, end))
    days = (pc.field("dt") >= start) & (pc.field("dt") < end)
    keep = days & (pc.field("ts") >= first) & (pc.field("ts") < last)

    def read() -> int:
        flavor = ds.partitioning(pa.schema([("dt", pa.string())]), flavor="hive")
        data = ds.dataset(place, filesystem=files, format="parquet", partitioning=flavor)
        wanted = ["pid", "ts", *names]
        return sum(batch.num_rows for batch in data.to_batches(columns=wanted, filter=keep))

    yield read


_MEMORY = {"spark.driver.memory": "6g", "spark.driver.maxResultSize": "0"}


@contextmanager
def _spark(place: str, names: list[str]) -> Iterator[Callable[[], int]]:
    from pyspark.sql import SparkSession

    from headwater.engines.spark.session.packages import EXCLUDED, coordinates

    settings = {
        **_MEMORY,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.session.timeZone": "UTC",
        "spark.log.level": "ERROR",
    }
    url, _, name = place.partition(" ")
    if name:
        settings |= {
            "spark.jars.packages": ",".join(coordinates(["s3"])),
            "spark.jars.excludes": EXCLUDED,
            "spark.hadoop.fs.s3a.endpoint": url,
            "spark.hadoop.fs.s3a.endpoint.region": "us-east-1",
            "spark.hadoop.fs.s3a.path.style.access": "true",
        }
        place = f"s3a://{support_s3.BUCKET}/{name}"
    builder: Any = SparkSession.builder.master("local[*]")
    for key, value in settings.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    start, end = window()

    def read() -> int:
        session.read.parquet(place).createOrReplaceTempView("log")
        rows: int = (
            session.sql(
                f"SELECT pid, ts, {', '.join(names)} FROM log WHERE dt >= '{start}' "
                f"AND dt < '{end}' AND ts >= TIMESTAMP '{start}' AND ts < TIMESTAMP '{end}'"
            )
            .toArrow()
            .num_rows
        )
        return rows

    yield read
    session.stop()


@contextmanager
def _awswrangler(place: str, names: list[str]) -> Iterator[Callable[[], int]]:
    url, _, name = place.partition(" ")
    os.environ["AWS_ENDPOINT_URL_S3"] = url
    import awswrangler
    import pandas as pd

    start, end = window()
    first, last = pd.Timestamp(start, tz="UTC"), pd.Timestamp(end, tz="UTC")

    def read() -> int:
        frame = awswrangler.s3.read_parquet(
            f"s3://{support_s3.BUCKET}/{name}/",
            dataset=True,
            columns=["pid", "ts", *names],
            partition_filter=lambda keys: start <= keys["dt"] < end,
        )
        import pyarrow as pa

        return pa.Table.from_pandas(frame[(frame.ts >= first) & (frame.ts < last)]).num_rows

    yield read


WAYS: dict[str, Callable[[str, list[str]], Any]] = {
    "headwater": _headwater("embedded"),
    "duckdb": _duckdb,
    "pyarrow": _pyarrow,
    "headwater spark": _headwater("spark"),
    "spark": _spark,
    "awswrangler": _awswrangler,
}


if __name__ == "__main__":
    main(sys.argv[1:])
