"""Reading: what runs a plan again and again, each time with identities opened anew.

Of what an earlier run was told nothing is used: files are compared with the plan each time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Final

from headwater.auth.credentials import Access
from headwater.diagnostics import Diagnostic
from headwater.errors import DataChangedError, HeadwaterError, UnsupportedError
from headwater.interfaces.abilities import Confirming, Explaining
from headwater.interfaces.engine import (
    ArrowStream,
    Engine,
    FarWriting,
    SparkFrames,
    compiles,
    notes_of,
)
from headwater.interfaces.offers import offers
from headwater.interfaces.plan import Plan, Planned
from headwater.interfaces.read_stats import ReadStats
from headwater.interfaces.stopping import Stop
from headwater.planning import rule_proofs
from headwater.plugins import hooks
from headwater.sources import local_files
from headwater.tables.relation import FileRelation
from headwater.tables.table import TableName
from headwater.types.arrow import arrow_type

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

    from headwater.plugins.registry import PluginRegistry

_ASKED: Final = 4
"""Files of a table that are asked for, where it is not known which one was refused."""
_log = logging.getLogger(__name__)


class Reading:
    """Opens reads of one plan on one engine: what a `Dataset` is made of.

    Args:
        planned: What is read, with its analysis.
        engine: What runs it.
        open_access: Opens the identities of one read.
        narrow: Gives them for what the plan reads alone; None reads with them as they are.
        explain_empty: Gives the verdict on a read without rows; None gives none.
        registry: The plugins, which are told of each read's end, and write formats; None has none.
    """

    def __init__(
        self,
        planned: Planned,
        engine: Engine,
        open_access: Callable[[], AbstractContextManager[Access]],
        *,
        narrow: Callable[[Access], AbstractContextManager[Access]] | None = None,
        explain_empty: Callable[[], Diagnostic] | None = None,
        registry: PluginRegistry | None = None,
    ) -> None:
        self.plan = planned.plan
        self._planned = planned
        self._engine = engine
        # Engines that compile are handed what is known of the plan; others the plan.
        self._handed: Any = planned if compiles(engine) else planned.plan
        self._open_access = open_access
        self._narrow: Callable[[Access], AbstractContextManager[Access]] = narrow or nullcontext
        self._explain_empty = explain_empty
        self._registry = registry

    @property
    def schema(self) -> pa.Schema:
        """Schema of the engine's batches, as the query's analysis has it; nothing is opened.

        Raises:
            UnsupportedError: If a column's type is told by the engine alone, or can't be handed
                over.
        """
        import pyarrow as pa

        columns = Planned.of(self._planned).analysis.columns
        for column in columns:
            if not column.type.is_known:
                raise UnsupportedError(
                    f"{self.plan.connection}: the type of column {column.name!r} is known to the "
                    f"{self._engine.name} engine alone, once it reads",
                    hint="cast it in the query; or begin a read, and ask it: data.reader().schema",
                )
        return pa.schema([pa.field(c.name, arrow_type(c.type)) for c in columns])

    @contextmanager
    def open(self) -> Iterator[ArrowStream]:
        """Open a read; leaving it releases everything.

        Raises:
            DataChangedError: If a file is not what the plan saw.
            ConfigError: With code `rule-broken`, if files contradict the rule that chose them.
        """
        with self._proven() as (access, notes), ExitStack() as stack:
            with _change_errors(self.plan):
                batches = stack.enter_context(self._engine.read(self._handed, access))
            _log.debug("%s: the %s engine runs", self.plan.connection, self._engine.name)
            yield _Confirming(batches, self.plan, notes)

    def to_spark(self) -> DataFrame:
        """Return the plan as a Spark DataFrame; see `Dataset.to_spark`.

        Raises:
            UnsupportedError: If another engine than Spark runs the plan.
            DataChangedError: If a file is not what the plan saw.
            ConfigError: With code `rule-broken`, if files contradict the rule that chose them.
        """
        if not offers(self._engine, SparkFrames):
            raise UnsupportedError(
                f"{self.plan.connection} is read by the {self._engine.name} engine, which makes "
                "no Spark DataFrames",
                hint='read it with engine="spark"',
            )
        return self._engine.to_spark(self._handed, self._logged)

    def write(
        self, target: str, format: str, overwrite: bool
    ) -> tuple[int, tuple[Diagnostic, ...]]:
        """Let the engine write the rows where it runs; see `Dataset.write_delta`.

        Returns:
            How many rows were written, and what a reader should know of them.

        Raises:
            UnsupportedError: If the engine can't.
            DataChangedError: If a file is not what the plan saw.
            ConfigError: With code `rule-broken`, if files contradict the rule that chose them.
        """
        if not offers(self._engine, FarWriting):
            raise UnsupportedError(
                f"{self.plan.connection} is read by the {self._engine.name} engine, which writes "
                f"to this machine's own files only, not {format} to {target}",
                hint='read it with engine="spark", or write to a path without a scheme',
            )
        with self._proven() as (access, notes):
            count = self._engine.write(
                self._handed, access, target, format=format, overwrite=overwrite
            )
        for table, path, what in _local_changes(self.plan):
            raise DataChangedError(
                f"table {table}: {path} {what} while {count} rows were written to {target}, which "
                "may be of both versions",
                hint="write again, with overwrite=True",
            )
        return count, notes

    def writes(self, format: str) -> bool:
        """Return whether a plugin provides a writer of a format."""
        registry = self._registry
        return registry is not None and any(s.kind == format for s in registry.writers())

    def writer(self, format: str) -> Callable[..., None] | None:
        """Return what writes a dataset in a `format` that a plugin provides.

        Raises:
            ConfigError: If nobody writes it.
        """
        registry = self._registry
        return None if registry is None else registry.load(registry.writer(format))

    def finished(self, stats: ReadStats, error: BaseException | None) -> None:
        """Tell the plugins that a read has ended, with its stats and its error, if any."""
        if self._registry is not None:
            hooks.read_finished(self._registry, self.plan, stats, error)

    def why_empty(self) -> Diagnostic | None:
        """Return the verdict on a read that gave no rows."""
        return None if self._explain_empty is None else self._explain_empty()

    @contextmanager
    def _proven(self) -> Iterator[tuple[Access, tuple[Diagnostic, ...]]]:
        """Open the identities of a read; its files are as planned, and lie where its rules say."""
        stop = Stop.current()
        with self._open_access() as whole:
            stop.check()
            who = ", ".join(sorted({i.name for i in self.plan.identities.values()}))
            _log.debug("%s: opened as %s", self.plan.connection, who or "nobody in particular")
            notes = rule_proofs.nearby(self.plan, whole, self._engine)
            with self._narrow(whole) as access, explained(self.plan, access):
                stop.check()
                confirm(self.plan, access)
                stop.check()
                notes += rule_proofs.opened(self.plan, access, self._engine)
                _log.debug(
                    "%s: %d files are as planned, and where their rules say",
                    self.plan.connection,
                    self.plan.files,
                )
                yield access, notes

    @contextmanager
    def _logged(self) -> Iterator[Access]:
        with self._proven() as (access, notes):
            for note in notes:
                _log.warning("%s: %s", self.plan.connection, note.message)
            yield access


class _Confirming:
    """A stream whose local files are asked for their marks once more as it is read.

    Nothing keeps a file of this machine from being written over under a reader; storage that
    tells versions compares them at every request. The first batch and the end are where it shows:
    whoever takes a few rows, and whoever takes all, has rows of the planned versions or an error.

    Args:
        stream: The engine's.
        plan: What is read.
        notes: What a reader should know, beside what the stream says.
    """

    def __init__(self, stream: ArrowStream, plan: Plan, notes: tuple[Diagnostic, ...] = ()) -> None:
        self._stream = stream
        self._plan = plan
        self.notes: tuple[Diagnostic, ...] = (*notes_of(stream), *notes)

    @property
    def schema(self) -> pa.Schema:
        """Schema of all batches."""
        return self._stream.schema

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        with _change_errors(self._plan):
            batches = iter(self._stream)
            first = next(batches, None)
        _confirm_local(self._plan)
        if first is None:
            return
        yield first
        while True:
            with _change_errors(self._plan):
                batch = next(batches, None)
            if batch is None:
                break
            yield batch
        _confirm_local(self._plan)


def confirm(plan: Plan, access: Access) -> None:
    """Raise if a file of a plan was overwritten or deleted since, whatever its length is now.

    Engines compare lengths, and notice an object that changes while they read it. A file that was
    overwritten by another of the same length shows only in its version mark, which the storage
    tells where a session is `Confirming`. Local files have marks of their own
    (`headwater.sources.local_files`).

    Args:
        plan: What is about to be read.
        access: The opened identities.

    Raises:
        DataChangedError: Names the table and the first such file.
    """
    _confirm_local(plan)
    for scan in plan.scans:
        relation = scan.relation
        if not isinstance(relation, FileRelation) or relation.auth_ref is None:
            continue
        session = access.session(relation.auth_ref)
        if not offers(session, Confirming):
            continue
        for path, what in session.changes(relation.files).items():
            raise _change_error(relation.name, path, what)


def _confirm_local(plan: Plan, cause: BaseException | None = None) -> None:
    for table, path, what in _local_changes(plan):
        raise _change_error(table, path, what) from cause


@contextmanager
def _change_errors(plan: Plan) -> Iterator[None]:
    """Say that a file changed where that is what an engine stumbled over."""
    try:
        yield
    except DataChangedError:
        raise
    except HeadwaterError as error:
        _confirm_local(plan, error)
        raise


def _local_changes(plan: Plan) -> Iterator[tuple[TableName, str, str]]:
    for scan in plan.scans:
        relation = scan.relation
        if isinstance(relation, FileRelation) and relation.auth_ref is None:
            for path, what in local_files.changes(relation.files).items():
                yield relation.name, path, what


def _change_error(table: TableName, path: str, what: str) -> DataChangedError:
    return DataChangedError(
        f"table {table}: {path} {what} since the read was planned", hint="plan the read again"
    )


@contextmanager
def explained(plan: Plan, access: Access) -> Iterator[None]:
    """Let storage itself say why it gave no object, where an engine could only tell that it didn't.

    Clients inside of engines keep a status (403) and lose the reason: an archived object, a clock
    that is wrong, a key. A session that is `Explaining` asks again.

    Args:
        plan: What is read.
        access: The opened identities.

    Raises:
        HeadwaterError: The storage's own, in the place of the engine's.
    """
    try:
        yield
    except HeadwaterError as error:
        if error.refused_path is None:
            raise
        for relation in (scan.relation for scan in plan.scans):
            if not isinstance(relation, FileRelation) or relation.auth_ref is None:
                continue
            session = access.session(relation.auth_ref)
            if not offers(session, Explaining):
                continue
            paths = [f.path for f in relation.files if error.refused_path in (f.path, "")]
            for path in paths[:_ASKED]:
                if refusal := session.refusal(path, f"read {path} of table {relation.name}"):
                    raise refusal from error
        raise
