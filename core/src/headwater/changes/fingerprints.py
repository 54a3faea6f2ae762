"""Fingerprints: what a window is read from, and how, in a few digits. Pure; nothing is asked.

A window's rows are decided by the files that it is read from, by what is made of them, and by until
when actuals are taken. Where none of these moved, neither did the rows, and no file is opened to
know it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlglot.dialects.spark import Spark

from headwater.engines.used_columns import used_columns
from headwater.errors import UnsupportedError
from headwater.interfaces.mapping import BoundColumn, BoundMapping
from headwater.interfaces.plan import Scan
from headwater.lakes.delta import COLUMN_MAPPING
from headwater.ledger.entries import moment_text
from headwater.planning.planner import Draft
from headwater.planning.shares import Share
from headwater.reading.content_digests import FORM
from headwater.tables.relation import DeltaRelation, FileRelation, IcebergRelation
from headwater.tables.table import Column
from headwater.types import DataType

_COLUMNS: Final = 8
"""Digits of a table's digest that are of its columns, behind those of its files."""
SEMANTICS: Final = 1
"""Raised where a newer headwater may answer otherwise than an older one: every window that was
handed over is offered again."""


def of_definition(draft: Draft, calendar: str) -> str:
    """Return the digest of how the windows of a stretch of time are read.

    Args:
        draft: What their plans are made of.
        calendar: Step and zone of the windows.
    """
    return of_calendar(of_reading(draft), calendar)


def of_calendar(reading: str, calendar: str) -> str:
    """Return the digest of how windows are read.

    Args:
        reading: Digest of how rows are read.
        calendar: Step and zone of the windows.
    """
    return _digest([reading, calendar])


def of_reading(draft: Draft) -> str:
    """Return the digest of how rows are read, whatever the window that they are of.

    Args:
        draft: What a plan is made of.
    """
    request, sides = draft.request, [draft.serving]
    texts = [draft.text]
    if draft.actuals is not None and draft.actuals_text is not None:
        sides.append(draft.actuals)
        texts.append(draft.actuals_text)
    horizon = request.horizon
    return _digest(
        {
            "semantics": [SEMANTICS, FORM],
            "queries": [_words(text) for text in texts],
            "tables": [[s.slot, str(s.table)] for s in draft.scans],
            "rules": [_rule(s) for s in draft.scans],
            "columns": [_columns(side.mapping) for side in sides],
            "horizon": None if horizon is None else horizon.total_seconds(),
            "sample": request.sample,
        }
    )


def used_of(draft: Draft) -> dict[str, frozenset[str]]:
    """Return the columns that the queries use of each table, casefolded, by the slot of its scan.

    Args:
        draft: What the windows' plans are made of.
    """
    columns_of = {}
    for scan in draft.scans:
        side = draft.actuals if scan.gives_actuals and draft.actuals else draft.serving
        columns_of[scan.slot] = used_columns(side.bound.analysis, scan.table).named
    return columns_of


def of_tables(
    shares: Sequence[Share], ignored: frozenset[str], used: Mapping[str, frozenset[str]]
) -> dict[str, str]:
    """Return the digest of a window's share of each table, by the table's name.

    Args:
        shares: What the window needs of each table of a plan.
        ignored: Names of tables whose history does not count.
        used: The columns that count, by the slot of their table (`used_of`).

    Raises:
        UnsupportedError: With code `no-fingerprint`, if nothing tells versions of a table apart.
    """
    digests_of: dict[str, list[tuple[str, str]]] = {}
    for share in shares:
        name = str(share.scan.table)
        if name not in ignored:
            parts = _share(share, used[share.scan.slot])
            digests_of.setdefault(name, []).append((_digest(parts[0]), _digest(parts[1])))
    return {
        name: _together(files) + _together(columns)[:_COLUMNS]
        for name, (files, columns) in (
            (name, zip(*digests_of[name], strict=True)) for name in sorted(digests_of)
        )
    }


def files_part(table: str) -> str:
    """Return what of a table's digest is of its files alone, whatever a query uses of them.

    Args:
        table: What `of_tables` gave of it.
    """
    return table[:-_COLUMNS]


def columns_part(table: str) -> str:
    """Return the rest: of the columns that the query uses, as the files hold them."""
    return table[-_COLUMNS:]


def _together(digests: Sequence[str]) -> str:
    return digests[0] if len(set(digests)) == 1 else _digest(sorted(digests))


def of_share(tables: Mapping[str, str], definition: str, as_of: datetime | None) -> str:
    """Return the digest of all that a window's content is decided by: it is a part of its key."""
    return _digest([dict(tables), definition, None if as_of is None else moment_text(as_of)])[:8]


