"""Fingerprints: what a window is read from, and how, in a few digits. Pure; nothing is asked.

A window's rows are decided by the files that it is read from, by what is made of them, and by until
when actuals are taken. Where none of these moved, neither did the rows, and no file is opened to
know it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence, Set
from datetime import datetime
from typing import Any, Final

from sqlglot.dialects.spark import Spark

from headwater.engines.used_columns import used_columns
from headwater.errors import UnsupportedError
from headwater.interfaces.mapping import BoundColumn, BoundMapping
from headwater.interfaces.plan import Scan
from headwater.interfaces.schema import Role
from headwater.lakes.delta import COLUMN_MAPPING
from headwater.ledger.entries import moment_text
from headwater.planning.planner import Draft, MappedQuery
from headwater.planning.shares import Share
from headwater.reading.content_digests import FORM
from headwater.sql.analysis import Scope, Source, TableReference
from headwater.tables.relation import DataFile, DeltaRelation, FileRelation, IcebergRelation
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


def of_ids(draft: Draft) -> str:
    """Return the digest of how ids are made, of predictions and of labels.

    Where it is another, an id that was kept may be spelled otherwise today. A column of a table is
    told by its name; what a query computes, by the whole query.

    Args:
        draft: What the windows' plans are made of.
    """
    sides = [draft.serving, *([draft.actuals] if draft.actuals is not None else [])]
    return _digest([_id_of(side) for side in sides])


def _id_of(side: MappedQuery) -> list[str]:
    column = side.mapping.role(Role.ID)
    if column is None:
        return []
    analysis, name = side.bound.analysis, column.column
    source: Source | None = analysis.root
    while isinstance(source, Scope):
        outputs = [o for o in source.outputs if o.name.casefold() == name.casefold()]
        origin = outputs[0].origin if len(outputs) == 1 and not source.branches else None
        if origin is None or origin.fields:
            break
        source, name = origin.scope.sources.get(origin.source), origin.column
    if isinstance(source, TableReference):
        return [str(source.name), name.casefold(), str(column.source_type)]
    return _words(analysis.text)


class Tables:
    """The digests of windows' shares of tables: what a table says of all windows is made once.

    Args:
        draft: What the windows' plans are made of.
    """

    def __init__(self, draft: Draft) -> None:
        self._used: dict[str, frozenset[str]] = {}
        for scan in draft.scans:
            side = draft.actuals if scan.gives_actuals and draft.actuals else draft.serving
            self._used[scan.slot] = used_columns(side.bound.analysis, scan.table).named
        self._files: dict[str, _Files] = {}

    def of(self, shares: Sequence[Share], ignored: Set[str] = frozenset()) -> dict[str, str]:
        """Return the digest of a window's share of each table, by the table's name.

        Args:
            shares: What the window needs of each table of a plan.
            ignored: Names of tables whose history does not count.

        Raises:
            UnsupportedError: With code `no-fingerprint`, if nothing tells a table's versions apart.
        """
        digests_of: dict[str, list[tuple[str, str]]] = {}
        for share in shares:
            name = str(share.scan.table)
            if name not in ignored:
                digests_of.setdefault(name, []).append(self._share(share))
        return {
            name: _together(files) + _together(columns)[:_COLUMNS]
            for name, (files, columns) in (
                (name, zip(*digests_of[name], strict=True)) for name in sorted(digests_of)
            )
        }

    def _share(self, share: Share) -> tuple[str, str]:
        """Return what a window's files are, and what the columns are that a query uses of them."""
        scan, used = share.scan, self._used[share.scan.slot]
        if not isinstance(scan.relation, FileRelation):
            version, columns = _lake_share(share, used)
            return _digest(version), _digest(columns)
        if scan.slot not in self._files:
            self._files[scan.slot] = _Files(scan, scan.relation, used)
        return self._files[scan.slot].digests(share.files)


class _Files:
    """The files of a table, each with the text that is digested of it.

    Args:
        scan: The table.
        relation: Its files.
        used: The columns that count.
    """

    def __init__(self, scan: Scan, relation: FileRelation, used: frozenset[str]) -> None:
        self._scan = scan
        groups = []
        self._own: dict[int, list[Any]] = {}
        for number, part in enumerate(relation.partitions):
            format_ = part.format or relation.format
            groups.append([part.values, format_, sorted((part.options or {}).items())])
            if part.columns or part.format:
                columns = part.columns or relation.data_columns
                self._own[number] = [part.values, _columns_read(columns, (), format_, used)]
        # Mostly all partitions have the table's own columns.
        self._columns = _columns_read(relation.data_columns, (), relation.format, used)
        self._plain = _digest([self._columns, []])
        told = sorted(
            ([f.path, f.etag, f.size, groups[f.partition]], f.partition)
            for f in relation.files
            if f.etag is not None
        )
        self._texts = {
            (text[0], partition): (place, _json(text))
            for place, (text, partition) in enumerate(told)
        }
        self._options = _json(sorted(relation.options.items()))

    def digests(self, files: Sequence[DataFile]) -> tuple[str, str]:
        """Return the digests of some of the files, and of the columns that count of them."""
        for file in files:
            if file.etag is None:
                raise _untold(self._scan, f"its source tells no version mark of {file.path}")
        texts = sorted(self._texts[f.path, f.partition] for f in files)
        text = f'["files",[{",".join(text for _, text in texts)}],{self._options}]'
        own = [self._own[n] for n in {f.partition for f in files} if n in self._own]
        columns = _digest([self._columns, sorted(own, key=str)]) if own else self._plain
        return _digest_of_text(text), columns


def files_part(table: str) -> str:
    """Return what of a table's digest is of its files alone, whatever a query uses of them.

    Args:
        table: What `Tables.of` gave of it.
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


def _lake_share(share: Share, used: frozenset[str]) -> tuple[Any, Any]:
    """Return what a window's files are of a lake, and what the columns are that a query uses."""
    relation, scan = share.scan.relation, share.scan
    match relation:
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
    return _digest_of_text(_json(value))


def _digest_of_text(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
