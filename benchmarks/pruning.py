"""One day of a three-year table in S3: how many requests and bytes that takes.

headwater with a declared time partition and without one (it reads all, and says so), beside
awswrangler with and without its `partition_filter`. Each in a process of its own, against the
strict emulator, which records every request. Bytes are those that the ranges of S3's `GetObject`
calls ask for, at most the objects' sizes.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from benchmarks.support import measured

if TYPE_CHECKING:
    from headwater_aws.testing import Emulator
    from headwater_glue.testing import GlueLake

FIRST = datetime(2023, 1, 1, tzinfo=UTC)
DAYS = 3 * 365 + 1
ROWS_A_DAY = 500
FEATURES = 20
USED = ("f00", "f01")
DAY = FIRST + timedelta(days=700)
COLUMNS = {
    "id": "bigint",
    "ts": "timestamp",
    **{f"f{i:02}": "double" for i in range(FEATURES)},
}


def main() -> None:
    """Print what each way asked for."""
    from headwater_aws.testing import Emulator
    from headwater_glue.testing import GlueLake

    with Emulator() as aws:
        lake = GlueLake(aws)
        sizes = fill(lake)
        told = (aws.endpoint_url, *aws.create_user_keys(lake.account_id, None))
        whole = sum(sizes.values())
        print(f"{DAYS:,} days, {whole / 1e6:,.1f} MB, {FEATURES + 2} columns; one day of 4 columns")
        for way in WAYS:
            aws.requests.clear()
            one = measured("benchmarks.pruning", way, *told)
            calls, read = asked(aws, sizes)
            print(
                f"  {way:<28} {sum(calls.values()):>6,} requests ({shown(calls)})  "
                f"{read / 1e3:>9,.1f} kB  {read / whole:7.2%} of the table  "
                f"{one['rows']:,.0f} rows  {one['seconds']:6.2f} s"
            )


def fill(lake: GlueLake) -> dict[str, int]:
    """Make the table; return the sizes of its objects by key."""
    import numpy as np
    import pyarrow as pa

    lake.table("log", COLUMNS, keys={"dt": "string"})
    random = np.random.default_rng(7)
    for number in range(DAYS):
        day = FIRST + timedelta(days=number)
        start = int(day.timestamp() * 1_000_000)
        offsets = np.sort(random.integers(0, 86_400_000_000, ROWS_A_DAY))
        rows: dict[str, pa.Array[Any]] = {
            "id": pa.array(np.arange(number * ROWS_A_DAY, (number + 1) * ROWS_A_DAY)),
            "ts": pa.array(start + offsets, pa.timestamp("us", tz="UTC")),
            **{f"f{i:02}": pa.array(random.normal(size=ROWS_A_DAY)) for i in range(FEATURES)},
        }
        lake.partition("log", [f"{day:%Y-%m-%d}"])
        lake.write(f"log/dt={day:%Y-%m-%d}/part-0.parquet", pa.table(rows))
    pages = lake.s3.get_paginator("list_objects_v2").paginate(Bucket=lake.bucket)
    return {item["Key"]: item["Size"] for page in pages for item in page["Contents"]}


def asked(aws: Emulator, sizes: Mapping[str, int]) -> tuple[Counter[str], int]:
    """Return how often each operation was called, and the bytes of objects that were asked for."""
    calls: Counter[str] = Counter()
    read = 0
    for one in aws.requests:
        calls[one.action] += 1
        if one.action == "GetObject":
            read += length(one.parameters, sizes)
    return calls, read


def length(parameters: Mapping[str, Any], sizes: Mapping[str, int]) -> int:
    """Return how many bytes a `GetObject` call asks for."""
    size = sizes[parameters["key"]]
    ranged = re.fullmatch(r"bytes=(\d*)-(\d*)", parameters.get("range") or "")
    if ranged is None:
        return size
    first, last = ranged.groups()
    if not first:
        return min(int(last), size)
    return min(int(last) if last else size - 1, size - 1) - int(first) + 1


def shown(calls: Counter[str]) -> str:
    """Return the calls, most frequent first."""
    return ", ".join(f"{count:,} {name}" for name, count in calls.most_common(4))


def headwater_pruned(url: str, key: str, secret: str) -> int:
    """Read the day with a declared rule."""
    return _headwater(url, key, secret, {"log": {"column": "ts", "keys": {"dt": "yyyy-MM-dd"}}})


def headwater_whole(url: str, key: str, secret: str) -> int:
    """Read the day without a rule: all partitions are opened."""
    return _headwater(url, key, secret, {})


def _headwater(url: str, key: str, secret: str, rules: Mapping[str, Any]) -> int:
    import headwater as hw
    from headwater.auth.credentials import Secret
    from headwater_glue import GlueDataSource, StaticKeys

    source = GlueDataSource(
        database="ml",
        query="SELECT * FROM log",
        region="us-east-1",
        endpoint_url=url,
        auth=StaticKeys(access_key_id=key, secret_access_key=Secret(secret)),
        partitions=dict(rules),
    )
    with hw.Workspace(engine="embedded") as workspace:
        workspace.create_model("m")
        features = dict.fromkeys(USED, "numeric")
        version = workspace.create_model_version("m", "v1", "regression", features=features)
        data = version.connect_serving(source, "id", "ts").read(DAY, DAY + timedelta(days=1))
        return data.to_arrow().num_rows


def awswrangler_pruned(url: str, key: str, secret: str) -> int:
    """Read the day by awswrangler with a filter on partitions."""
    day = f"{DAY:%Y-%m-%d}"
    return _awswrangler(url, key, secret, partition_filter=lambda p: bool(p["dt"] == day))


def awswrangler_whole(url: str, key: str, secret: str) -> int:
    """Read all by awswrangler, and keep the day."""
    return _awswrangler(url, key, secret)


def _awswrangler(url: str, key: str, secret: str, **told: Any) -> int:
    import awswrangler as wr
    import boto3

    boto3.DEFAULT_SESSION = boto3.Session(key, secret, region_name="us-east-1")
    wr.config.glue_endpoint_url = wr.config.s3_endpoint_url = url
    frame = wr.s3.read_parquet_table("log", "ml", columns=["id", "ts", *USED], **told)
    return int(((frame["ts"] >= DAY) & (frame["ts"] < DAY + timedelta(days=1))).sum())


WAYS: dict[str, Callable[[str, str, str], int]] = {
    "headwater": headwater_pruned,
    "awswrangler, filtered": awswrangler_pruned,
    "headwater, no rule declared": headwater_whole,
    "awswrangler, all": awswrangler_whole,
}

if __name__ == "__main__":
    _, name, *address = sys.argv
    started = time.perf_counter()
    rows = WAYS[name](*address)
    print(json.dumps({"rows": rows, "seconds": time.perf_counter() - started}))