def _share(share: Share, used: frozenset[str]) -> tuple[Any, Any]:
    """Return what a window's files are, and what the columns are that a query uses of them."""
    relation, scan = share.scan.relation, share.scan
    match relation:
        case FileRelation():
            # Mostly all partitions have the table's own columns.
            plain = _columns_read(relation.data_columns, (), relation.format, used)
            groups, columns = {}, []
            for n in {f.partition for f in relation.files}:
                part = relation.partitions[n]
                format_ = part.format or relation.format
                groups[n] = [part.values, format_, sorted((part.options or {}).items())]
                if part.columns or part.format:
                    own = part.columns or relation.data_columns
                    columns.append([part.values, _columns_read(own, (), format_, used)])
            for file in relation.files:
                if file.etag is None:
                    raise _untold(scan, f"its source tells no version mark of {file.path}")
            files = sorted([f.path, f.etag, f.size, groups[f.partition]] for f in relation.files)
            options = sorted(relation.options.items())
            return ["files", files, options], [plain, sorted(columns, key=str)]
        case IcebergRelation(column_ids=()):
            return ["version", relation.metadata_location, relation.snapshot_id], []
        case DeltaRelation() if COLUMN_MAPPING in relation.features:
            return _version(relation), []
        case IcebergRelation() | DeltaRelation() if share.chosen_by is not None:
            files = sorted([f.path, f.etag, f.size] for f in share.files)
            return files, _ids(relation, used)
        case IcebergRelation():
            return ["version", relation.snapshot_id], _ids(relation, used)
        case DeltaRelation():
            return _version(relation), []
    raise _untold(scan, f"it is read from a {type(relation).__name__}, which has no versions")


def _version(relation: DeltaRelation) -> Sequence[Any]:
    """Return what pins a Delta table; its versions are counted anew where it is made anew."""
    table_id = [] if relation.table_id is None else [relation.table_id]
    return ["version", relation.location, relation.version, *table_id]


def _ids(relation: IcebergRelation | DeltaRelation, used: frozenset[str]) -> Sequence[Any]:
    if isinstance(relation, DeltaRelation):
        return ()  # without a column mapping, a name is the same column for ever
    return _columns_read(relation.columns, relation.column_ids, "iceberg", used)


def _columns_read(
    columns: Sequence[Column], ids: Sequence[str], format_: str, used: frozenset[str]
) -> list[list[Any]]:
    """Return what the columns that a query uses are in a table's files, whatever these hold.

    A column may be another under the same name: dropped and added anew in a lake; in text, one of
    another place in the line, or of another type, by which its text is read.
    """
    columns_read: list[list[Any]] = []
    for place, column in enumerate(columns):
        name = column.name.casefold()
        if name not in used:
            continue
        if ids:
            columns_read.append([name, ids[place]])
        elif format_ in _BY_PLACE:
            columns_read.append([name, place, str(column.type)])
        else:
            columns_read.append(
                [name, str(column.type) if format_ in _TEXT else _kind(column.type)]
            )
    return sorted(columns_read)


_BY_PLACE: Final = frozenset({"csv", "hive-text", "hive-csv"})
"""Formats in which a column is what stands at its place of a line."""
_TEXT: Final = frozenset({"json", "hive-json"})
"""Others whose values are what a column's type makes of a text."""


def _untold(scan: Scan, why: str) -> UnsupportedError:
    return UnsupportedError(
        f"nothing tells whether table {scan.table} changed: {why}",
        code="no-fingerprint",
        hint="read it from files, Iceberg or Delta; or, if its history does not count, name it in "
        "windows: {ignore: [...]}",
    )


def _words(text: str) -> list[str]:
    """Return a query's words: comments, blanks and line ends are none."""
    return [f"{token.token_type.name} {token.text}" for token in Spark().tokenize(text)]


def _rule(scan: Scan) -> str | None:
    return None if scan.rule is None else repr(scan.rule)


def _columns(mapping: BoundMapping) -> list[Any]:
    columns = [_column(c) for c in mapping]
    if mapping.label_timestamp is not None:
        columns.append(["label time", mapping.label_timestamp.column])
    return columns


def _column(bound: BoundColumn) -> list[Any]:
    """Return what an output column is, its type as it is delivered and no narrower."""
    type_ = str(bound.field_type) if bound.field_type is not None else _kind(bound.source_type)
    dimensions = list(bound.field.dimensions or ()) if bound.field is not None else []
    return [bound.name, str(bound.role), bound.column, type_, dimensions]


def _kind(type_: DataType) -> str:
    if type_.is_text:
        return "text"
    if type_.name in ("float", "double"):
        return "floating"
    return "integer" if type_.is_integer else type_.name


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
