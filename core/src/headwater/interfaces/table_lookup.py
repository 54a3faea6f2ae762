"""Looking a query's tables up for an examination: each for itself, none stopping another."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from headwater.diagnostics import Diagnostic
from headwater.errors import HeadwaterError
from headwater.interfaces.report import CheckStage, Status
from headwater.tables.table import Catalog, Table, TableName


@dataclass(frozen=True, slots=True)
class LookedUp:
    """The tables that a query names, looked up in a catalog.

    Args:
        tables: Those there are.
        errors: Why each of the others could not be looked up.
    """

    tables: Mapping[TableName, Table] = field(default_factory=dict)
    errors: Mapping[TableName, HeadwaterError] = field(default_factory=dict)


def look_up(catalog: Catalog, names: Sequence[TableName]) -> LookedUp:
    """Return the tables of these names, and the error of each that can't be looked up.

    Args:
        catalog: Where to look.
        names: Full names.
    """
    tables: dict[TableName, Table] = {}
    errors: dict[TableName, HeadwaterError] = {}
    for name in dict.fromkeys(names):
        try:
            tables[name] = catalog.table(name)
        except HeadwaterError as error:
            errors[name] = error
    return LookedUp(tables, errors)


def tables_stage(lookup: LookedUp, reported: Collection[str] = ()) -> CheckStage:
    """Return the stage `tables`: which of them there are, and what they are.

    Args:
        lookup: The tables and errors.
        reported: Codes of errors that an earlier stage has explained; they are not explained again.
    """
    total = len(lookup.tables) + len(lookup.errors)
    if not total:
        return CheckStage.skipped("tables", "the query names none that can be told")
    details = {str(name): _details(table) for name, table in lookup.tables.items()}
    tables_text = ", ".join(f"{name} ({_summary(table)})" for name, table in lookup.tables.items())
    diagnostics = [
        Diagnostic(
            "unqueryable-table",
            f"{name} can't be queried: {table.unqueryable}",
            hint="query another table, or have this one written in a way that can be read",
        )
        for name, table in lookup.tables.items()
        if table.unqueryable
    ]
    fresh = {n: e for n, e in lookup.errors.items() if e.code not in reported}
    diagnostics += [Diagnostic(e.code, e.message, hint=e.hint) for e in fresh.values()]
    missing = ", ".join(str(n) for n in lookup.errors)
    summary = tables_text
    if lookup.errors:
        summary = f"{len(lookup.tables)} of {total} found; not {missing}" + (
            f"; found: {tables_text}" if tables_text else ""
        )
    status = Status.FAILED if diagnostics else Status.SKIPPED if lookup.errors else Status.OK
    return CheckStage("tables", status, summary, tuple(diagnostics), {"tables": details})


def _summary(table: Table) -> str:
    keys = f", partitioned by {', '.join(table.partition_keys)}" if table.partition_keys else ""
    return f"{table.kind}, {len(table.columns)} columns{keys}"


def _details(table: Table) -> dict[str, object]:
    return {
        "kind": table.kind,
        "location": table.location,
        "columns": len(table.columns),
        "partition_keys": list(table.partition_keys),
    }
