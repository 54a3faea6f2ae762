"""The partitions of a table that has 100,000: all of them, and those of one day.

headwater beside boto3's paginator and awswrangler, each in a process of its own, taken in turn.
Glue is a separate process that serves pages made beforehand; its share of the time is shown.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.catalog import LATENCIES_MS, PEER, _awswrangler, _session, source_at
from benchmarks.support import measured
from benchmarks.support_glue import cpu_seconds, served
from benchmarks.support_partitions import TABLE

PARTITIONS = 100_000
DAY = "2020-02-29"
ROUNDS = 1
HERE = "benchmarks.partitions"


def main() -> None:
    """Print each way's seconds, as ratios to the paginator's."""
    for latency in LATENCIES_MS:
        with served(10, latency, PARTITIONS) as url:
            for question, ways in QUESTIONS.items():
                print(f"{question}, {latency} ms a call")
                figures: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
                for _ in range(ROUNDS):
                    for way in ways:
                        before = cpu_seconds(url)
                        one = measured(HERE, question, way, url)
                        one["server"] = (cpu_seconds(url) - before) / one["seconds"]
                        figures[way].append(one)
                base = min(r["seconds"] for r in figures[PEER])
                for way, runs in figures.items():
                    seconds = min(r["seconds"] for r in runs)
                    print(
                        f"  {way:<34} {seconds:7.2f} s {base / seconds:6.1f}x sooner   "
                        f"server busy {max(r['server'] for r in runs):4.0%}   "
                        f"{runs[0]['found']:,.0f} partitions"
                    )


def headwater_all(url: str) -> int:
    """List all by segments, without their columns."""
    return _headwater(url, ())


def headwater_day(url: str) -> int:
    """List one day's, by what a plan asks for a window of that day."""
    from headwater.partitions.time_partitions import keys_for
    from headwater.tables.table import TimePartition
    from headwater.tables.window import Window

    rule = TimePartition("ts", {"dt": "yyyy-MM-dd"})
    window = Window.of(f"{DAY}T00:00:00", f"{DAY}T23:59:59")
    return _headwater(url, lambda table: keys_for(rule, window, table))


def _headwater(url: str, where: Any) -> int:
    from headwater.tables.table import TableName

    source = source_at(url)
    with source.access() as access:
        catalog = source.catalog(access)
        table = catalog.table(TableName("db0", TABLE))
        conditions = where(table) if callable(where) else where
        return sum(1 for _ in catalog.partitions(table, conditions))


def boto3_all(url: str) -> int:
    """List all by boto3's paginator."""
    return _boto3(url)


def boto3_day(url: str) -> int:
    """List one day's by boto3's paginator with an expression."""
    return _boto3(url, Expression=f"dt = '{DAY}'")


def _boto3(url: str, **more: str) -> int:
    glue = _session().client("glue", endpoint_url=url)
    told = {"DatabaseName": "db0", "TableName": TABLE, **more}
    pages = glue.get_paginator("get_partitions").paginate(**told)
    return sum(len(page["Partitions"]) for page in pages)


def awswrangler_all(url: str) -> int:
    """List all by awswrangler."""
    return len(_awswrangler(url).catalog.get_partitions("db0", TABLE))


def awswrangler_day(url: str) -> int:
    """List one day's by awswrangler with an expression."""
    found = _awswrangler(url).catalog.get_partitions("db0", TABLE, expression=f"dt = '{DAY}'")
    return len(found)


QUESTIONS: dict[str, dict[str, Callable[[str], int]]] = {
    f"all {PARTITIONS:,} partitions": {
        "headwater": headwater_all,
        PEER: boto3_all,
        "awswrangler get_partitions": awswrangler_all,
    },
    f"one day of {PARTITIONS:,} partitions": {
        "headwater": headwater_day,
        PEER: boto3_day,
        "awswrangler with an expression": awswrangler_day,
    },
}


def timed(work: Callable[[str], int], url: str) -> dict[str, float]:
    """Return how many partitions were found, and the seconds of it; libraries are there already."""
    import awswrangler  # noqa: F401

    import headwater.partitions.time_partitions  # noqa: F401
    import headwater_glue.catalog  # noqa: F401

    source_at(url)
    started = time.perf_counter()
    found = work(url)
    return {"found": found, "seconds": time.perf_counter() - started}


if __name__ == "__main__":
    _, asked, name, address = sys.argv
    print(json.dumps(timed(QUESTIONS[asked][name], address)))
