"""What is installed: the packages and the Java that a session needs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path


def missing_for(
    remote: bool, java: bool, importable: Callable[[str], bool] | None = None
) -> str | None:
    """Return what must be installed before a session can be opened, or None.

    Args:
        remote: Whether the session is a Spark Connect client, which needs no Java.
        java: Whether a JVM must be started.
        importable: Tells whether a module is installed.
    """
    needed = ["pyspark", "pyarrow", "pandas"]
    if remote:
        needed += ["grpc", "grpc_status", "google.protobuf", "zstandard"]
    missing = [name for name in needed if not (importable or _importable)(name)]
    if missing:
        extra = "spark-connect" if remote else "spark"
        return f"{', '.join(missing)} not installed: pip install 'headwater[{extra}]'"
    return _no_java() if java else None


def _importable(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _no_java() -> str | None:
    home = os.environ.get("JAVA_HOME")
    if home and (Path(home) / "bin" / "java").exists():
        return None
    if not home and shutil.which("java"):
        return None
    where = f"JAVA_HOME={home} holds none" if home else "neither JAVA_HOME nor PATH has one"
    return (
        f"Spark needs Java 17 or 21, and {where}\n"
        "install it (apt-get install openjdk-17-jre-headless; brew install openjdk@17), or use a "
        'Spark Connect server, which needs no Java here: SparkEngine(remote="sc://host:15002")'
    )
