"""From a table's entry in Glue to the `Table` that core checks queries against."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from headwater.diagnostics import Diagnostic, Severity
from headwater.errors import SourceError
from headwater.tables.table import Column, Table, TableName
from headwater_aws.lakes.delta import DeltaState
from headwater_aws.lakes.iceberg import IcebergState
from headwater_aws.lakes.spark_schema import spark_columns
from headwater_glue.entry import GlueColumn, GlueTable
from headwater_glue.hive_types import column_type, malformed
from headwater_glue.kinds import Kind, classify, data_location
from headwater_glue.partition_projection.partitions import Projection
from headwater_glue.partition_projection.properties import projection_of
from headwater_glue.serde import Reading, reader_columns, reading, spark_reading

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class GlueDetail:
    """The details of a table: `Table.detail` of this plugin.

    Args:
        entry: The table itself; behind resource links, the one they lead to.
        kind: What it is.
        links: The resource links that were followed, outermost first.
        how: How its files are read, for a table of files.
        projection: Its partitions as a rule, where it declares one.
        state: The snapshot or version that is current, of an Iceberg or Delta table.
        view: The Spark SQL that a view stands for.
    """

    entry: GlueTable
    kind: Kind
    links: tuple[GlueTable, ...] = ()
    how: Reading = field(default_factory=Reading)
    projection: Projection | None = None
    state: IcebergState | DeltaState | None = None
    view: str | None = None


_FILES = (Kind.HIVE, Kind.SPARK, Kind.MANIFEST)


def describe(
    name: TableName,
    entry: GlueTable,
    *,
    links: tuple[GlueTable, ...] = (),
    state: IcebergState | DeltaState | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Table:
    """Return a table as core knows it. What can't be read is said, not raised.

    Args:
        name: The name under which it was asked for.
        entry: What Glue holds of it; behind links, of the table that they lead to.
        links: The links that were followed.
        state: The current state of an Iceberg or Delta table; its columns are the true ones.
        now: Clock behind the `NOW` of partition projection.
    """
    try:
        return _described(name, entry, links, state, now)
    except Exception as error:  # noqa: BLE001
        # No table may hide the others, whatever its writer put into it.
        _log.warning("what Glue holds of %s can't be read", name, exc_info=error)
        why = f"what Glue holds of it can't be read: {type(error).__name__}: {str(error)[:200]}"
        return Table(name, (), kind="unknown", unqueryable=why, problem=why)


def _described(
    name: TableName,
    entry: GlueTable,
    links: tuple[GlueTable, ...],
    state: IcebergState | DeltaState | None,
    now: Callable[[], datetime],
) -> Table:
    classified = classify(entry)
    unqueryable, how, projection, problem = classified.unqueryable, Reading(), None, None
    if classified.kind in _FILES:
        how = _how(entry, classified.kind)
        unqueryable = unqueryable or how.refused
        try:
            projection = projection_of(entry, now)
        except SourceError as error:
            problem = error.message
            # A query's error has this text alone, so what to do belongs to it.
            unqueryable = unqueryable or f"{problem}; {error.hint}"
    detail = GlueDetail(entry, classified.kind, links, how, projection, state)
    data, keys = (state.columns, ()) if state is not None else _columns(entry, detail)
    folded = {k.name.lower() for k in keys}
    twice = [c.name for c in data if c.name.lower() in folded] if classified.kind in _FILES else []
    data = tuple(c for c in data if c.name not in twice)
    return Table(
        name=name,
        columns=(*data, *keys),
        partition_keys=tuple(k.name for k in keys) if classified.kind in _FILES else (),
        kind=str(classified.kind),
        location=data_location(entry) or None,
        detail=detail,
        unqueryable=unqueryable or _without_columns(classified.kind, data + keys),
        notes=(
            *((_governed(name),) if entry.lake_formation else ()),
            *((_keys_in_files(name, twice),) if twice else ()),
        ),
        problem=problem or _malformed((*data, *keys)),
    )


def _malformed(columns: tuple[Column, ...]) -> str | None:
    """Return which columns' types can't be read, and why the first of them can't."""
    wrong = [(c.name, why) for c in columns if (why := malformed(c.type)) is not None]
    if not wrong:
        return None
    (name, why), *more = wrong
    others = f", and {len(more)} more" if more else ""
    return f"the type of column {name!r} can't be read: {why}{others}"


def _governed(name: TableName) -> Diagnostic:
    return Diagnostic(
        "lake-formation",
        f"{name} is governed by Lake Formation: Glue shows those of its columns and partitions "
        "that are granted to this identity",
        Severity.INFO,
    )


def _keys_in_files(name: TableName, keys: list[str]) -> Diagnostic:
    return Diagnostic(
        "key-in-files",
        f"{name} lists its partition key {', '.join(keys)} among its columns too: the value is the "
        "partition's, and what the files hold under that name is not read",
        Severity.WARNING,
        hint="take it out of the table's columns: Athena refuses a table that has it twice",
    )


def _without_columns(kind: Kind, columns: tuple[Column, ...]) -> str | None:
    # A link's columns are its target's; Iceberg and Delta keep their own.
    if columns or kind in (Kind.LINK, Kind.ICEBERG, Kind.DELTA):
        return None
    return "Glue names no columns for it"


def _how(entry: GlueTable, kind: Kind) -> Reading:
    if kind is Kind.SPARK:
        return spark_reading(entry.parameter("spark.sql.sources.provider").lower(), entry.storage)
    if kind is Kind.MANIFEST and not entry.storage.serde:
        return Reading("parquet")
    return reading(entry.storage, entry.parameters)


def _columns(entry: GlueTable, detail: GlueDetail) -> tuple[tuple[Column, ...], tuple[Column, ...]]:
    """Return data columns and partition keys, in the order of `SELECT *`.

    Spark's own copy of the schema wins where it still names the same columns: it keeps the case of
    names, also inside structs, which decides what JSON files give.
    """
    data = reader_columns(entry.storage.columns, detail.how)
    keys = tuple(_column(k) for k in entry.partition_keys)
    filed = spark_columns(entry.parameters)
    if filed is None or detail.kind.is_view:
        return data, keys
    folded = {k.name.lower() for k in keys}
    filed_data = tuple(c for c in filed if c.name.lower() not in folded)
    placeholder = detail.kind in (Kind.SPARK, Kind.HUDI)
    if not placeholder and not _same_columns(filed_data, data):
        return data, keys
    spelled = {c.name.lower(): c for c in filed}
    return filed_data, tuple(spelled.get(k.name.lower(), k) for k in keys)


def _same_columns(one: tuple[Column, ...], other: tuple[Column, ...]) -> bool:
    def folded(columns: tuple[Column, ...]) -> list[tuple[str, str]]:
        return [(c.name.lower(), str(c.type).lower()) for c in columns]

    return folded(one) == folded(other)


def _column(key: GlueColumn) -> Column:
    return Column(key.name, column_type(key.type), key.comment)
