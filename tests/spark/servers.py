"""Servers of Spark for tests, each a process of its own on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.processes import free_port, running

from headwater.engines.spark.session.local import DELTA
from headwater.engines.spark.session.packages import EXCLUDED, coordinates

SMALL = {
    "spark.sql.shuffle.partitions": "2",
    "spark.databricks.delta.snapshotPartitions": "2",
}
"""Into how few pieces tables are cut: 200 is Spark's own choice, and 50 Delta's for its log."""


def home() -> Path:
    """Return where pyspark keeps Spark's own programs."""
    import pyspark

    return Path(pyspark.__file__).parent


@contextmanager
def connect_server(
    directory: Path, packages: Sequence[str] = ("s3", "delta", "iceberg")
) -> Iterator[str]:
    """Run a Spark Connect server; gives its address.

    Args:
        directory: For its log and its warehouse.
        packages: What it has on its class path.
    """
    port = free_port()
    conf = {
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(port),
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.sql.warehouse.dir": str(directory / "warehouse"),
        "spark.jars.packages": ",".join(coordinates(packages)),
        "spark.jars.excludes": EXCLUDED,
        **DELTA,
        **SMALL,
    }
    options = [x for k, v in conf.items() for x in ("--conf", f"{k}={v}")]
    program = [
        str(home() / "bin" / "spark-submit"),
        "--master",
        "local[2]",
        "--driver-memory",
        "1g",
        *options,
        "--class",
        "org.apache.spark.sql.connect.service.SparkConnectServer",
        "spark-internal",
    ]
    with running(program, directory / "connect.log", port):
        yield f"sc://127.0.0.1:{port}"
