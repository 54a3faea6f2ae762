"""The two engines that are compared, each giving an Arrow table for a query."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from headwater.auth.credentials import Access
from headwater.diagnostics import Diagnostic
from headwater.engines.embedded import EmbeddedEngine
from headwater.engines.embedded.database import add_macros, database, keep_cuts
from headwater.engines.embedded.errors import translated
from headwater.engines.embedded.lake_formats.files import BATCH_ROWS
from headwater.engines.embedded.running import Run
from headwater.engines.embedded.stream import Stream
from headwater.engines.embedded.views import Registrar
from headwater.engines.used_columns import Used
from headwater.interfaces.mapping import BoundMapping
from headwater.interfaces.plan import Plan, Scan, ScanEstimate
from headwater.sql import portable
from headwater.sql.analysis import Analysis
from headwater.sql.binding.binder import bind
from headwater.sql.parser import parse
from headwater.sql.portable.spelling import name as quoted
from headwater.sql.private_names import PRIVATE_DATABASE
from headwater.tables.relation import FileRelation, Relation
from headwater.tables.table import Table, TableName

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from pyspark.sql import SparkSession

    from headwater.engines.spark import SparkEngine


REFERENCE: Final = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.caseSensitive": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.parquet.filterPushdown": "false",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    # How small queries are run, not what they answer: half their time went to code made for each.
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
}
"""The Spark whose answers are the reference: ANSI, UTC, names without case.

Filters are not pushed into Parquet: with pushdown Spark 4.1 loses NaN rows to row-group
statistics (SPARK: `score > 0.9` skips groups whose largest number is below, NaN aside), so
that its answer would depend on how files are laid out.
"""


def reference(engine: SparkEngine) -> SparkSession:
    """Return a session of an engine's application with the reference's settings, and no tables."""
    session = engine.opened().session.newSession()
    for name, value in REFERENCE.items():
        session.conf.set(name, value)
    return session


def register(session: SparkSession, relations: Mapping[str, FileRelation]) -> None:
    """Make relations visible to Spark as views of the same names."""
    for name, relation in relations.items():
        if relation.partition_columns:
            frame = session.read.option("basePath", _root(relation)).parquet(
                *[f.path for f in relation.files]
            )
        else:
            frame = session.read.parquet(*[f.path for f in relation.files])
        frame.createOrReplaceTempView(name)


def _root(relation: FileRelation) -> str:
    return relation.partitions[0].location.rsplit("/", 1)[0]


class SparkError(Exception):
    """What Spark raised, an exception of its own or one of Java's."""


@contextmanager
def told() -> Iterator[None]:
    """Turn whatever Spark raises into `SparkError`, with the beginning of its message."""
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JJavaError) as error:
        raise SparkError(str(error)[:300]) from error


def on_spark(session: SparkSession, sql: str) -> pa.Table:
    """Run a query on Spark.

    Raises:
        SparkError: If Spark does.
    """
    with told():
        return session.sql(sql).toArrow()


def plan(sql: str, relations: Mapping[str, Relation]) -> Plan:
    """Return a plan whose slots have the relations' names, so that queries need no rewriting."""
    scans = tuple(
        Scan(name, relation.name, relation, ScanEstimate(1, 1, 1, 1))
        for name, relation in relations.items()
    )
    return Plan("test", sql, sql, scans, BoundMapping(()), None, "embedded", "asked for")


def refusals(sql: str, relations: Mapping[str, Relation]) -> tuple[Diagnostic, ...]:
    """Return why the embedded engine refuses a query; empty if it runs it."""
    return EmbeddedEngine().refusals(plan(sql, relations))


def on_embedded(sql: str, relations: Mapping[str, Relation], **options: Any) -> pa.Table:
    """Run a query on the embedded engine."""
    with EmbeddedEngine(**options).read(plan(sql, relations), Access()) as stream:
        return pa.Table.from_batches(list(stream), stream.schema)


class Embedded:
    """The embedded engine with its tables registered once, for many small queries.

    It goes the engine's own way, less the opening of a database for each read.

    Attributes:
        tolerance: The engine's, for those who set it.
    """

    def __init__(self, connection: DuckDBPyConnection, relations: Mapping[str, Relation]) -> None:
        self.tolerance: float | None = None
        self._connection = connection
        self._relations = relations
        self._tables = {
            TableName(PRIVATE_DATABASE, name): Table(TableName(PRIVATE_DATABASE, name), r.columns)
            for name, r in relations.items()
        }

    def analysis(self, sql: str) -> Analysis:
        """Return what is known of a query."""
        return bind(parse(sql, database=PRIVATE_DATABASE), self._tables)

    def refuses(self, sql: str) -> bool:
        """Return whether a query is not in the portable subset."""
        analysis = self.analysis(sql)
        return not analysis.ok or portable.compiled(analysis, str, self.tolerance)[0] is None

    def __call__(self, sql: str) -> pa.Table:
        """Run a query."""
        return self.prepared(sql)()

    def prepared(self, sql: str) -> Callable[..., pa.Table]:
        """Compile a query once, to run it often, texts of it replaced by others each time."""
        analysis = self.analysis(sql)
        named = portable.compiled(
            analysis, lambda t: f"{quoted(t.database)}.{quoted(t.name)}", self.tolerance
        )
        made = named[0]
        if made is None:
            raise ValueError(f"not in the portable subset: {sql}")
        scans = plan(sql, self._relations).scans
        keep_cuts(self._connection, made)
        add_macros(self._connection, made)

        def run(replaced: Mapping[str, str] = MappingProxyType({})) -> pa.Table:
            text = made
            for old, new in replaced.items():
                text = text.replace(old, new)
            with translated(scans, [], []):
                cursor = self._connection.cursor()
                opened = Run(lambda: cursor.execute(text).to_arrow_reader(BATCH_ROWS))
            stream = Stream(opened, analysis.columns, scans, [], [])
            return pa.Table.from_batches(list(stream), stream.schema)

        return run


@contextmanager
def embedded(relations: Mapping[str, FileRelation]) -> Iterator[Embedded]:
    """Open the embedded engine over some tables."""
    with database(memory_limit=None, threads=1, remote=False) as connection:
        registrar = Registrar(connection, Access(), [], [])
        for scan in plan("SELECT 1", relations).scans:
            registrar.register(scan, Used.all_of(scan.relation.columns))
        yield Embedded(connection, relations)
