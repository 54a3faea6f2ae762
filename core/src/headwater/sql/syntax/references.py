"""Where a query names tables, and which tables these are."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from sqlglot import exp

from headwater.diagnostics import Diagnostic, Span, did_you_mean
from headwater.sql.analysis import TableReference
from headwater.sql.syntax.words import words
from headwater.tables.table import TableName

_FILE_FORMATS: Final = words(
    """
    avro binaryfile csv delta hive hudi iceberg image jdbc json kafka libsvm orc parquet rate socket
    text xml
    """
)
_CHILDLESS: Final = frozenset([exp.Identifier, exp.Literal])
"""Most nodes of a tree."""
_PATH_CHARACTERS: Final = frozenset("/\\:*?")


def find(
    tree: exp.Expr, text: str, *, database: str | None, databases: Collection[str] | None
) -> tuple[list[TableReference], list[Diagnostic]]:
    """Return a query's table references in the order of the text, and which are not allowed.

    A name that a WITH clause defines is no table. One table that is spelled in several ways has one
    name, the first.

    Args:
        tree: The query.
        text: Its text.
        database: Where tables without a database lie.
        databases: Databases that may be named besides; None where neither is given allows all.
    """
    references: list[TableReference] = []
    findings: list[Diagnostic] = []
    spelled: dict[tuple[str, str], TableName] = {}
    allowed = None if database is None and databases is None else {*(databases or ()), database}
    tables = sorted(_tables(tree), key=_start)
    for node in tables:
        reference = _reference(node, database)
        if reference is None:
            findings.append(_unplaced(node, text))
            continue
        finding = _forbidden(reference, text, {a for a in allowed if a} if allowed else None)
        if finding is not None:
            findings.append(finding)
            continue
        name = reference.name
        first = spelled.setdefault((name.database.casefold(), name.name.casefold()), name)
        references.append(TableReference(first, reference.span, reference.alias, node))
    return references, findings


def _start(node: exp.Table) -> int:
    return min((i.meta.get("start", 0) for i in _identifiers(node.this)), default=0)


def _tables(tree: exp.Expr) -> Iterator[exp.Table]:
    """Yield the tables in a tree that no WITH clause in force defines."""
    todo: list[tuple[exp.Expr, frozenset[str]]] = [(tree, frozenset())]
    while todo:
        node, ctes = todo.pop()
        if isinstance(node, exp.Table) and not isinstance(node.this, exp.Anonymous):
            named = bool(_identifiers(node.this))  # else the guard refuses what stands there
            qualified = node.args.get("db") is not None
            if named and (qualified or node.name.casefold() not in ctes):
                yield node
        with_ = node.args.get("with_")
        if isinstance(with_, exp.With):
            for cte in with_.expressions:
                name = cte.alias.casefold()
                todo.append((cte.this, ctes | {name} if with_.args.get("recursive") else ctes))
                ctes |= {name}
        todo += [
            (child, ctes)
            for child in node.iter_expressions()
            if child is not with_ and type(child) not in _CHILDLESS
        ]


def _reference(node: exp.Table, database: str | None) -> TableReference | None:
    db, catalog = node.args.get("db"), node.args.get("catalog")
    place = db.name if db is not None else database
    if place is None:
        return None
    parts = [i for p in (catalog, db, node.this) if p is not None for i in _identifiers(p)]
    # What sqlglot makes of a text that is no SQL may have its parts in any order.
    starts = [p.meta.get("start", 0) for p in parts]
    span = Span(min(starts), max(p.meta.get("end", 0) + 1 for p in parts))
    name = TableName(place, parts[-1].name, catalog.name if catalog is not None else None)
    return TableReference(name, span, node.alias or None, node)


def _identifiers(node: exp.Expr) -> list[exp.Identifier]:
    """The parts of a name; sqlglot keeps the last two of four in a Dot."""
    return list(node.find_all(exp.Identifier, bfs=False))


def _unplaced(node: exp.Table, text: str) -> Diagnostic:
    at = Span(node.this.meta.get("start", 0), node.this.meta.get("end", 0) + 1)
    return Diagnostic(
        "no-database", f"table {node.name!r} is named without a database, and none is given",
        span=at, text=text, hint=f"write my_database.{node.name}, or give the query's database",
    )  # fmt: skip


def _forbidden(
    reference: TableReference, text: str, allowed: Collection[str] | None
) -> Diagnostic | None:
    name, span = reference.name, reference.span
    if name.catalog is not None:
        return Diagnostic(
            "catalog-name", f"{name} names a catalog; a source reads its own", span=span, text=text,
            hint=f"write {name.database}.{name.name}",
        )  # fmt: skip
    if _PATH_CHARACTERS & set(name.name) or (
        name.database.casefold() in _FILE_FORMATS
        and (allowed is None or name.database not in allowed)
    ):
        return Diagnostic(
            "path-table", f"{text[span.start : span.end]} names files, not a table", span=span,
            text=text, hint="name a table of the source; only those are read",
        )  # fmt: skip
    folded = {a.casefold() for a in allowed} if allowed is not None else None
    if folded is not None and name.database.casefold() not in folded:
        guess = did_you_mean(name.database, allowed or ())
        return Diagnostic(
            "forbidden-database", f"database {name.database!r} is not one that this source allows",
            span=span, text=text,
            hint=guess or f"allow it: databases=[{name.database!r}]",
        )  # fmt: skip
    return None
