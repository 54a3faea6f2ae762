"""Engine: what runs a plan. The interface, and what an engine may declare."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol, TypeGuard, runtime_checkable

from headwater.auth.credentials import Access
from headwater.diagnostics import Diagnostic
from headwater.interfaces.offers import offers
from headwater.interfaces.plan import Plan, Planned

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame


class EngineCapability(StrEnum):
    """What an engine declares that it can do."""

    ANY_QUERY = "any-query"
    """It runs everything that the guard admits."""
    PORTABLE_QUERY = "portable-query"
    """It runs the portable subset, with Spark's answers."""
    ICEBERG = "iceberg"
    DELTA = "delta"
    STORAGE_CREDENTIALS = "storage-credentials"
    """It reads storage with headwater's identities, several in one read."""
    CREDENTIAL_RENEWAL = "credential-renewal"
    """A read may outlive the credentials that it began with."""
    TIME_STATISTICS = "time-statistics"
    """It compares files' time statistics with the rules that chose them (`rule_evidence`), as it
    opens the files. For other engines it is done before they read."""


class ArrowStream(Protocol):
    """An open read: a schema, and record batches in bounded memory."""

    @property
    def schema(self) -> pa.Schema:
        """Schema of all batches."""
        ...

    def __iter__(self) -> Iterator[pa.RecordBatch]: ...


@runtime_checkable
class Engine(Protocol):
    """What runs a plan."""

    name: str
    capabilities: frozenset[EngineCapability]

    def unavailable(self) -> str | None:
        """Return why this engine can't be used here and how to change that, or None."""
        ...

    def refusals(self, plan: Plan) -> Iterable[Diagnostic]:
        """Return why this engine can't run a plan with Spark's answers; empty if it can.

        Called before anything runs, with no network. Findings point into `plan.sql`.
        """
        ...

    def read(self, plan: Plan, access: Access) -> AbstractContextManager[ArrowStream]:
        """Run a plan.

        The stream's columns are those of the plan's SQL, by name and in order, with Spark's types.
        Leaving the context releases everything, also in the middle of a stream.

        Raises:
            EngineError: If it fails; names the engine and the table or file.
            DataChangedError: If a file is not what the plan saw.
        """
        ...


@dataclass(frozen=True, slots=True)
class Compiled:
    """A plan's SQL as compiled by an engine.

    Args:
        text: The SQL that it will run; None where it can't.
        refusals: Why it can't run the plan with Spark's answers; as `Engine.refusals`.
        remarks: What the plan should say of the answers.
        memory: The most bytes that a read holds before it spills to disk; None where that is not
            known.
    """

    text: str | None
    refusals: tuple[Diagnostic, ...] = ()
    remarks: tuple[Diagnostic, ...] = ()
    memory: int | None = None


@runtime_checkable
class Compiling(Protocol):
    """An engine that compiles a plan once, when it is chosen, from the analysis that there is.

    Its methods that take a `Plan` (`read`, and `to_spark`, `write` where it has them) take a
    `Planned` as well, and are handed it. It is asked for `compile` in the place of `refusals`.
    """

    def compile(self, planned: Planned) -> Compiled:
        """Return a plan's SQL as this engine runs it, or why it can't; runs nothing."""
        ...

    def read(self, plan: Plan | Planned, access: Access) -> AbstractContextManager[ArrowStream]:
        """Run a plan; see `Engine.read`."""
        ...


_TAKING_PLANS: Final = frozenset({"refusals", "read", "to_spark", "write"})


def compiles(engine: object) -> TypeGuard[Compiling]:
    """Return whether an `engine` compiles plans, and is to be handed a `Planned`.

    An engine that takes `compile` from a class or another engine, and has a `refusals` or `read` of
    its own, was written for plans: its own methods are what is called, with a `Plan`.
    """
    for names in (getattr(engine, "__dict__", {}), *map(vars, type(engine).__mro__)):
        if "compile" in names:
            return offers(engine, Compiling)
        if not _TAKING_PLANS.isdisjoint(names):
            return False
    return False


@runtime_checkable
class Noting(Protocol):
    """A stream that has notes on its rows once it is open."""

    notes: Sequence[Diagnostic]


def notes_of(stream: object) -> tuple[Diagnostic, ...]:
    """Return the notes of a `stream` on its rows; empty without a stream or notes."""
    return tuple(stream.notes) if offers(stream, Noting) else ()


@runtime_checkable
class Closing(Protocol):
    """An engine that holds something: it is closed with the workspace that made it."""

    def close(self) -> None:
        """Release what it holds; later reads may fail."""
        ...


@runtime_checkable
class Remarking(Protocol):
    """An engine that adds remarks to each plan that it will run."""

    def remarks(self) -> tuple[Diagnostic, ...]:
        """Return what a plan should say: how answers may differ, what can't be done here."""
        ...


@runtime_checkable
class SparkFrames(Protocol):
    """An engine that can leave a plan's rows where they are, as a lazy Spark DataFrame."""

    def to_spark(
        self, plan: Plan, open_access: Callable[[], AbstractContextManager[Access]]
    ) -> DataFrame:
        """Return a plan as a DataFrame.

        Args:
            plan: What is read.
            open_access: Opens its identities, which stay open until the engine is closed.
        """
        ...


@runtime_checkable
class FarWriting(Protocol):
    """An engine that writes a plan's rows from where it runs: they never reach this process."""

    def write(
        self, plan: Plan, access: Access, target: str, *, format: str, overwrite: bool = False
    ) -> int:
        """Write all rows of a plan, whole or not at all.

        Args:
            plan: What is written.
            access: The identities that read.
            target: Where: a URI, or the name of a table.
            format: `parquet`, `delta` or `iceberg`.
            overwrite: Replace what is there.

        Returns:
            How many rows were written.
        """
        ...
