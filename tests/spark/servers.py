"""Servers of Spark for tests, each a process of its own on this machine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from headwater.engines.spark.session.local import DELTA
from headwater.engines.spark.session.packages import EXCLUDED, coordinates

SMALL = {
    "spark.sql.shuffle.partitions": "2",
    "spark.databricks.delta.snapshotPartitions": "2",
}
"""Into how few pieces tables are cut: 200 is Spark's own choice, and 50 Delta's for its log."""

STARTED_WITHIN = 240
"""Seconds; a busy machine takes a minute."""


def home() -> Path:
    """Return where pyspark keeps Spark's own programs."""
    import pyspark

    return Path(pyspark.__file__).parent


def free_port() -> int:
    """Return a port that nothing listens on."""
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


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


@contextmanager
def running(
    program: Sequence[str], log: Path, port: int, env: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Run a program until it listens on a port, and end it and its children afterwards.

    Args:
        program: Command and arguments.
        log: Where its output goes.
        port: Port on 127.0.0.1 that it will listen on.
        env: Variables on top of this process's own.
    """
    surroundings = {**os.environ, "PYSPARK_PYTHON": sys.executable, **(env or {})}
    # A process that is told of another Spark would be a client of it.
    surroundings.pop("SPARK_REMOTE", None)
    with log.open("wb") as output:
        process = subprocess.Popen(
            program,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=surroundings,
            start_new_session=True,
        )
        try:
            _wait(process, log, port)
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _wait(process: subprocess.Popen[bytes], log: Path, port: int) -> None:
    until = time.monotonic() + STARTED_WITHIN
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        with closing(socket.socket()) as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.3)
    tail = log.read_text(errors="replace")[-3000:]
    raise AssertionError(f"nothing listens on port {port}; the server's last words:\n{tail}")
