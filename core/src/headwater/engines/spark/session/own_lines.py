"""Spark's own lines: what a JVM says as it starts (Ivy, log4j) goes to a file."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from headwater.display.progress import doing

_SHOWN: Final = 8
"""Lines of the file that an error shows."""
_TELLING: Final = re.compile(
    r"error|exception|not found|unresolved|failed|unable|invalid|JAVA_HOME|unsupported|UNRESOLVED",
    re.IGNORECASE,
)
_TAIL: Final = 64 * 1024


def launch(settings: Mapping[str, str]) -> Path | None:
    """Start the JVM of this process, if there is none; return where its lines go.

    A JVM that was there before, or that somebody else started, keeps its own streams.

    Args:
        settings: Of the application, `spark.master` and `spark.app.name` included.

    Raises:
        PySparkException: If it can't be started.
        OSError: Likewise.
    """
    from pyspark import SparkConf, SparkContext
    from pyspark.java_gateway import launch_gateway

    if SparkContext._gateway is not None or "PYSPARK_GATEWAY_PORT" in os.environ:
        return None
    descriptor, name = tempfile.mkstemp(prefix="headwater-spark-", suffix=".log")
    path = Path(name)
    conf = SparkConf(loadDefaults=False)
    for key, value in settings.items():
        conf.set(key, value)
    started: dict[str, Any] = {"stdout": descriptor, "stderr": descriptor}
    try:
        with doing(f"starting Spark; its own lines go to {path}"):
            launched: Any = launch_gateway
            gateway = launched(conf, popen_kwargs=started)
        SparkContext._ensure_initialized(gateway=gateway)
    except BaseException as error:
        error.__dict__["_hw_lines"] = path
        raise
    finally:
        os.close(descriptor)
    return path


def of(error: BaseException) -> Path | None:
    """Return where the lines are of a JVM that could not be started."""
    path = error.__dict__.get("_hw_lines")
    return path if isinstance(path, Path) else None


def reasons(path: Path | None) -> str:
    """Return as a hint where the lines are, and those that tell most.

    Args:
        path: The file; None where the lines went to standard error.
    """
    if path is None:
        return "the lines above it on standard error are Spark's own reasons"
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return f"Spark's own reasons are in {path}"
    telling = [line.strip() for line in lines if _TELLING.search(line)] or lines
    shown = "\n".join(line[:200] for line in telling[:_SHOWN])
    return f"Spark's own reasons are in {path}" + (f":\n{shown}" if shown else "")
