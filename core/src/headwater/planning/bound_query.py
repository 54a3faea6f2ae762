"""Resolving: from a source's query to one whose every name is bound and every rule applied."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TypeAlias

from headwater.diagnostics import Diagnostic, Span, diagnostics_of, errors_in
from headwater.errors import HeadwaterError, PluginError, QueryError, TableNotFoundError
from headwater.interfaces.data_source import DataSource
from headwater.sql.analysis import Analysis, ParsedQuery
from headwater.sql.binding.binder import bind
from headwater.sql.parser import parse
from headwater.sql.rewriting import Edit, RewriteRule, apply, edited_spans, shifted
from headwater.tables.table import Catalog, Table, TableName
from headwater.untrusted import limits

Validator: TypeAlias = Callable[[Analysis], Iterable[Diagnostic]]
"""What looks at every query, and may have findings."""

_THREADS = 8

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class BoundQuery:
    """A source's query, bound against its catalog.

    Args:
        source: Where the rows come from.
        catalog: The source's catalog, as opened for this operation.
        query: The user's text.
        analysis: Of the text after all rewrite rules; without errors.
        rewritten_by: The installed plugins' rules that changed it, as `PluginRegistry.name` calls
            them.
        remarks: What installed plugins' validators found, errors excluded.
    """

    source: DataSource
    catalog: Catalog
    query: str
    analysis: Analysis
    rewritten_by: tuple[str, ...] = ()
    remarks: tuple[Diagnostic, ...] = ()

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What the user should know about the query and its tables."""
        return (*_findings(self.analysis), *self.remarks)


def bind_query(
    source: DataSource,
    catalog: Catalog,
    query: str | ParsedQuery,
    *,
    rules: Mapping[str, RewriteRule] | None = None,
    validators: Mapping[str, Validator] | None = None,
) -> BoundQuery:
    """Return a query whose tables were found, whose names are bound, whose rules are applied.

    Only the tables that the query names are fetched, in parallel.

    Args:
        source: Where the rows come from; says which databases the query may name, and has rewrite
            rules of its own, which come first.
        catalog: Where its tables are looked up.
        query: Spark SQL; or what it was parsed to, for this source.
        rules: Rewrite rules of installed plugins, by what they are called, folded in order, over
            and over until none has anything to say.
        validators: What else looks at the query, by what it is called.

    Raises:
        QueryError: With every finding, if the query is refused.
        SourceError, AuthError: If the catalog does not answer.
        PluginError: If a rule or a validator fails; names it, and keeps what it raised as cause.
    """
    rules, validators = rules or {}, validators or {}
    own = f"rewrite rule of the {source.kind} source"
    in_order = [*((own, rule) for rule in source.rewrite_rules()), *rules.items()]
    parsed = query if isinstance(query, ParsedQuery) else parsed_for(source, query)
    text = parsed.text
    analysis = _analyse(parsed, catalog, {}, source)
    _refuse(_findings(analysis), source)
    changed_by: dict[str, None] = {}
    own_texts: list[tuple[Span, ...]] = [() for _ in in_order]
    for _ in range(limits.VIEW_LEVELS):
        changed = False
        for place, (name, rule) in enumerate(in_order):
            with _named(name):
                edits = tuple(rule(replace(analysis, own=own_texts[place])) or ())
                edited = _edited(analysis, edits) if edits else None
            if edited is not None:
                changed = True
                own_texts = [shifted(spans, edits) for spans in own_texts]
                own_texts[place] += edited_spans(edits)
                changed_by |= {name: None} if name in rules else {}
                with _after(tuple(changed_by)):
                    parsed = _reread(edited, source)
                    analysis = _analyse(parsed, catalog, analysis.tables, source)
                    _refuse(_findings(analysis), source)
        if not changed:
            break
    else:
        by = f"; {' and '.join(changed_by)} changed it" if changed_by else ""
        raise QueryError(
            f"the query's views are nested deeper than {limits.VIEW_LEVELS} levels, or name each "
            f"other{by}",
            hint="query the tables under the views"
            if not changed_by
            else "a rule must have nothing to say of a text that it has changed already; "
            "`analysis.is_own(reference.span)` tells what it has made",
        )
    remarks: list[Diagnostic] = []
    for name, validator in validators.items():
        with _named(name):
            diagnostics = diagnostics_of(validator(analysis))
        with _after(tuple(changed_by)):
            _refuse(diagnostics, source, by=f" by the {name}")
        remarks += diagnostics
    _log.debug(
        "query on %s: bound, %d tables, %d columns%s",
        source.kind,
        len(analysis.tables),
        len(analysis.columns),
        f", changed by {', '.join(changed_by)}" if changed_by else "",
    )
    return BoundQuery(source, catalog, text, analysis, tuple(changed_by), tuple(remarks))


