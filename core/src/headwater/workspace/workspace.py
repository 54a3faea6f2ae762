"""Workspace: models, plugins and engines in one object. The embedding API."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from headwater.auth.credentials import Access
from headwater.diagnostics import Diagnostic, hint_for
from headwater.display import html
from headwater.display.language import of_files
from headwater.errors import CancelledError, ConfigError, HeadwaterError, ReadTimeoutError
from headwater.interfaces.data_source import DataSource
from headwater.interfaces.engine import Closing, Engine
from headwater.interfaces.offers import offers
from headwater.interfaces.plan_text import FILES
from headwater.interfaces.recording import Recording
from headwater.interfaces.report import DUPLICATES, CheckReport, CheckStage
from headwater.interfaces.schema import Schema
from headwater.planning import engine_choice, planner, rule_proofs
from headwater.planning.bound_query import BoundQuery, bind_query
from headwater.planning.file_times import file_times
from headwater.planning.plans import Plans
from headwater.plugins import hooks
from headwater.plugins.registry import PluginRegistry
from headwater.reading.dataset import Dataset, rows_within
from headwater.reading.datasets import Datasets, Group, WindowReading
from headwater.reading.empty_reads import Extent, verdict
from headwater.reading.reader import Reading
from headwater.reading.running import Reads, seconds
from headwater.reading.session_policy import narrowed, widened
from headwater.tables.file_facts import FileFacts
from headwater.tables.relation import DeltaRelation, IcebergRelation
from headwater.tables.window import Window
from headwater.windows.calendar import Calendar
from headwater.workspace import pickling
from headwater.workspace.model import Connection, Model, ModelVersion, Purpose, find
from headwater.workspace.ripeness import ripeness

if TYPE_CHECKING:
    from headwater.changes.changes import Changes
    from headwater.changes.comparison import Policy
    from headwater.evidence.evidence import Evidence, Origin
    from headwater.interfaces.ledger_store import LedgerStore
    from headwater.interfaces.plan import Plan, Planned, Scan
    from headwater.ledger.ledger import Ledger
    from headwater.maturity.maturity import Maturity
    from headwater.profiling.profile import Profile
    from headwater.sql.analysis import ParsedQuery
    from headwater.windows.calendar import Calendar
    from headwater.workspace.maturity import MaturityOptions
    from headwater.workspace.profiles import ProfileOptions

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


class Workspace:
    """Models with their connections, the plugins they use, the engines that run them.

    A context manager: leaving it ends what it still reads, and closes the engines it started.
    Thread-safe.

    Args:
        registry: The plugins; default: those that are installed.
        engine: Engine of reads that name none: `auto`, `embedded`, `spark` or a plugin's.
        engine_options: Options of that engine, e.g. `{"master": "local[4]"}`.
    """

    def __init__(
        self,
        registry: PluginRegistry | None = None,
        *,
        engine: str = engine_choice.AUTO,
        engine_options: Mapping[str, Any] | None = None,
    ) -> None:
        self.registry = registry or PluginRegistry()
        self.engine = engine
        self.from_file = False
        """Whether a file described it: hints name the keys of that file."""
        self.ledger_store: LedgerStore | None = None
        """Where a ledger is kept, if its configuration says so."""
        self.engine_options: Mapping[str, Any] = dict(engine_options or {})
        self._engines: dict[str, Engine] = {}
        self._given: dict[str, Engine] = {}
        self._models: dict[str, Model] = {}
        self._versions: dict[tuple[str, str], ModelVersion] = {}
        self._lock = threading.RLock()
        self.reads = Reads()
        """What is read at the moment."""

    @classmethod
    def open(cls, path: str | Path, registry: PluginRegistry | None = None) -> Workspace:
        """Return the workspace that a configuration file describes.

        Args:
            path: A YAML, TOML or JSON file.
            registry: The plugins; default: those that are installed.

        Raises:
            ConfigError: If the file is wrong; names the place in it.
            PluginError: If it names a kind that no plugin provides.
        """
        from headwater.config import load
        from headwater.workspace.configuration import describe

        registry = registry or PluginRegistry()
        config = load(path, registry)
        workspace = cls(
            registry, engine=config.engine.type, engine_options=dict(config.engine.options)
        )
        workspace.ledger_store = config.ledger
        workspace.from_file = True
        describe(workspace, config)
        return workspace

    def create_model(self, model_id: str, name: str | None = None) -> Model:
        """Describe a model; the same definition again is a no-op.

        Args:
            model_id: Its identifier.
            name: What people call it; default: the identifier.

        Raises:
            ConfigError: If the identifier is taken by another model, or is not a name.
        """
        model = Model(_identifier(model_id, "model_id"), name or model_id)
        with self._lock:
            before = self._models.setdefault(model_id, model)
        if before != model:
            raise ConfigError(
                f"model {model_id!r} is defined already, as {before.name!r}",
                hint="choose another model_id, or give it the same name",
            )
        return before

    def create_model_version(
        self,
        model_id: str,
        model_version: str,
        model_type: str,
        *,
        raw_inputs: Mapping[str, Any] | None = None,
        features: Mapping[str, Any] | None = None,
        predictions: Mapping[str, Any] | None = None,
    ) -> ModelVersion:
        """Describe a version of a model; the same definition again gives the same version.

        Args:
            model_id: A model of this workspace.
            model_version: The version's identifier.
            model_type: `binary`, `regression`, `multiclass`, `multi-label` or `ranking`.
            raw_inputs: Field name to type, e.g. `{"raw_text": "text"}`.
            features: Likewise, e.g. `{"e": {"type": "tensor", "dimensions": [768]}}`.
            predictions: Likewise.

        Raises:
            ConfigError: On an unknown model, a wrong field, or a version that is taken.
        """
        schema = Schema.define(
            model_type, raw_inputs=raw_inputs, features=features, predictions=predictions
        )
        return self.describe_version(model_id, model_version, schema)

    def describe_version(self, model_id: str, model_version: str, schema: Schema) -> ModelVersion:
        """Describe a version of a model by its schema; as `create_model_version`.

        Args:
            model_id: A model of this workspace.
            model_version: The version's identifier.
            schema: Its fields.

        Raises:
            ConfigError: On an unknown model, or a version that is taken.
        """
        with self._lock:
            if model_id not in self._models:
                raise ConfigError(
                    f"no model {model_id!r}",
                    hint=hint_for(model_id, self._models, what="models")
                    + f"; create_model({model_id!r}, ...) makes it",
                )
            key = model_id, _identifier(model_version, "model_version")
            version = ModelVersion(self, self._models[model_id], model_version, schema)
            before = self._versions.setdefault(key, version)
        if before.schema != schema:
            raise ConfigError(
                f"version {model_version!r} of model {model_id!r} is defined already, differently",
                hint="a retrained or changed model is a new model_version",
            )
        return before

    @property
    def models(self) -> tuple[Model, ...]:
        """The models, in the order in which they were described."""
        return tuple(self._models.values())

    @property
    def versions(self) -> tuple[ModelVersion, ...]:
        """All versions of all models."""
        return tuple(self._versions.values())

    @property
    def connections(self) -> Mapping[str, Connection]:
        """All connections, by name: `model/version/purpose`."""
        return {c.name: c for v in self.versions for c in v.connections.values()}

    def connection(self, name: str) -> Connection:
        """Return a connection by `name`; an ending that is unique is enough, e.g. `serving`.

        Raises:
            ConfigError: If none or several match; suggests names.
        """
        return find(self.connections, name)

    def engine_named(self, name: str) -> Engine:
        """Return the engine called `name`, made when it is first asked for.

        Raises:
            PluginError: If no plugin provides it, or it can't be imported.
        """
        with self._lock:
            if name not in self._engines:
                options = self.engine_options if name == self.engine else {}
                self._engines[name] = self.registry.load(self.registry.engine(name))(**options)
            return self._engines[name]

    def reader(self) -> Engine | None:
        """Return an engine that can read small files here, before any plan; None if none can."""
        name = "embedded" if self.engine == engine_choice.AUTO else self.engine
        engine = self.engine_named(name)
        return None if engine.unavailable() else engine

    def use_engine(self, engine: Engine) -> None:
        """Use an `engine` that the caller made, e.g. `SparkEngine(session=spark)`, by its name."""
        with self._lock:
            self._engines[engine.name] = self._given[engine.name] = engine

    @property
    def given_engines(self) -> tuple[Engine, ...]:
        """The engines that the caller made (`use_engine`)."""
        return tuple(self._given.values())

    def plan(
        self,
        connection: Connection,
        window: Window | None = None,
        *,
        as_of: datetime | None = None,
        engine: str | None = None,
        sample: float | None = None,
    ) -> Plan:
        """Return the plan of a read; see `Connection.plan`."""
        request = self.request(connection, window, as_of, sample)
        with self.opened(connection) as access:
            mapped = self.map_queries(connection, access)
            plan = self.planned(connection, access, request, mapped, engine)[0].plan
            return replace(plan, scans=_with_files(plan.scans, access, FILES))

    def read(
        self,
        connection: Connection,
        window: Window | None = None,
        *,
        as_of: datetime | None = None,
        engine: str | None = None,
        sample: float | None = None,
        digests: bool = False,
        timeout: float | None = None,
        maturity: Maturity | None = None,
    ) -> Dataset:
        """Return the dataset of a read; see `Connection.read`."""

        def planned() -> tuple[planner.Draft, Planned, Engine]:
            request = self.request(connection, window, as_of, sample)
            with self.opened(connection) as access:
                mapped = self.map_queries(connection, access)
                draft = planner.draft(request, mapped[0], access, actuals=mapped[1], nearby=True)
                return draft, *self._decided(connection, access, draft.plan(), engine)

        draft, plan, chosen = self.in_time(planned, connection, timeout)
        return self.dataset(
            connection,
            plan,
            chosen,
            lambda: self.opened(connection),
            digests=digests,
            origin=self._origin(draft, chosen),
            timeout=timeout,
            maturity=maturity,
        )

    def in_time(
        self,
        function: Callable[[], _T],
        connection: Connection | None,
        timeout: float | None,
        doing: str = "planning",
    ) -> _T:
        """Return what a function returns, if it does in time.

        Args:
            function: It.
            connection: What it is done for; None for a query without one.
            timeout: Seconds that it may take; None for as long as it takes.
            doing: What it does, for messages.

        Raises:
            ReadTimeoutError: If it does not.
        """
        if timeout is None:
            return function()
        what = "a query" if connection is None else connection.name
        return self.reads.call(function, f"{doing} {what}", timeout)

    def replay(
        self, evidence: Evidence, *, timeout: float | str | timedelta | None = None
    ) -> Dataset:
        """Return the rows of a read that was done before, as far as they can be had again.

        The connection that was read is looked up by its name, with its window, `as_of` and sample.
        Where the files that were read are still there, they are read, and no others; of Iceberg and
        Delta, the snapshot or version. Read to its end, the dataset must then have the digests that
        the evidence tells. Where files were overwritten or deleted since, what lies there now is
        read: `data.replay` says which files these are, and whether rows or labels differ.

        Args:
            evidence: What `Dataset.evidence` gave.
            timeout: How long planning may take, and then each read of the rows, as for
                `Connection.read`.

        Raises:
            ConfigError: If there is no such connection here.
            EvidenceError: As the rows are read: with code `evidence-broken`, if the same files
                give other rows.
            HeadwaterError: Any of its kinds, as for a read.
        """
        from headwater.workspace.replays import replay

        limit = seconds(timeout)
        connection = self.connections.get(evidence.connection)
        return self.in_time(lambda: replay(self, evidence, limit), connection, limit)

    def _origin(
        self, draft: planner.Draft, engine: Engine, calendar: str | None = None
    ) -> Callable[[], Origin]:
        def origin_() -> Origin:
            from headwater.workspace.origins import origin

            return origin(self.registry, draft, engine, calendar)()

        return origin_

    def plans(
        self,
        connection: Connection,
        window: Window,
        calendar: Calendar,
        *,
        as_of: datetime | None = None,
        engine: str | None = None,
        sample: float | None = None,
        nearby: bool = False,
    ) -> Plans:
        """Return the plans of a stretch of time's windows, of one look at the tables.

        Args:
            connection: What is read.
            window: The stretch of time.
            calendar: Where it is cut.
            as_of: Until when actuals are taken.
            engine: Name of an engine; default: the workspace's.
            sample: Share of the ids.
            nearby: Whether they are made to be read: files beside them are found, to prove rules.

        Raises:
            HeadwaterError: Any of its kinds, before a byte of data is read.
        """
        request = self.request(connection, window, as_of, sample)
        windows = calendar.cut(window)
        with self.opened(connection) as access:
            mapped = self.map_queries(connection, access)
            draft = planner.draft(request, mapped[0], access, actuals=mapped[1], nearby=nearby)
            if len(windows) > 1:
                draft = replace(draft, times=file_times(draft.scans, access, FileFacts()))
            if not nearby:  # nobody reads: it is to be looked at
                draft = replace(draft, scans=_with_files(draft.scans, access, FILES))
            plans = Plans(draft, calendar, windows)
            wide = widened(access, plans.whole, _sources_of(connection))
        plans = self.decided(plans, engine, wide)
        if request.max_bytes is not None:
            for _ in plans:  # each is held to it as it is made
                pass
        return plans

    def decided(
        self, plans: Plans, engine: str | None, remarks: tuple[Diagnostic, ...] = ()
    ) -> Plans:
        """Return plans with the engine that will run them all.

        Args:
            plans: The plans.
            engine: Name of an engine; default: the workspace's.
            remarks: What holds for all of them.
        """
        # By what all of them cost, and by the SQL that reads several at once.
        several = replace(plans.together(plans.groups()[0]), scans=plans.whole.scans, warnings=())
        planned, _ = engine_choice.choose(several, engine or self.engine, self.engine_named)
        return plans.decided(planned, (*remarks, *planned.plan.warnings))

    def datasets(
        self,
        connection: Connection,
        window: Window,
        calendar: Calendar,
        *,
        as_of: datetime | None = None,
        engine: str | None = None,
        sample: float | None = None,
        digests: bool = False,
        timeout: float | None = None,
        maturity: Maturity | None = None,
    ) -> Datasets:
        """Return the dataset of each window of a stretch of time; see `Connection.read`."""

        def planned() -> Plans:
            return self.plans(
                connection,
                window,
                calendar,
                as_of=as_of,
                engine=engine,
                sample=sample,
                nearby=True,
            )

        plans = self.in_time(planned, connection, timeout)
        return self.datasets_of(
            connection, plans, digests=digests, timeout=timeout, maturity=maturity
        )

    def datasets_of(
        self,
        connection: Connection,
        plans: Plans,
        *,
        digests: bool = False,
        timeout: float | None = None,
        maturity: Maturity | None = None,
    ) -> Datasets:
        """Return the dataset of each window of plans.

        Args:
            connection: What is read.
            plans: Its plans, with their engine.
            digests: Whether their stats tell the digests of what was read.
            timeout: Seconds that each read may take; None for as long as it takes.
            maturity: How ripe its labels are, where that is known.
        """

        def open_access() -> AbstractContextManager[Access]:
            return self.opened(connection)

        def reading(plan: Plan) -> Reading:
            planned, engine = plans.compiled(plan), self.engine_named(plan.engine)
            if planned is None:
                planned, engine = self.compiled(plan)
            return self._reading(connection, planned, engine, open_access)

        cached: list[Extent] = []

        def extents() -> list[Extent]:
            if not cached:
                with open_access() as access:
                    cached.extend(self._extents(connection, plans.whole, access, plans.windows))
            return cached

        def make(number: int, group: Group | None) -> Dataset:
            plan = plans[number]
            hooks.plan_created(self.registry, plan)

            def explain() -> Diagnostic:
                engine = self.engine_named(plan.engine)
                return self._why_empty(
                    connection, plan, engine, open_access, lambda: extents()[number]
                )

            return Dataset(
                WindowReading(
                    plan,
                    number,
                    group,
                    lambda numbers: reading(plans.together(numbers)).open(),
                    lambda: reading(plan),
                    explain,
                    self.registry,
                ),
                digests=digests,
                origin=self._origin(
                    plans.draft, self.engine_named(plan.engine), plans.calendar.name
                ),
                timeout=timeout,
                reads=self.reads,
                maturity=ripeness(connection, plan, maturity),
                send=pickling.of_connection(connection),
                name_files=_naming(open_access),
            )

        return Datasets(plans, make)

    def dataset(
        self,
        connection: Connection,
        planned: Planned,
        engine: Engine,
        open_access: Callable[[], AbstractContextManager[Access]],
        *,
        digests: bool = False,
        origin: Callable[[], Origin] | None = None,
        timeout: float | None = None,
        maturity: Maturity | None = None,
    ) -> Dataset:
        """Return the rows of a plan.

        Args:
            connection: What is read.
            planned: Its plan.
            engine: What runs it.
            open_access: Opens the identities of one read; those of its sources.
            digests: Whether its stats tell the digests of what was read.
            origin: Gives what evidence tells beside the plan.
            timeout: Seconds that each read may take; None for as long as it takes.
            maturity: How ripe its labels are, where that is known.
        """
        reading = self._reading(connection, planned, engine, open_access)
        return Dataset(
            reading,
            digests=digests,
            origin=origin,
            timeout=timeout,
            reads=self.reads,
            maturity=ripeness(connection, planned.plan, maturity),
            send=pickling.of_connection(connection),
            name_files=_naming(open_access),
        )

    def compiled(self, plan: Plan) -> tuple[Planned, Engine]:
        """Return a plan that has its engine as that compiles it, and the engine.

        Args:
            plan: The plan; what it tells stays as it is.
        """
        planned, engine = engine_choice.choose(plan, plan.engine, self.engine_named)
        return replace(planned, plan=plan), engine

    def _reading(
        self,
        connection: Connection,
        planned: Planned,
        engine: Engine,
        open_access: Callable[[], AbstractContextManager[Access]],
    ) -> Reading:
        plan = planned.plan
        return Reading(
            planned,
            engine,
            open_access,
            narrow=lambda whole: narrowed(whole, plan, _sources_of(connection)),
            explain_empty=lambda: self._why_empty(connection, plan, engine, open_access),
            registry=self.registry,
        )

    def _why_empty(
        self,
        connection: Connection,
        plan: Plan,
        engine: Engine,
        open_access: Callable[[], AbstractContextManager[Access]],
        extent: Callable[[], Extent] | None = None,
    ) -> Diagnostic:
        """Return why a plan gave no rows, asking the data, its source and its files."""

        def own() -> Extent:
            with open_access() as access:
                return self._extents(connection, plan, access, [plan.window])[0]

        def prove(scan: Scan) -> Diagnostic | None:
            with open_access() as access:
                return rule_proofs.why_empty(plan, scan, access, engine)

        def why_no_files(scan: Scan) -> Diagnostic | None:
            with open_access() as access:
                return connection.source.why_no_files(scan, plan.window, access)

        return verdict(plan, extent or own, why_no_files, prove)

    def why_empty(self, connection: Connection, plan: Plan, engine: str) -> Diagnostic:
        """Return why a plan gives no rows, asking the data, its source and its files.

        Args:
            connection: What was read.
            plan: Its plan.
            engine: Name of the engine that read it.
        """
        return self._why_empty(
            connection, plan, self.engine_named(engine), lambda: self.opened(connection)
        )

    def profile(
        self,
        connection: Connection,
        window: Window | None,
        calendar: Calendar | None,
        options: ProfileOptions,
        timeout: float | None = None,
    ) -> Profile:
        """Return the profile of a connection's rows; see `Connection.profile`."""
        from headwater.workspace.profiles import profile

        return self.in_time(
            lambda: profile(self, connection, window, calendar, options),
            connection,
            timeout,
            "profiling",
        )

    def changes(
        self,
        connection: Connection,
        window: Window,
        calendar: Calendar,
        ledger: Ledger | LedgerStore | str | os.PathLike[str],
        *,
        now: datetime | None = None,
        partial: bool = False,
        definition: Policy = "restate",
        engine: str | None = None,
        timeout: float | None = None,
    ) -> Changes:
        """Return the windows that are to be handed over; see `Connection.changes`."""
        from headwater.workspace.changes import ChangesOptions, changes, ledger_of

        now = now or datetime.now(UTC)
        options = ChangesOptions(
            calendar, ledger_of(ledger), now, partial, definition, engine, timeout
        )
        return self.in_time(
            lambda: changes(self, connection, window, options), connection, timeout, "comparing"
        )

    def maturity(self, connection: Connection, options: MaturityOptions) -> Maturity:
        """Return how ripe a connection's labels are; see `Connection.maturity`."""
        from headwater.workspace.maturity import maturity

        return maturity(self, connection, options)

    def ledger(self) -> Ledger:
        """Return the ledger of the place that the configuration names, as it is there now.

        Raises:
            ConfigError: If it names none.
            LedgerError: If it can't be read.
        """
        from headwater.ledger.ledger import Ledger

        if self.ledger_store is None:
            raise ConfigError(
                "nothing says where a ledger is kept",
                hint="in the configuration: ledger: {type: file, path: state/headwater.ledger}",
            )
        return Ledger.load(self.ledger_store)

    def sql(
        self,
        query: str,
        source: DataSource,
        engine: str | None = None,
        *,
        timeout: float | str | timedelta | None = None,
    ) -> Dataset:
        """Return the rows of a query over a source, with no model and no mapping.

        Args:
            query: Spark SQL, checked like any other; the source's placeholders (`{data}`) are
                filled in as in its own query.
            source: Where its tables are; the source's own query is not used.
            engine: `auto`, `embedded`, `spark` or a plugin's; default: the workspace's.
            timeout: How long planning may take, and then each read of the rows, as for
                `Connection.read`.
        """
        limit = seconds(timeout)

        def decided() -> tuple[Planned, Engine]:
            with source.access() as access:
                bound = self.bind_query(source, access, source.filled(query))
                plan = planner.plan_sql(f"a query on {source.kind}", bound, access)
            return engine_choice.choose(plan, engine or self.engine, self.engine_named)

        planned, chosen = self.in_time(decided, None, limit)
        hooks.plan_created(self.registry, planned.plan)
        return self.dataset_of_query(source, planned, chosen, timeout=limit)

    def dataset_of_query(
        self,
        source: DataSource,
        planned: Planned,
        engine: Engine,
        *,
        timeout: float | None = None,
    ) -> Dataset:
        """Return the rows of a query's plan.

        Args:
            source: Where its tables are.
            planned: The plan.
            engine: What runs it.
            timeout: Seconds that each read may take; None for as long as it takes.
        """

        def ask(scan: Scan) -> Diagnostic | None:
            with source.access() as access:
                return source.why_no_files(scan, None, access)

        reading = Reading(
            planned,
            engine,
            source.access,
            explain_empty=lambda: verdict(planned.plan, ask=ask),
            registry=self.registry,
        )
        return Dataset(
            reading, timeout=timeout, reads=self.reads, send=pickling.of_query(self, source)
        )

    def answer(
        self,
        connection: Connection,
        plan: Plan,
        engine: str | None = None,
        *,
        timeout: float | None = None,
    ) -> Dataset:
        """Return what a query over the tables of a connection gives; no plugin hears of it.

        Args:
            connection: Whose tables are asked.
            plan: The query's plan, made of one of the connection's.
            engine: Name of an engine; default: the workspace's.
            timeout: Seconds that each read may take; None for as long as it takes.
        """
        planned, chosen = engine_choice.choose(plan, engine or self.engine, self.engine_named)
        reading = Reading(
            planned,
            chosen,
            lambda: self.opened(connection),
            narrow=lambda whole: narrowed(whole, planned.plan, _sources_of(connection)),
        )
        return Dataset(reading, timeout=timeout, reads=self.reads)

    def check(
        self,
        connection: Connection,
        window: Window | None = None,
        *,
        max_duplicates: float = DUPLICATES,
        timeout: float | None = None,
    ) -> CheckReport:
        """Examine a connection; see `Connection.check`."""
        from headwater.workspace.examination import check

        return self._examined(
            connection.name,
            lambda so_far: check(self, connection, window, max_duplicates, so_far=so_far),
            timeout,
        )

    def recorded(
        self,
        path: str | os.PathLike[str],
        *,
        anonymous: bool = False,
        overwrite: bool = False,
    ) -> AbstractContextManager[Recording]:
        """Record the checks in a block, and write one support bundle of them, however it ends.

        Args:
            path: The zip file.
            anonymous: Whether placeholders stand for names in it.
            overwrite: Whether a file that is there may be replaced.

        Raises:
            BundleError: If the file is there, or can't be written.
        """
        from headwater.bundle.writing import recorded

        return recorded(path, self.registry, anonymous=anonymous, overwrite=overwrite)

    def check_version(
        self, version: ModelVersion, window: Window | None = None, timeout: float | None = None
    ) -> CheckReport:
        """Examine a version; see `ModelVersion.check`."""
        from headwater.workspace.version_examination import check_version

        return self._examined(
            f"{version.model.id}/{version.id}",
            lambda so_far: check_version(self, version, window, so_far),
            timeout,
        )

    def _examined(
        self,
        name: str,
        examine: Callable[[list[CheckStage]], CheckReport],
        timeout: float | None,
    ) -> CheckReport:
        """Return an examination's report; of one that is not over in time, what it found so far."""
        so_far: list[CheckStage] = []
        began, recording, report = time.perf_counter(), Recording.current(), None
        try:
            if timeout is None:
                report = examine(so_far)
            else:
                report = self.reads.call(lambda: examine(so_far), f"checking {name}", timeout)
        except ReadTimeoutError as error:
            report = CheckReport(name, (*so_far, CheckStage.failed("timeout", error)))
        finally:
            if recording is not None:
                # Of an examination that was interrupted, the stages so far.
                seconds_ = time.perf_counter() - began
                report_ = CheckReport(name, tuple(so_far)) if report is None else report
                recording.report(report_, seconds_)
        return report

    def bind_query(
        self, source: DataSource, access: Access, query: str | ParsedQuery | None = None
    ) -> BoundQuery:
        """Return a source's query, bound against its catalog by all rules and validators.

        Args:
            source: The source.
            access: Its opened identities.
            query: Another query than its own, or its own as it was parsed (`parsed_for`).

        Raises:
            QueryError: With everything that is wrong with the query.
        """
        registry = self.registry
        rules = {registry.name(s): registry.load(s) for s in registry.rewrite_rules()}
        validators = {registry.name(s): registry.load(s) for s in registry.validators()}
        return bind_query(
            source,
            source.catalog(access),
            source.sql() if query is None else query,
            rules=rules,
            validators=validators,
        )

    def map_query(
        self, connection: Connection, access: Access, bound: BoundQuery | None = None
    ) -> planner.MappedQuery:
        """Return a connection's query, bound, with its mapping proven.

        Args:
            connection: The connection.
            access: The opened identities of its source.
            bound: Its query, where it was bound before.

        Raises:
            QueryError: With everything that is wrong with the query.
        """
        return planner.map_query(
            bound or self.bind_query(connection.source, access),
            connection.mapping,
            connection.schema,
            fields=connection.purpose is not Purpose.ACTUALS,
        )

    def map_queries(
        self, connection: Connection, access: Access
    ) -> tuple[planner.MappedQuery, planner.MappedQuery | None]:
        """Return the bound queries of a connection and of the actuals that are joined to it.

        Args:
            connection: The connection.
            access: The opened identities, of both sources.
        """
        own, *theirs = (self.map_query(part, access) for part in connection.parts)
        return own, theirs[0] if theirs else None

    @contextmanager
    def opened(self, connection: Connection) -> Iterator[Access]:
        """Open the identities of a `connection`, and of the actuals that are joined to it."""
        with of_files(self.from_file), ExitStack() as stack:
            own, *theirs = (stack.enter_context(s.access()) for s in _sources_of(connection))
            for their in theirs:
                own = own.joined(their)
            yield own

    def planned(
        self,
        connection: Connection,
        access: Access,
        request: planner.Request,
        mapped: tuple[planner.MappedQuery, planner.MappedQuery | None],
        engine: str | None = None,
        *,
        announce: bool = True,
        nearby: bool = False,
    ) -> tuple[Planned, Engine]:
        """Return the plan of bound queries with its analysis, and the engine that will run it.

        Args:
            connection: What is read.
            access: The opened identities.
            request: What of it is wanted.
            mapped: Its query, and that of its actuals (`map_queries`).
            engine: Name of an engine; default: the workspace's.
            announce: Whether observers are shown the plan.
            nearby: Whether it is made to be read: files beside it are found, to prove rules by.
        """
        plan = planner.plan_query(request, mapped[0], access, actuals=mapped[1], nearby=nearby)
        return self._decided(connection, access, plan, engine, announce=announce)

    def _decided(
        self,
        connection: Connection,
        access: Access,
        plan: Plan,
        engine: str | None,
        *,
        announce: bool = True,
    ) -> tuple[Planned, Engine]:
        """Return a plan with the engine that will run it."""
        plan = replace(
            plan, warnings=plan.warnings + widened(access, plan, _sources_of(connection))
        )
        planned, chosen = engine_choice.choose(plan, engine or self.engine, self.engine_named)
        if announce:
            hooks.plan_created(self.registry, planned.plan)
        return planned, chosen

    def request(
        self,
        connection: Connection,
        window: Window | None,
        as_of: datetime | None = None,
        sample: float | None = None,
    ) -> planner.Request:
        """Return what of a connection is wanted, within the limits that were declared for it.

        Args:
            connection: The connection.
            window: Which rows; None for all.
            as_of: Until when actuals are taken.
            sample: Share of the ids; None for what the connection declares.
        """
        limits = [part.definition.max_bytes for part in connection.parts]
        return planner.Request(
            connection.name,
            window,
            as_of,
            sample if sample is not None else connection.definition.sample,
            min((m for m in limits if m is not None), default=None),
            None if connection.actuals is None else connection.actuals.definition.horizon,
        )

    def _extents(
        self,
        connection: Connection,
        plan: Plan,
        access: Access,
        windows: Sequence[Window | None],
    ) -> list[Extent]:
        """Look at the rows of a connection without its window; count those of some windows."""
        request = self.request(connection, None, plan.as_of, plan.sample)
        mapped = self.map_queries(connection, access)
        whole, engine = self.planned(
            connection, access, request, mapped, plan.engine, announce=False
        )
        data = Dataset(Reading(whole, engine, lambda: nullcontext(access)), reads=self.reads)
        inside = [0] * len(windows)
        for batch in data:
            for number, window in enumerate(windows):
                inside[number] += rows_within(batch, window)
        stats = data.stats
        return [Extent(stats.rows, stats.first, stats.last, count) for count in inside]

    def close(self) -> None:
        """End what is read at the moment, and close the engines that this workspace started.

        Who takes the rows of a read that is not over gets an error (`cancelled`).
        """
        self.reads.end(
            lambda what: CancelledError(
                f"{what} was ended: its workspace was closed",
                hint="take all rows before the workspace is closed, or left",
            )
        )
        with self._lock:
            engines, self._engines = list(self._engines.values()), {}
        for engine in engines:
            if offers(engine, Closing):
                engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __reduce__(self) -> pickling.Reduced:
        """Let it be sent to another process, as what it is made of; nothing open goes along."""
        return pickling.workspace(self)

    def _repr_html_(self) -> str:
        rows = (
            (c.name, c.version.schema.model_type, c.source.kind) for c in self.connections.values()
        )
        named = html.table(("connection", "model type", "source"), rows)
        return html.card(repr(self).strip("<>"), named)

    def __repr__(self) -> str:
        return f"<Workspace of {len(self._models)} models, {len(self.connections)} connections>"


def _sources_of(connection: Connection) -> tuple[DataSource, ...]:
    return tuple(part.source for part in connection.parts)


def _identifier(value: str, what: str) -> str:
    if not value or "/" in value:
        raise ConfigError(f"{what} {value!r} is no name", hint="a text without '/'")
    return value


def _naming(
    open_access: Callable[[], AbstractContextManager[Access]],
) -> Callable[[Plan], Plan]:
    """Return what names the files of a plan's lakes."""

    def named(plan: Plan) -> Plan:
        if not _lakes(plan.scans):
            return plan
        try:
            with open_access() as access:
                return replace(plan, scans=_with_files(plan.scans, access, None))
        except HeadwaterError as error:  # its snapshot or version says which files they are
            _log.debug("%s: files of lakes: %s", plan.connection, error.message)
            return plan

    return named


def _with_files(scans: tuple[Scan, ...], access: Access, most: int | None) -> tuple[Scan, ...]:
    if not _lakes(scans):
        return scans
    from headwater.planning.lake_files import with_files

    return with_files(scans, access, most)


def _lakes(scans: Sequence[Scan]) -> bool:
    return any(isinstance(s.relation, IcebergRelation | DeltaRelation) for s in scans)
