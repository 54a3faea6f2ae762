"""A query against a live Glue catalog: every finding at once, and nothing is run.

Core's toolkit reads, guards, binds and types; what only Glue knows is added here as remarks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from headwater.auth.credentials import Access
from headwater.diagnostics import Diagnostic, Severity
from headwater.errors import QueryError
from headwater.planning.bound_query import bind_query
from headwater.sql import Validation
from headwater.sql.analysis import Analysis
from headwater.tables.table import Table
from headwater_glue.descriptions import GlueDetail
from headwater_glue.kinds import Kind
from headwater_glue.partition_projection.partitions import InjectedAxis

if TYPE_CHECKING:
    from headwater_glue.source import GlueDataSource


def validate(
    source: GlueDataSource, query: str | None = None, access: Access | None = None
) -> Validation:
    """Check a query against the tables that it names, as they are in Glue now.

    Args:
        source: Whose catalog, whose databases; its identity asks.
        query: Spark SQL; the source's own if left out.
        access: The opened identity; it is opened and closed here if left out.

    Returns:
        Every finding, the output columns, and whether every engine answers alike. Views are
        expanded; findings in them are told as the view's.

    Raises:
        SourceError, AuthError: If Glue does not answer, or the database does not exist.
    """
    if access is None:
        with source.access() as opened:
            return validate(source, query, opened)
    from headwater.sql import portable
    from headwater.sql.validation import OutputColumn

    text = source.sql() if query is None else query
    catalog = source.catalog(access)
    try:
        analysis = bind_query(source, catalog, text).analysis
    except QueryError as error:
        return Validation(text, error.diagnostics, (), ())
    return Validation(
        text,
        (*analysis.diagnostics, *remarks(analysis)),
        analysis.parsed.table_names,
        tuple(OutputColumn(c.name, str(c.type)) for c in analysis.columns),
        portable.refusals(analysis),
    )


def remarks(analysis: Analysis) -> Iterator[Diagnostic]:
    """Yield remarks on a valid query over Glue's tables, never errors."""
    for name in analysis.parsed.table_names:
        table = analysis.tables.get(name)
        if table is not None and isinstance(table.detail, GlueDetail):
            yield from _of_table(table, table.detail)


def _of_table(table: Table, detail: GlueDetail) -> Iterator[Diagnostic]:
    if detail.how.format == "hive-csv":
        declared = [c.name for c in detail.entry.storage.columns if c.type.lower() != "string"]
        if declared:
            yield _remark(
                "text-columns",
                f"{table.name} is read by OpenCSVSerde, which gives texts; declared otherwise: "
                f"{', '.join(declared)}",
                "cast them in the query",
            )
    if detail.kind is Kind.MANIFEST:
        yield _remark(
            "manifest",
            f"{table.name} is read by a manifest: what was written since is not in it",
            "register the table in its own format to read its newest state",
        )
    if detail.projection is not None:
        injected = [
            key.name
            for key, axis in zip(detail.projection.keys, detail.projection.axes, strict=True)
            if isinstance(axis, InjectedAxis)
        ]
        if injected:
            yield _remark(
                "injected-partition",
                f"{table.name}: the partition key {injected[0]!r} is injected",
                f"the query must say WHERE {injected[0]} = '...'",
            )


def _remark(code: str, message: str, hint: str) -> Diagnostic:
    return Diagnostic(code, message, Severity.INFO, hint=hint)
