"""Sessions: the caller's, one that we start, or a Spark Connect endpoint."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from headwater.engines.spark.lending import LendingService
from headwater.engines.spark.packages import EXCLUDED, coordinates
from headwater.engines.spark.reference import SETTINGS, Difference, differences
from headwater.errors import EngineError, UnsupportedError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

APP_NAME: Final = "headwater"

_LOCAL: Final = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
}
"""For a session in this process: nothing listens beyond this machine, nothing is printed."""


_LISTING_TASKS: Final = "spark.sql.sources.parallelPartitionDiscovery.parallelism"
_LISTERS: Final = 64
"""Tasks that list directories; Spark's own choice is one for each directory, up to 10,000."""

DELTA: Final = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}
"""What Delta Lake asks of a session. Source: Delta Lake documentation, "Set up Apache Spark"."""


class Kind(StrEnum):
    """Where a session comes from."""

    GIVEN = "given"
    """The caller's, classic."""
    STARTED = "started"
    """A classic one that we started, and stop."""
    SHARED = "shared"
    """A classic one of ours on an application that ran in this process already."""
    CONNECT = "connect"
    """A client of a Spark Connect server, given or opened by us."""


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """A session in use.

    Args:
        session: The session.
        kind: Where it comes from.
        persistent: Whether its catalog outlives it (a Hive or Glue metastore): nothing is
            created there.
        differences: How it differs from the reference.
        lending: What lends current credentials to its JVMs; None where that is not set up.
        resources: What closing it releases; empty for a session that is not ours.
    """

    session: SparkSession
    kind: Kind
    persistent: bool
    differences: tuple[Difference, ...]
    lending: LendingService | None = None
    resources: ExitStack = field(default_factory=ExitStack)

    @property
    def is_classic(self) -> bool:
        """Whether the driver's JVM is in reach of this process."""
        return self.kind is not Kind.CONNECT

    @property
    def alive(self) -> bool:
        """Whether it can still be used."""
        if self.kind is Kind.CONNECT:
            return not self.session.is_stopped  # type: ignore[attr-defined]
        return self.session.sparkContext._jsc is not None


def setting(session: SparkSession, name: str) -> str | None:
    """Return a session's value of a setting, or None where it does not know it."""
    from pyspark.errors import PySparkException

    try:
        # With a default of our own, Spark would not tell its own.
        return str(session.conf.get(name))
    except PySparkException:
        return None


@contextmanager
def for_read(opened: Opened) -> Iterator[SparkSession]:
    """Give a session for one read: the settings of the one in use, and a state of its own.

    Views, and the settings with which storage is opened, never meet those of another read or of the
    caller. It shares the application, its executors and its catalog.
    """
    base: Any = opened.session
    if opened.kind is Kind.CONNECT:
        session = base.cloneSession()
        session.conf.set(_LISTING_TASKS, _LISTERS)
        try:
            yield session
        finally:
            session.stop()
        return
    session = base.newSession()
    known = session.conf.getAll
    for name, value in base.conf.getAll.items():
        if known.get(name) != value and session.conf.isModifiable(name):
            session.conf.set(name, value)
    session.conf.set(_LISTING_TASKS, _LISTERS)
    yield session


def explained(frame: DataFrame) -> str:
    """Return the physical plan of a DataFrame; `DataFrame.explain` can only print it."""
    found: Any = frame
    if is_connect(frame.sparkSession):
        return str(found._explain_string(mode="formatted"))
    execution = found._jdf.queryExecution()
    return str(found._sc._jvm.PythonSQLUtils.explainString(execution, "formatted"))


def check_confidential(opened: Opened) -> None:
    """Fail if credentials could be read on their way to the session.

    Raises:
        UnsupportedError: If they would go over a network in plain text.
    """
    if opened.kind is not Kind.CONNECT:
        return
    client: Any = opened.session
    builder = client.client._builder
    if not builder.secure and builder.host not in ("localhost", "127.0.0.1", "::1"):
        raise UnsupportedError(
            f"credentials are not sent to {builder.endpoint}: the connection is not encrypted",
            hint="connect with sc://host:port/;use_ssl=true, or let the cluster's own identity "
            'read storage: storage_identity="cluster"',
        )


def adopt(session: SparkSession) -> Opened:
    """Return a caller's session, looked at and left as it is."""
    return _opened(session, Kind.CONNECT if is_connect(session) else Kind.GIVEN, ExitStack())


def is_connect(session: object) -> bool:
    """Return whether a session is a Spark Connect client."""
    return type(session).__module__.startswith("pyspark.sql.connect")


def connect(remote: str, conf: Mapping[str, str]) -> Opened:
    """Open a session of our own on a Spark Connect server, with the reference's settings.

    Args:
        remote: E.g. `sc://host:15002`.
        conf: Settings for the session, on top.

    Raises:
        EngineError: If the server can't be reached.
    """
    from pyspark.errors import PySparkException
    from pyspark.sql.connect.session import SparkSession as ConnectSession

    resources = ExitStack()
    try:
        session: Any = ConnectSession.builder.remote(remote).create()
        resources.callback(session.stop)
        for name, value in {**SETTINGS, **conf}.items():
            session.conf.set(name, value)
        return _opened(session, Kind.CONNECT, resources)
    except (PySparkException, OSError) as error:
        resources.close()
        raise EngineError(
            f"no session could be opened at {_without_token(remote)}: {first_line(error)}",
            hint="check that a Spark Connect server listens there, and its token",
        ) from error


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
        for name, value in {**SETTINGS, **_of_session(conf)}.items():
            active.conf.set(name, value)
        return _opened(active, Kind.SHARED, ExitStack())
    return _started(master, packages, conf)


def _started(master: str | None, packages: Sequence[str], conf: Mapping[str, str]) -> Opened:
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    with ExitStack() as resources:
        warehouse = tempfile.mkdtemp(prefix="headwater-warehouse-")
        resources.callback(shutil.rmtree, warehouse, ignore_errors=True)
        settings = {**SETTINGS, "spark.sql.warehouse.dir": warehouse}
        if is_local(master):
            settings |= _LOCAL
        if packages:
            settings["spark.jars.packages"] = ",".join(coordinates(packages))
            settings["spark.jars.excludes"] = EXCLUDED
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
        try:
            session = builder.getOrCreate()
        except (PySparkException, OSError, RuntimeError) as error:
            raise EngineError(
                f"Spark could not be started: {first_line(error)}",
                hint="the lines above it on standard error are Spark's own reasons",
            ) from error
        resources.callback(session.stop)
        if lending is not None:
            # A JVM that was there before does not take the options of a new one.
            system: Any = session.sparkContext._jvm.java.lang.System
            for name, value in _sts(lending).items():
                system.setProperty(name, value)
        return _opened(session, Kind.STARTED, resources.pop_all(), lending)
    raise AssertionError  # ExitStack swallows nothing


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


def _opened(
    session: SparkSession,
    kind: Kind,
    resources: ExitStack,
    lending: LendingService | None = None,
) -> Opened:
    found = differences(session.version, lambda name: setting(session, name))
    implementation = setting(session, "spark.sql.catalogImplementation")
    return Opened(session, kind, implementation != "in-memory", found, lending, resources)


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
    import os
    from pathlib import Path

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


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), "no reason")


def _without_token(remote: str) -> str:
    return remote.partition("/;")[0]
