"""Columns that a table declares and its files do not have: NULL, as in Spark, and told.

A column that was added later is not in older files, and nobody wonders. One that no file has, or
whose place a column unknown to the table has taken, was likely renamed: its NULLs are not data.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from headwater.diagnostics import Diagnostic, Severity, did_you_mean
from headwater.engines.embedded.formats.scans import Scan
from headwater.tables.relation import FileRelation

_SHOWN: Final = 5


def missing_columns(
    relation: FileRelation, scans: Sequence[Scan], used: frozenset[str]
) -> list[Diagnostic]:
    """Return a warning for each used column whose NULLs look like a mistake.

    Args:
        relation: The table.
        scans: Its files, grouped by the columns that they have.
        used: Names of the columns that the query uses, casefolded.
    """
    total = sum(len(s.files) for s in scans)
    declared = {c.name.casefold() for c in relation.columns}
    diagnostics = []
    for column in relation.data_columns:
        lacking = [s for s in scans if column.name in s.absent]
        count = sum(len(s.files) for s in lacking)
        others = {name for s in lacking for name in s.others}
        strange = sorted(name for name in others if name.casefold() not in declared)
        if column.name.casefold() not in used or not count or (count < total and not strange):
            continue
        where = "none of its files has" if count == total else f"{count} of {total} files lack"
        message = f"{relation.name}: {where} the column {column.name!r}"
        if count < total:
            message += f" (e.g. {lacking[0].files[0].path})"
        message += ": NULL in their rows, as in Spark"
        hint = "was it never written, or left out by its writer?"
        if strange:
            shown = ", ".join(strange[:_SHOWN])
            hint = did_you_mean(column.name, strange) or "was it renamed?"
            hint += f" columns of these files that the table does not declare: {shown}"
        diagnostics.append(Diagnostic("missing-column", message, Severity.WARNING, hint=hint))
    return diagnostics
