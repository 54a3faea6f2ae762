"""Plan: everything that is decided before a byte of data is read. Holds no credentials."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from headwater.auth.credentials import Identity
from headwater.diagnostics import Diagnostic
from headwater.interfaces.mapping import BoundMapping
from headwater.partitions.missing_partitions import Gaps
from headwater.tables.relation import FileRelation, Relation
from headwater.tables.scan_request import ScanRequest
from headwater.tables.table import Table, TableName, TimePartition
from headwater.tables.window import Window

if TYPE_CHECKING:
    from headwater.sql.analysis import Analysis


@dataclass(frozen=True, slots=True)
class ScanEstimate:
    """What one table costs to read.

    Args:
        partitions_kept: Partitions that will be read.
        partitions_total: Partitions there are; None where it was not asked.
        files: Files that will be opened; None where it is not known.
        bytes: Their size, or the table's, where another system streams its rows: an upper bound,
            since engines skip columns and row groups, and systems apply conditions. None where it
            is not known.
        rows: How many rows the table holds, or about; None where its source does not say.
    """

    partitions_kept: int
    partitions_total: int | None
    files: int | None
    bytes: int | None
    rows: int | None = None


def total(counts: Iterable[int | None]) -> int | None:
    """Return the sum of counts; None where one of them is not known.

    Args:
        counts: The counts.
    """
    values = list(counts)
    return None if None in values else sum(c or 0 for c in values)


@dataclass(frozen=True, slots=True)
class Scan:
    """One table of a plan, as an engine will read it.

    Args:
        slot: Name under `hw` by which the plan's SQL calls it, e.g. `t0`.
        table: The table that it stands for.
        relation: How to read it.
        estimate: What it costs.
        pruned_by: How partitions were chosen, e.g. `dt from event_time (window)`; None if not.
        blocker: Why the window could not choose partitions, and what to declare; None if it did.
        rule: The declared rule that chose them.
        extent: The table's first and last partition (`dt=2026-01-01`), where none was kept.
        gaps: Partitions that it should find and does not, where that can be told.
        expects: Whether its rule says which partitions a window should find.
        gives_actuals: Whether only actuals come from it, which no row depends on.
        window: The window that chose partitions by the rule; None if none did.
        nearby: Files beside those that will be read: a read compares the rule with their footers.
        remarks: What the plan should say of it.
        time_column: Column of the table by which the window may leave out rows of it, whatever its
            partitions; None where it may not.
        forgiving: Whether a file or two that lie wholly outside their partition's time are told
            and no error, where the others speak for the rule.
        passed: Files that would be read for their partitions, and are not, as their statistics say
            that no row of theirs is of the window.
        request: What its source is asked for, where that streams the rows, once the engine is
            decided; else None.
    """

    slot: str
    table: TableName
    relation: Relation
    estimate: ScanEstimate
    pruned_by: str | None = None
    blocker: str | None = None
    rule: TimePartition | None = None
    extent: tuple[str, str] | None = None
    gaps: Gaps | None = None
    expects: bool = False
    gives_actuals: bool = False
    window: Window | None = None
    nearby: FileRelation | None = None
    remarks: tuple[Diagnostic, ...] = ()
    time_column: str | None = None
    forgiving: bool = False
    passed: int = 0
    request: ScanRequest | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A read, decided.

    Args:
        connection: Name of the connection, e.g. `insurance/v1 serving`.
        sql: The Spark SQL that will be run, over `hw`.`t0` ...; its output columns are named as
            those of `mapping` (behind them, with actuals, what is to be counted: `_hw_...`).
        query: The user's own text.
        scans: The tables, by slot.
        mapping: The output columns; None for a query without a model (`Workspace.sql`).
        window: Which rows, by the timestamp column; None means all.
        engine: Name of the engine that will run it.
        engine_reason: Why that one.
        identities: Who reads, by `auth_ref`.
        warnings: What the user should know, errors excluded.
        as_of: Until when actuals are taken, by when they were set (which is not when their rows
            landed in the table); None where nothing says when they were set, or there are none.
        horizon: How long after its end a window still takes actuals; None for ever.
        sample: Share of the ids that is kept, in (0, 1], or None.
        created_at: When it was made.
        rewritten_by: The installed plugins' rules that changed the query, each by its name and
            plugin.
        memory: The most bytes that the engine holds for the read before it spills to disk; None
            where it does not say.
    """

    connection: str
    sql: str
    query: str
    scans: tuple[Scan, ...]
    mapping: BoundMapping | None
    window: Window | None
    engine: str
    engine_reason: str
    identities: Mapping[str, Identity] = field(default_factory=dict)
    warnings: tuple[Diagnostic, ...] = ()
    as_of: datetime | None = None
    horizon: timedelta | None = None
    sample: float | None = None
    created_at: datetime | None = None
    rewritten_by: tuple[str, ...] = ()
    memory: int | None = None

    @property
    def files(self) -> int | None:
        """Files that will be opened; None where that is not known of a table."""
        return total(s.estimate.files for s in self.scans)

    @property
    def bytes(self) -> int | None:
        """Size of what will be opened: an upper bound; None where it is not known of a table."""
        return total(s.estimate.bytes for s in self.scans)

    def explain(self) -> str:
        """Return the plan as text for a person."""
        from headwater.interfaces.plan_text import explain

        return explain(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as a JSON-ready dict."""
        from headwater.interfaces.plan_text import to_dict

        return to_dict(self)

    def _repr_html_(self) -> str:
        from headwater.interfaces.plan_text import to_html

        return to_html(self)

    def __str__(self) -> str:
        return self.explain()


@dataclass(frozen=True, slots=True, eq=False)
class Planned:
    """A plan with its analysis and compiled SQL, for whoever reads it.

    Args:
        plan: The plan.
        analysis: Of the plan's SQL, over its slots.
        compiled: That SQL as the plan's engine runs it; None where the engine compiles it itself.
    """

    plan: Plan
    analysis: Analysis
    compiled: str | None = None

    @staticmethod
    def of(plan: Plan | Planned) -> Planned:
        """Return a plan with its SQL parsed and bound.

        Args:
            plan: A plan; a `Planned` is returned as it is.
        """
        if isinstance(plan, Planned):
            return plan
        from headwater.sql.binding.binder import bind
        from headwater.sql.parser import parse
        from headwater.sql.private_names import PRIVATE_DATABASE

        tables = {
            name: Table(name, scan.relation.columns)
            for scan in plan.scans
            for name in [TableName(PRIVATE_DATABASE, scan.slot)]
        }
        return Planned(plan, bind(parse(plan.sql, database=PRIVATE_DATABASE), tables))
