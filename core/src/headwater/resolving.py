"""Resolving: from a source's query to one whose every name is bound and every rule applied."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from headwater.diagnostics import Diagnostic, errors_in
from headwater.errors import QueryError, TableNotFoundError
from headwater.source import DataSource
from headwater.sql.analysis import Analysis, ParsedQuery
from headwater.sql.parse import parse
from headwater.sql.resolve import resolve
from headwater.sql.rewriting import RewriteRule, apply
from headwater.table import Catalog, Table, TableName

MAX_ROUNDS = 10
"""Views may be made of views; deeper than this is taken for a cycle."""

_THREADS = 8


@dataclass(frozen=True, slots=True, eq=False)
class Resolved:
    """A source's query, resolved against its catalog.

    Args:
        source: Where the rows come from.
        catalog: The source's catalog, as opened for this operation.
        query: The user's text.
        analysis: Of the text after all rewrite rules; without errors.
    """

    source: DataSource
    catalog: Catalog
    query: str
    analysis: Analysis

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What the user should know about the query and its tables."""
        return _findings(self.analysis)


def resolve_query(
    source: DataSource,
    catalog: Catalog,
    text: str,
    *,
    rules: Sequence[RewriteRule] = (),
    validators: Sequence[Callable[[Analysis], Iterable[Diagnostic]]] = (),
) -> Resolved:
    """Return a query whose tables were found, whose names are bound, whose rules are applied.

    Only the tables that the query names are fetched, in parallel.

    Args:
        source: Where the rows come from; says which databases the query may name.
        catalog: Where its tables are looked up.
        text: Spark SQL.
        rules: Rewrite rules, folded in order, over and over until none has anything to say.
        validators: What else looks at the query.

    Raises:
        QueryError: With every finding, if the query is refused.
        SourceError, AuthError: If the catalog does not answer.
    """
    parsed = parse(text, database=source.default_database, databases=source.allowed_databases)
    analysis = _analyse(parsed, catalog, {}, source)
    _refuse(_findings(analysis), source)
    for _ in range(MAX_ROUNDS):
        changed = False
        for rule in rules:
            edits = rule(analysis)
            if edits:
                changed = True
                parsed = _reread(apply(analysis.text, edits), source)
                analysis = _analyse(parsed, catalog, analysis.tables, source)
                _refuse(_findings(analysis), source)
        if not changed:
            break
    else:
        raise QueryError(
            f"the query's views are nested deeper than {MAX_ROUNDS} levels, or name each other",
            hint="query the tables under the views",
        )
    _refuse([d for v in validators for d in v(analysis)], source)
    return Resolved(source, catalog, text, analysis)


def _reread(text: str, source: DataSource) -> ParsedQuery:
    """Return a text that rules have edited, read anew.

    What a catalog's own views name was not written by the user: any database goes.
    """
    named = {name.database for name in parse(text).table_names}
    return parse(text, database=source.default_database, databases=named)


def _analyse(
    parsed: ParsedQuery, catalog: Catalog, known: Mapping[TableName, Table], source: DataSource
) -> Analysis:
    _refuse(parsed.diagnostics, source)
    tables, missing = fetch(catalog, parsed.table_names, known)
    findings = [
        Diagnostic(
            "unknown-table",
            missing[r.name].message,
            span=r.span,
            hint=missing[r.name].hint,
            text=parsed.text,
        )
        for r in parsed.references
        if r.name in missing
    ]
    findings += [
        Diagnostic(
            "unqueryable-table",
            f"{r.name} can't be queried: {reason}",
            span=r.span,
            text=parsed.text,
        )
        for r in parsed.references
        if r.name in tables and (reason := tables[r.name].unqueryable)
    ]
    if findings:
        raise QueryError("the query is refused", [*parsed.diagnostics, *findings])
    return resolve(parsed, tables)


def fetch(
    catalog: Catalog, names: Sequence[TableName], known: Mapping[TableName, Table] | None = None
) -> tuple[dict[TableName, Table], dict[TableName, TableNotFoundError]]:
    """Return the tables of these names, and an error for each that there is not.

    Args:
        catalog: Where to look.
        names: Full names.
        known: Tables that need not be fetched again.

    Raises:
        SourceError, AuthError: If the catalog does not answer.
    """
    found = {n: t for n, t in (known or {}).items() if n in names}
    wanted = [n for n in names if n not in found]
    missing: dict[TableName, TableNotFoundError] = {}

    def one(name: TableName) -> Table | TableNotFoundError:
        try:
            return catalog.table(name)
        except TableNotFoundError as error:
            return error

    if wanted:
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="headwater-catalog") as pool:
            for name, answer in zip(wanted, pool.map(one, wanted), strict=True):
                if isinstance(answer, Table):
                    found[name] = answer
                else:
                    missing[name] = answer
    return found, missing


def _findings(analysis: Analysis) -> tuple[Diagnostic, ...]:
    """Return what is found in a query, and what is to be known of its tables."""
    notes = (note for table in analysis.tables.values() for note in table.notes)
    return (*analysis.diagnostics, *notes)


def _refuse(diagnostics: Iterable[Diagnostic], source: DataSource) -> None:
    found = tuple(diagnostics)
    if errors_in(found):
        raise QueryError(f"the query of this {source.kind} source is refused", found)