def parsed_for(source: DataSource, query: str) -> ParsedQuery:
    """Return a query as a source allows it: over its databases, read before a catalog is asked."""
    return parse(query, database=source.default_database, databases=source.allowed_databases)


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Let what a rule or validator raises say whose it is; its cause and traceback stay.

    Raises:
        HeadwaterError: The same, where it is headwater's own.
        PluginError: For every other exception.
    """
    try:
        yield
    except HeadwaterError as error:
        raise error.noted(f"raised by the {name}") from (error.__cause__ or error)
    except Exception as error:
        raise PluginError(
            f"the {name} failed on this query: {type(error).__name__}: {error}",
            hint="this is for its author; `headwater plugins` lists what is installed",
            retryable=bool(getattr(error, "retryable", False)),
        ) from error


@contextmanager
def _after(rules: Sequence[str]) -> Iterator[None]:
    """Let a refusal say that the text it shows is not the user's own."""
    try:
        yield
    except QueryError as error:
        if not rules:
            raise
        note = f"the text below is not yours: changed by the {' and the '.join(rules)}"
        raise error.noted(note) from (error.__cause__ or error)


def _edited(analysis: Analysis, edits: Sequence[Edit]) -> str:
    """Return the text with its edits, if that is not too long: each use repeats a view's text."""
    length = len(analysis.text) + sum(len(e.text) for e in edits)
    if length > limits.QUERY_CHARACTERS:
        raise QueryError(
            f"with views and rules written out the query has {length:,} "
            f"characters; {limits.QUERY_CHARACTERS:,} are the most",
            code="too-much-work",
            hint="query the tables under the views, or keep what a view gives as a table",
        )
    return apply(analysis.text, edits)


def _reread(text: str, source: DataSource) -> ParsedQuery:
    """Return a text that rules have edited, read anew.

    What a catalog's own views name was not written by the user: any database goes.
    """
    named = {name.database for name in parse(text).table_names}
    return parse(text, database=source.default_database, databases=named)


def _analyse(
    parsed: ParsedQuery, catalog: Catalog, described: Mapping[TableName, Table], source: DataSource
) -> Analysis:
    _refuse(parsed.diagnostics, source)
    tables, missing = fetch(catalog, parsed.table_names, described)
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
    return bind(parsed, tables)


def fetch(
    catalog: Catalog, names: Sequence[TableName], described: Mapping[TableName, Table] | None = None
) -> tuple[dict[TableName, Table], dict[TableName, TableNotFoundError]]:
    """Return the tables of these names, and an error for each that there is not.

    Args:
        catalog: Where to look.
        names: Full names.
        described: Tables that need not be fetched again.

    Raises:
        SourceError, AuthError: If the catalog does not answer.
    """
    tables = {n: t for n, t in (described or {}).items() if n in names}
    unknown_names = [n for n in names if n not in tables]
    missing: dict[TableName, TableNotFoundError] = {}

    def one(name: TableName) -> Table | TableNotFoundError:
        try:
            return catalog.table(name)
        except TableNotFoundError as error:
            return error

    if unknown_names:
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="headwater-catalog") as pool:
            for name, answer in zip(unknown_names, pool.map(one, unknown_names), strict=True):
                if isinstance(answer, Table):
                    tables[name] = answer
                else:
                    missing[name] = answer
    return tables, missing


def _findings(analysis: Analysis) -> tuple[Diagnostic, ...]:
    """Return what is found in a query, and what is to be known of its tables."""
    notes = (note for table in analysis.tables.values() for note in table.notes)
    return (*analysis.diagnostics, *notes)


def _refuse(diagnostics: Iterable[Diagnostic], source: DataSource, *, by: str = "") -> None:
    findings = tuple(diagnostics)
    if errors_in(findings):
        raise QueryError(f"the query of this {source.kind} source is refused{by}", findings)
