"""Sessions: the caller's, one that we start, or a Spark Connect endpoint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from headwater.engines.spark.credential_server import LendingService
from headwater.engines.spark.session.reference import Difference, differences

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_LISTING_TASKS: Final = "spark.sql.sources.parallelPartitionDiscovery.parallelism"
_LISTERS: Final = 64
"""Tasks that list directories; Spark's own choice is one for each directory, up to 10,000."""
_OF_A_READ: Final = {_LISTING_TASKS: str(_LISTERS)}
"""Settings of every read."""


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
        adjust(session, _OF_A_READ)
        try:
            yield session
        finally:
            # `stop` fails on a clone in pyspark 4.1: it lacks an attribute that `stop` reads.
            session.client.release_session()
            retire(session)
        return
    session = base.newSession()
    settings = session.conf.getAll
    for name, value in base.conf.getAll.items():
        if settings.get(name) != value:
            session.conf.set(name, value)
    adjust(session, _OF_A_READ)
    yield session


def retire(session: Any) -> None:
    """Close a Spark Connect client once, and nothing but its own channel.

    A client's `close` also shuts down the threads that all clients of a process share, and its
    finaliser closes again whenever the garbage is collected: where that happens while one of those
    threads is being started, they wait for each other forever (seen with pyspark 4.1.4).
    """
    client = session.client
    client.close = client._channel.close
    client.close()


def explained(frame: DataFrame) -> str:
    """Return the physical plan of a DataFrame; `DataFrame.explain` can only print it."""
    internals: Any = frame
    if is_connect(frame.sparkSession):
        return str(internals._explain_string(mode="formatted"))
    execution = internals._jdf.queryExecution()
    return str(internals._sc._jvm.PythonSQLUtils.explainString(execution, "formatted"))


def adopt(session: SparkSession) -> Opened:
    """Return a caller's session, looked at and left as it is."""
    return opened_as(session, Kind.CONNECT if is_connect(session) else Kind.GIVEN, ExitStack())


def is_connect(session: object) -> bool:
    """Return whether a session is a Spark Connect client."""
    return type(session).__module__.startswith("pyspark.sql.connect")


def adjust(session: SparkSession, settings: Mapping[str, str]) -> None:
    """Change the settings that a session has otherwise: to set a deprecated one is a warning."""
    for name, value in settings.items():
        if setting(session, name) != value:
            session.conf.set(name, value)


def opened_as(
    session: SparkSession,
    kind: Kind,
    resources: ExitStack,
    lending: LendingService | None = None,
) -> Opened:
    """Return a session as one in use, looked at: its catalog, and how it differs."""
    differing = differences(session.version, lambda name: setting(session, name))
    implementation = setting(session, "spark.sql.catalogImplementation")
    return Opened(session, kind, implementation != "in-memory", differing, lending, resources)


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), "no reason")
