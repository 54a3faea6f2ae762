"""The spark engine: a session of the caller's, one of our own, or a Spark Connect endpoint."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from headwater.auth.credentials import Access
from headwater.diagnostics import Diagnostic, Severity, errors_in
from headwater.engines import nanoseconds
from headwater.engines.spark import frames, streams, writer
from headwater.engines.spark.errors import translated
from headwater.engines.spark.formats.nanoseconds import SETTING, found
from headwater.engines.spark.session import connect, local, reference, sessions
from headwater.engines.spark.session.options import check_options, check_word
from headwater.engines.spark.session.packages import needed
from headwater.engines.spark.session.requirements import missing_for
from headwater.engines.spark.storage import Storage
from headwater.engines.spark.views import Registrar
from headwater.engines.stream_requests import request
from headwater.engines.used_columns import used_columns
from headwater.errors import EngineError, QueryError, UnsupportedError
from headwater.interfaces.engine import ArrowStream, Compiled, EngineCapability
from headwater.interfaces.plan import Plan, Planned
from headwater.interfaces.stopping import Stop
from headwater.sql.private_names import PRIVATE_DATABASE
from headwater.sql.rewriting import Edit, apply
from headwater.tables.table import TableName

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


_log = logging.getLogger(__name__)


class SparkEngine:
    """Spark: runs everything that the guard admits, with the reference's answers.

    The session is the caller's if one is given, a Spark Connect server's if `remote` is given, else
    one that is started when it is first needed. A session that is not the reference (Spark 4.1,
    ANSI mode, UTC ...; `reference.SETTINGS`) is refused, unless `semantics="session"`.

    Args:
        session: A session to use and leave as it is.
        master: Where to start one, e.g. `local[*]`, `yarn`; None for Spark's own configuration.
        remote: A Spark Connect endpoint, e.g. `sc://host:15002`.
        packages: What a session that is started has on its class path: Maven coordinates, or
            `s3`, `iceberg`, `delta`, `avro`; None for what the first plan needs.
        conf: Settings for a session that is started or opened.
        semantics: `session` accepts a session's own version and settings; plans then show the
            differences.
        storage_identity: Who reads storage: `headwater` gives Spark the identities of the plan,
            `cluster` leaves it to what the cluster has.

    Raises:
        ConfigError: If options contradict each other.
    """

    name = "spark"

    def __init__(
        self,
        session: SparkSession | None = None,
        *,
        master: str | None = None,
        remote: str | None = None,
        packages: Sequence[str] | None = None,
        conf: Mapping[str, str] | None = None,
        semantics: Literal["reference", "session"] = "reference",
        storage_identity: Literal["headwater", "cluster"] = "headwater",
    ) -> None:
        check_options(session, master, remote, packages, conf)
        check_word("semantics", semantics, ("reference", "session"))
        check_word("storage_identity", storage_identity, ("headwater", "cluster"))
        self._user_session = session
        self._master = master
        self._remote = remote
        self._packages = None if packages is None else tuple(packages)
        self._conf = {k: str(v) for k, v in (conf or {}).items()}
        self._semantics = semantics
        self._storage_identity = storage_identity
        self.capabilities = _capabilities(
            can_store=storage_identity == "headwater",
            can_renew=session is None and remote is None and local.lends(master, conf or {}),
        )
        self._opened: sessions.Opened | None = None
        self._open_reads = ExitStack()
        self._lock = threading.RLock()

    def unavailable(self) -> str | None:
        """Return why Spark can't be used here and how to change that, or None.

        A session that was given is compared with the reference; one that is still to be opened has
        the reference's settings.
        """
        remote = self._remote is not None or (
            self._user_session is not None and sessions.is_connect(self._user_session)
        )
        starts = self._user_session is None and self._remote is None and not _running()
        missing = missing_for(remote, java=starts)
        if missing or self._user_session is None:
            return missing
        return self._unlike(self.opened())

    def refusals(self, plan: Plan) -> tuple[Diagnostic, ...]:
        """Return why Spark can't run a plan: what forbids its SQL; empty if nothing does."""
        return self.compile(Planned.of(plan)).refusals

    def compile(self, planned: Planned) -> Compiled:
        """Return a plan's SQL, which Spark runs as it is, or what forbids it.

        Its slots get the names that they have in the session when they are registered there.
        """
        parsed = planned.analysis.parsed
        newer = _newer(parsed) if self._semantics == "reference" else ()
        return Compiled(planned.plan.sql, errors_in(parsed.diagnostics) + newer)

    def remarks(self) -> tuple[Diagnostic, ...]:
        """Return what plans say of the session: whose it is, how its answers may differ."""
        diagnostics = [Diagnostic("spark-session", self._whose_identity(), Severity.INFO)]
        if self._semantics == "session":
            diagnostics += (
                Diagnostic(
                    "session-semantics",
                    f"rows are those of this session, not of the reference: {difference}",
                    Severity.WARNING,
                )
                for difference in self.opened().differences
            )
        return tuple(diagnostics)

    def _whose_identity(self) -> str:
        if self._storage_identity == "cluster":
            return f"{self}: storage is read with the cluster's own identity"
        if EngineCapability.CREDENTIAL_RENEWAL in self.capabilities:
            return f"{self}: storage is read with the plan's identities, renewed while it lasts"
        return f"{self}: storage is read with the plan's identities, not renewed while it lasts"

    @contextmanager
    def read(self, plan: Plan | Planned, access: Access) -> Iterator[ArrowStream]:
        """Run a plan; the context holds its tables and its running jobs.

        Raises:
            QueryError: If the plan's SQL is not admitted.
            UnsupportedError: If a table's kind or format, or an output column's type, can't be
                read.
            DataChangedError: If a file is gone or has another length than the plan saw, compared
                with Spark's own listing before a row is read; a file in S3 that is overwritten
                while it is read is noticed by its ETag.
            AccessDeniedError: If the reading identity may not read a file.
            EngineError: If it fails otherwise; code `spark-runtime-error` where a value raises in
                ANSI mode.
        """
        with ExitStack() as stack:
            planned = Planned.of(plan)

            def open_(*, in_nanoseconds: bool) -> streams.Stream:
                frame = self._frame(
                    planned, access, stack, private=True, in_nanoseconds=in_nanoseconds
                )
                return stack.enter_context(streams.opened(frame, planned.plan.scans))

            # Footers are looked at only where Spark met nanoseconds: it says so at the first file.
            try:
                stream = open_(in_nanoseconds=False)
            except nanoseconds.UnreadError:
                yield open_(in_nanoseconds=True)
                return
            yield streams.opened_again(
                stream, nanoseconds.UnreadError, lambda: open_(in_nanoseconds=True)
            )

    def explain(self, plan: Plan | Planned, access: Access) -> str:
        """Return Spark's own account of how it will run a plan: its physical plan.

        Tables are registered for that as for a read, and their files listed; no file is opened.

        Raises:
            HeadwaterError: As `read` does.
        """
        planned = Planned.of(plan)
        with ExitStack() as stack, translated(planned.plan.scans):
            return sessions.explained(self._frame(planned, access, stack, private=True))

    def write(
        self,
        plan: Plan | Planned,
        access: Access,
        target: str,
        *,
        format: str,
        overwrite: bool = False,
    ) -> int:
        """Run a plan and write its rows on the cluster, whole or not at all.

        Args:
            plan: What is written.
            access: The identities that read. What writes is the session itself.
            target: A URI or an absolute path; for `iceberg` a table's name, its catalog first.
            format: `parquet`, `delta` or `iceberg`.
            overwrite: Replace what is there.

        Returns:
            How many rows were written.

        Raises:
            ConfigError: If there is something and `overwrite` is false.
            HeadwaterError: As `read` does.
        """
        planned = Planned.of(plan)
        scans = planned.plan.scans
        with ExitStack() as stack, translated(scans):
            # Secrets that read are options of readers here: in the session's settings they would
            # also write, where both are of one bucket.
            def write(*, in_nanoseconds: bool) -> int:
                read = self._frame(
                    planned, access, stack, private=False, in_nanoseconds=in_nanoseconds
                )
                frame = frames.of_dataset(read, planned.plan)
                return writer.written(frame, target, format, overwrite=overwrite, scans=scans)

            try:
                return write(in_nanoseconds=False)
            except nanoseconds.UnreadError:
                return write(in_nanoseconds=True)

    def to_spark(
        self, plan: Plan | Planned, open_access: Callable[[], AbstractContextManager[Access]]
    ) -> DataFrame:
        """Return a plan as a lazy DataFrame of the session in use.

        Args:
            plan: What is read.
            open_access: Opens its identities, which stay open until this engine is closed.

        Raises:
            HeadwaterError: As `read` does.
        """
        planned = Planned.of(plan)
        opened = self._fit(planned.plan)
        with translated(planned.plan.scans), ExitStack() as stack:
            access = stack.enter_context(open_access())
            cleanup = stack.enter_context(_forgiving())
            connect.check_confidential(opened, self._storage_identity)
            lent = None if self._storage_identity == "cluster" else access
            frame = frames.frame(opened, planned, lent, _renamed, cleanup)
            with self._lock:
                self._open_reads.push(stack.pop_all())
            return frame

    def _fit(self, plan: Plan) -> sessions.Opened:
        opened = self.opened(plan)
        if problem := self._unlike(opened):
            raise EngineError("spark engine: the session is not the reference", hint=problem)
        return opened

    def _frame(
        self,
        planned: Planned,
        access: Access,
        stack: ExitStack,
        *,
        private: bool,
        in_nanoseconds: bool = False,
    ) -> DataFrame:
        plan = planned.plan
        opened = self._fit(plan)
        with translated(plan.scans):
            session = stack.enter_context(sessions.for_read(opened))
            stack.enter_context(Stop.current().ending(streams.interrupting(session)))
            cleanup = stack.enter_context(_forgiving())
            registrar = Registrar(
                session,
                persistent=opened.persistent,
                storage=self._storage(opened, session, access, cleanup, private),
                cleanup=cleanup,
                in_nanoseconds=partial(found, access=access) if in_nanoseconds else None,
            )
            if in_nanoseconds:
                session.conf.set(SETTING, "true")
            names = {}
            for scan in plan.scans:
                used = used_columns(planned.analysis, TableName(PRIVATE_DATABASE, scan.slot))
                names[scan.slot] = registrar.register(scan, used, request(planned, scan, used))
            return session.sql(_renamed(planned, names))

    def _storage(
        self,
        opened: sessions.Opened,
        session: SparkSession,
        access: Access,
        cleanup: ExitStack,
        private: bool,
    ) -> Storage | None:
        connect.check_confidential(opened, self._storage_identity)
        if self._storage_identity == "cluster":
            return None
        return Storage(session, access, lending=opened.lending, private=private, cleanup=cleanup)

    def opened(self, plan: Plan | None = None) -> sessions.Opened:
        """Return the session in use, opened when it is first asked for.

        Args:
            plan: What it is wanted for: tells which packages it needs, where none were named.

        Raises:
            EngineError: If it can't be opened.
        """
        with self._lock:
            if self._opened is None or not self._opened.alive:
                self._opened = self._open(plan)
            return self._opened

    @property
    def is_open(self) -> bool:
        """Whether a session is in use already."""
        return self._opened is not None

    def _open(self, plan: Plan | None) -> sessions.Opened:
        if self._user_session is not None:
            return sessions.adopt(self._user_session)
        if self._remote is not None:
            return connect.connect(self._remote, self._conf)
        packages = self._packages
        if packages is None:
            packages = needed(plan) if plan else ()
        return local.start(self._master, packages, self._conf)

    def _unlike(self, opened: sessions.Opened) -> str | None:
        if self._semantics == "session" or not opened.differences:
            return None
        listed = "\n".join(str(d) for d in opened.differences)
        return (
            "the session may answer differently from the reference:\n"
            f"{listed}\nto make it the reference:\n{reference.remedy(opened.differences)}"
        )

    def close(self) -> None:
        """Stop the session if this engine started it, and release what its DataFrames used.

        A caller's session stays as it is.
        """
        with self._lock:
            opened, self._opened = self._opened, None
            open_reads, self._open_reads = self._open_reads, ExitStack()
        open_reads.close()
        if opened is not None:
            opened.resources.close()

    def __reduce__(self) -> tuple[Any, ...]:
        """Let it be sent to another process, as its options; the session stays here.

        Raises:
            UnsupportedError: If it was given a session, or an address with a token in it.
        """
        if self._user_session is not None:
            raise UnsupportedError(
                "a Spark engine with a given session can't be sent to another process: the session "
                "lives in this one",
                hint="use an engine there that opens its own: SparkEngine(remote='sc://host:port')",
            )
        if self._remote is not None and connect.without_token(self._remote) != self._remote:
            raise UnsupportedError(
                f"a Spark engine on {connect.without_token(self._remote)} is not sent to another "
                "process: its address holds parameters, such as a token",
                hint="make the engine there, with a token of its own",
            )
        options = {
            "master": self._master,
            "remote": self._remote,
            "packages": self._packages,
            "conf": self._conf,
            "semantics": self._semantics,
            "storage_identity": self._storage_identity,
        }
        return _with_options, (type(self), options)

    def __repr__(self) -> str:
        where = self._master or "its own session"
        if self._remote is not None:
            where = connect.without_token(self._remote)
        return f"<SparkEngine on {'a given session' if self._user_session is not None else where}>"


