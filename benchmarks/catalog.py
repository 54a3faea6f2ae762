"""Discovering 10,000 tables, and planning over a catalog of any size.

Seconds to the first table and to all of them: headwater's names and survey beside the boto3
paginator, awswrangler and PyIceberg's Glue catalog, each in a process of its own, taken in turn,
the best of the rounds.
Clients are made within the time that is measured; libraries are imported before. Glue is a separate
process that serves pages made beforehand; its share of the elapsed time is shown, since a way
can't be faster than its server.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from benchmarks.support import measured
from benchmarks.support_glue import cpu_seconds, served

TABLES = 10_000
LATENCIES_MS = (0, 30)
ROUNDS = 1
"""More tell more: on a busy machine, one run is off by tens of percent."""
SIZES = (10, 100, 1_000, 10_000)
PLANS = 5
PEER = "boto3 paginator"
KEYS = {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "benchmark"}
QUERY = (
    "SELECT a.id, a.ts, b.c00, c.c01 FROM t00000 a "
    "JOIN db1.t00000 b ON a.id = b.id JOIN db2.t00000 c ON a.id = c.id"
)


def main() -> None:
    """Print each way's times as ratios to the paginator's, then plan times by catalog size."""
    for latency in LATENCIES_MS:
        print(f"{TABLES:,} tables, {latency} ms a call")
        with served(TABLES, latency) as url:
            figures: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
            for _ in range(ROUNDS):
                for way in WAYS:
                    before = cpu_seconds(url)
                    one = measured("benchmarks.catalog", way, url)
                    share = (cpu_seconds(url) - before) / one["all"]
                    figures[way].append({**one, "server": share})
        base = {f: min(r[f] for r in figures[PEER]) for f in ("first", "all")}
        for way, runs in figures.items():
            first, whole = (min(r[f] for r in runs) for f in ("first", "all"))
            print(
                f"  {way:<22} first {first:6.2f} s {base['first'] / first:5.1f}x sooner   "
                f"all {whole:6.2f} s {base['all'] / whole:5.1f}x sooner   "
                f"server busy {max(r['server'] for r in runs):4.0%}   {runs[0]['tables']:,.0f}"
            )
    print("plan of a 3-table query, by catalog size (0 ms a call)")
    for size in SIZES:
        with served(size, 0) as url:
            one = measured("benchmarks.catalog", "plan", url)
        print(f"  {size:>6,} tables  {one['seconds'] * 1000:6.1f} ms")


def source_at(url: str, **told: Any) -> Any:
    """Return a Glue source that asks the recorded catalog."""
    from headwater.auth.credentials import Secret
    from headwater_glue import GlueDataSource, StaticKeys

    key, secret = KEYS["access_key_id"], Secret(KEYS["secret_access_key"])
    auth = StaticKeys(access_key_id=key, secret_access_key=secret)
    return GlueDataSource(database="db0", region="us-east-1", endpoint_url=url, auth=auth, **told)


def headwater_names(url: str) -> Callable[[], Iterable[Any]]:
    """List by names only, as `discover --names` does."""
    from headwater.cli.catalog_listing import names_by_database

    source = source_at(url)

    def listed() -> Iterator[str]:
        with source.access() as access:
            catalog = source.catalog(access)
            for _, tables in names_by_database(catalog, catalog.databases()):
                yield from tables

    return listed


def headwater_survey(url: str) -> Callable[[], Iterable[Any]]:
    """Tell every table's kind, columns and whether it can be read, as `discover` does."""
    source = source_at(url)

    def listed() -> Iterator[Any]:
        with source.access() as access:
            yield from source.catalog(access).survey()

    return listed


def boto3_paginator(url: str) -> Callable[[], Iterable[Any]]:
    """List by boto3's own paginators."""
    session = _session()

    def listed() -> Iterator[Any]:
        glue = session.client("glue", endpoint_url=url)
        for databases in glue.get_paginator("get_databases").paginate():
            for database in databases["DatabaseList"]:
                pages = glue.get_paginator("get_tables").paginate(DatabaseName=database["Name"])
                for page in pages:
                    yield from page["TableList"]

    return listed


def awswrangler(url: str) -> Callable[[], Iterable[Any]]:
    """List by awswrangler's generator, its fastest way."""
    wr = _awswrangler(url)
    return lambda: wr.catalog.get_tables()


def pyiceberg(url: str) -> Callable[[], Iterable[Any]]:
    """List by PyIceberg's Glue catalog, which gives the Iceberg tables (one in ten) alone."""
    from pyiceberg.catalog.glue import GlueCatalog

    keys = {f"glue.{name.replace('_', '-')}": value for name, value in KEYS.items()}

    def listed() -> Iterator[Any]:
        catalog = GlueCatalog(
            "benchmark", **keys, **{"glue.endpoint": url, "glue.region": "us-east-1"}
        )
        for namespace in catalog.list_namespaces():
            yield from catalog.list_tables(namespace)

    return listed


def awswrangler_frame(url: str) -> Callable[[], Iterable[Any]]:
    """List by awswrangler's table for people: a data frame, which comes whole."""
    wr = _awswrangler(url)

    def listed() -> Iterator[Any]:
        yield from wr.catalog.tables(limit=TABLES).itertuples()

    return listed


WAYS: dict[str, Callable[[str], Callable[[], Iterable[Any]]]] = {
    "headwater names": headwater_names,
    "headwater survey": headwater_survey,
    PEER: boto3_paginator,
    "awswrangler get_tables": awswrangler,
    "awswrangler tables": awswrangler_frame,
    "PyIceberg": pyiceberg,
}


def _session() -> Any:
    import boto3

    return boto3.Session(
        aws_access_key_id=KEYS["access_key_id"],
        aws_secret_access_key=KEYS["secret_access_key"],
        region_name="us-east-1",
    )


def _awswrangler(url: str) -> Any:
    import awswrangler
    import boto3

    # It makes some sessions of its own, from boto3's default one.
    boto3.DEFAULT_SESSION = _session()
    awswrangler.config.glue_endpoint_url = url
    return awswrangler


def listing(way: str, url: str) -> dict[str, float]:
    """Return seconds to the first table and to all of them."""
    import boto3  # noqa: F401  every way needs it: imported before the clock starts

    import headwater_aws.session  # noqa: F401
    import headwater_glue.catalog  # noqa: F401

    list_all = WAYS[way](url)
    started = time.perf_counter()
    first, count = 0.0, 0
    for _ in list_all():
        if not count:
            first = time.perf_counter() - started
        count += 1
    return {"first": first, "all": time.perf_counter() - started, "tables": count}


def planning(url: str) -> dict[str, float]:
    """Return the median seconds of planning a read over three tables."""
    import headwater as hw

    with hw.Workspace(engine="embedded") as workspace:
        workspace.create_model("m")
        features = {"c00": "numeric", "c01": "numeric"}
        version = workspace.create_model_version("m", "v1", "regression", features=features)
        source = source_at(url, query=QUERY, databases=("db1", "db2"))
        connection = version.connect_serving(source, "id", "ts")
        seconds = []
        for _ in range(PLANS):
            started = time.perf_counter()
            connection.plan()
            seconds.append(time.perf_counter() - started)
    return {"seconds": statistics.median(seconds)}


if __name__ == "__main__":
    _, name, address = sys.argv
    print(json.dumps(planning(address) if name == "plan" else listing(name, address)))
