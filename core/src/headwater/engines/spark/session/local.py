"""Starting: a classic session in this process, with the reference's settings."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Final

from headwater.engines.scratch_folders import scratch_folder
from headwater.engines.spark.credential_server import LendingService
from headwater.engines.spark.session import own_lines
from headwater.engines.spark.session.packages import EXCLUDED, coordinates
from headwater.engines.spark.session.reference import SETTINGS
from headwater.engines.spark.session.sessions import Kind, Opened, adjust, first_line, opened_as
from headwater.errors import EngineError

APP_NAME: Final = "headwater"

_LOCAL: Final = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
}
"""For a session in this process: nothing listens beyond this machine, nothing is printed.

What a JVM prints before it reads settings goes to a file (`own_lines`)."""

S3: Final = {"spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem"}
"""`s3://` is what people write; Hadoop itself knows `s3a://` alone."""

DELTA: Final = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}
"""What Delta Lake asks of a session. Source: Delta Lake documentation, "Set up Apache Spark"."""


def start(master: str | None, packages: Sequence[str], conf: Mapping[str, str]) -> Opened:
    """Return a classic session with the reference's settings.

    It is started, unless an application runs in this process already: Spark allows one, so then
    the session is a new one of that application, with settings of its own.

    Args:
        master: E.g. `local[*]`, `yarn`, `k8s://...`; None for Spark's own configuration.
        packages: Maven coordinates for the application's class path.
        conf: Further settings; they win over ours.

    Raises:
        EngineError: If Spark can't be started, or the running application can't be changed to
            what is asked for.
    """
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    running = SparkContext._active_spark_context
    if running is not None and running._jsc is not None:
        _check_fits(running, master, packages)
        active = SparkSession(running).newSession()
        adjust(active, {**SETTINGS, **_of_session(conf)})
        return opened_as(active, Kind.SHARED, ExitStack())
    return _started(master, packages, conf)


def _started(master: str | None, packages: Sequence[str], conf: Mapping[str, str]) -> Opened:
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    with ExitStack() as resources:
        warehouse = str(resources.enter_context(scratch_folder()))
        settings = {**SETTINGS, "spark.sql.warehouse.dir": warehouse}
        if is_local(master):
            settings |= _LOCAL
        if packages:
            settings["spark.jars.packages"] = ",".join(coordinates(packages))
            settings["spark.jars.excludes"] = EXCLUDED
        if "s3" in packages:
            settings |= S3
        if "delta" in packages:
            settings |= DELTA
        settings |= conf
        lending = _lending(master, settings)
        if lending is not None:
            resources.callback(lending.close)
            _point_to(lending, settings)
        builder: Any = SparkSession.builder.appName(APP_NAME)
        if master is not None:
            builder = builder.master(master)
        for name, value in settings.items():
            builder = builder.config(name, value)
        lines = None
        try:
            named = {"spark.master": master} if master is not None else {}
            lines = own_lines.launch({**settings, **named, "spark.app.name": APP_NAME})
            session = builder.getOrCreate()
        except (PySparkException, OSError, RuntimeError) as error:
            raise EngineError(
                f"Spark could not be started: {first_line(error)}",
                hint=own_lines.reasons(lines or own_lines.of(error)),
            ) from error
        if lines is not None:
            atexit.register(lines.unlink, missing_ok=True)  # with the JVM that writes it
        resources.callback(session.stop)
        if is_local(master) and "PYSPARK_PYTHON" not in os.environ:
            # Its workers are this Python, with the same packages.
            session.sparkContext.pythonExec = sys.executable
        if lending is not None:
            # A JVM that was there before does not take the options of a new one.
            system: Any = session.sparkContext._jvm.java.lang.System
            for name, value in _sts(lending).items():
                system.setProperty(name, value)
        return opened_as(session, Kind.STARTED, resources.pop_all(), lending)
    raise AssertionError  # ExitStack swallows nothing


def _check_fits(running: Any, master: str | None, packages: Sequence[str]) -> None:
    if master is not None and running.master != master:
        raise EngineError(
            f"a Spark application with master {running.master!r} runs in this process already, "
            f"and Spark allows one: {master!r} can't be started",
            hint="leave `master` out to use it, or stop it first",
        )
    there = running.getConf().get("spark.jars.packages", "") or ""
    missing = [p for p in coordinates(packages) if p not in there.split(",")]
    if missing:
        raise EngineError(
            "a Spark application runs in this process already, without the packages "
            f"{', '.join(missing)}",
            hint="start it with them (spark.jars.packages), or stop it first",
        )


def _of_session(conf: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that a session may have of its own."""
    return {k: v for k, v in conf.items() if k.startswith("spark.sql.")}


def is_local(master: str | None) -> bool:
    """Return whether a master is this process's own JVM."""
    return master is None or master.startswith("local")


def lends(master: str | None, conf: Mapping[str, str]) -> bool:
    """Return whether an application that is started can ask this process for credentials.

    Beyond this machine we listen only on an address that was named.
    """
    return is_local(master) or "spark.driver.host" in conf


def _lending(master: str | None, settings: Mapping[str, str]) -> LendingService | None:
    if not lends(master, settings):
        return None
    return LendingService(settings["spark.driver.host"])


def _sts(lending: LendingService) -> dict[str, str]:
    """Return the system properties by which AWS's SDK takes us for STS.

    Source: AWS SDKs and Tools Reference Guide, "Service-specific endpoints".
    """
    return {"aws.endpointUrlSts": lending.url, "aws.region": "us-east-1"}


def _point_to(lending: LendingService, settings: dict[str, str]) -> None:
    """Start executors with the lending service as their STS."""
    name = "spark.executor.extraJavaOptions"
    options = [f"-D{k}={v}" for k, v in _sts(lending).items()]
    settings[name] = " ".join(filter(None, [settings.get(name), *options]))
