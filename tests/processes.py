"""Servers that tests start, each a process of its own on this machine."""

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

STARTED_WITHIN = 240
"""Seconds; a busy machine takes a minute."""


def free_port() -> int:
    """Return a port that nothing listens on."""
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


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