def _with_options(kind: type[SparkEngine], options: dict[str, Any]) -> SparkEngine:
    return kind(**options)


def _capabilities(*, can_store: bool, can_renew: bool) -> frozenset[EngineCapability]:
    capabilities = {EngineCapability.ANY_QUERY, EngineCapability.ICEBERG, EngineCapability.DELTA}
    if can_store:
        capabilities.add(EngineCapability.STORAGE_CREDENTIALS)
        if can_renew:
            capabilities.add(EngineCapability.CREDENTIAL_RENEWAL)
    return frozenset(capabilities)


@contextmanager
def _forgiving() -> Iterator[ExitStack]:
    """Give a stack whose cleaning up hides no error: a session that is gone took all along."""
    from pyspark.errors import PySparkException

    stack = ExitStack()
    try:
        yield stack
    finally:
        try:
            stack.close()
        except (PySparkException, OSError) as error:
            _log.warning("tables of a finished read could not be removed: %s", error)


def _renamed(planned: Planned, names: Mapping[str, str]) -> str:
    """Return the plan's SQL with each slot under the name that it has in the session.

    Raises:
        QueryError: If the SQL is not admitted; the last guard before Spark sees it.
    """
    parsed = planned.analysis.parsed
    if refusals := errors_in(parsed.diagnostics):
        raise QueryError("the spark engine can't run this query", refusals)
    edits = [Edit.replace(r.span, names[r.name.name]) for r in parsed.references]
    return apply(planned.plan.sql, edits)


def _running() -> bool:
    """Return whether a classic application runs in this process."""
    import sys

    pyspark = sys.modules.get("pyspark")
    return pyspark is not None and pyspark.SparkContext._active_spark_context is not None


def _newer(parsed: Any) -> tuple[Diagnostic, ...]:
    """Return what of a query came to Spark after the reference.

    Source: Apache Spark 4.2 release notes (QUALIFY); 4.1.4 answers it with a syntax error.
    """
    from sqlglot import exp

    from headwater.sql.syntax.nodes import span_of

    qualifies = [] if parsed.tree is None else list(parsed.tree.find_all(exp.Qualify))
    return tuple(
        Diagnostic(
            "newer-spark",
            "QUALIFY came with Spark 4.2, and this session is of the reference, Spark 4.1",
            span=span_of(node),
            text=parsed.text,
            hint="write a subquery: SELECT * FROM (SELECT ..., row_number() OVER (...) AS n) "
            "WHERE n = 1; or let the embedded engine run it",
        )
        for node in qualifies
    )
