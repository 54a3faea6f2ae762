"""How a plan is shown: text for a person, a dict for a program."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from hashlib import sha256
from typing import Any, Final

from headwater.display import html
from headwater.display.printable import printable
from headwater.interfaces.distributions import version_of
from headwater.interfaces.plan import Plan, Scan
from headwater.tables.relation import (
    CatalogRelation,
    DataFile,
    DeltaRelation,
    FileRelation,
    IcebergRelation,
    Relation,
    StreamRelation,
)
from headwater.tables.scan_request import ScanRequest, Value

FILES: Final = 1000
"""Files of a table that a plan's dict names, at most."""
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def bytes_text(size: float | None) -> str:
    """Return a size as a person reads it, in decimal units: `12.3 MB`; `unknown size` for None."""
    if size is None:
        return "unknown size"
    unit = 0
    while size >= 1000 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.0f} B" if unit == 0 else f"{size:.1f} {_UNITS[unit]}"


def files_text(files: int | None) -> str:
    """Return a number of files as a person reads it: `3 files`, `unknown files`."""
    return "unknown files" if files is None else f"{files} files"


def explain(plan: Plan) -> str:
    """Return the plan as text for a person."""
    lines = [f"Plan of {plan.connection}"]
    lines.append(f"  window    {plan.window or 'all rows'}")
    if plan.as_of is not None:
        horizon = "" if plan.horizon is None else f", until {plan.horizon} after the window's end"
        lines.append(f"  actuals   as of {plan.as_of.isoformat()}{horizon}")
    if plan.sample is not None:
        lines.append(f"  sample    {plan.sample:.4%} of the ids, by a hash of the id")
    for ref, identity in plan.identities.items():
        lines.append(f"  identity  {identity.name} ({identity.strategy or ref})")
    lines.append(f"  engine    {plan.engine}: {plan.engine_reason}")
    lines.append(f"  reads     {cost_text(plan)}")
    if plan.memory is not None:
        lines.append(f"  memory    {bytes_text(plan.memory)}, then it spills to disk")
    for scan in plan.scans:
        lines += _scan_lines(scan)
    if plan.mapping is not None:
        lines.append("  columns")
        width = max((len(c.name) for c in plan.mapping), default=0)
        for column in plan.mapping:
            kind = column.field_type or "as it is"
            source = f"{column.column} {column.source_type}"
            lines.append(f"    {column.name:<{width}}  {column.role:<10}  {kind:<11} <- {source}")
    lines += [f"  changed   by the {rule}" for rule in plan.rewritten_by]
    lines.append("  sql")
    lines += [f"    {line}" for line in plan.sql.splitlines()]
    for warning in plan.warnings:
        lines += warning.render().splitlines()
    return printable("\n".join(lines))


def cost_text(plan: Plan) -> str:
    """Return what a plan may read, for a person: `3 files, 12.3 MB at most`."""
    most = "" if plan.bytes is None else " at most"
    return f"{files_text(plan.files)}, {bytes_text(plan.bytes)}{most}"


def _scan_lines(scan: Scan) -> list[str]:
    cost = scan.estimate
    lines = [f"  table     {scan.table} as hw.{scan.slot}"]
    if cost.partitions_total is not None:
        lines.append(f"            partitions {cost.partitions_kept} of {cost.partitions_total}")
    if isinstance(scan.relation, StreamRelation):
        rows = "unknown" if cost.rows is None else f"{cost.rows:,}"
        lines.append(f"            rows {rows}, {bytes_text(cost.bytes)}: all that the table holds")
        lines += _asked_lines(scan.request)
    else:
        files = "unknown" if cost.files is None else cost.files
        lines.append(f"            files {files}, {bytes_text(cost.bytes)}")
    if scan.pruned_by:
        lines.append(f"            pruned by {scan.pruned_by}")
    if scan.blocker:
        lines.append(f"            not pruned: {scan.blocker}")
    if _truncates(scan):
        lines.append("            nanoseconds are cut to microseconds")
    return lines


def _asked_lines(request: ScanRequest | None) -> list[str]:
    if request is None:
        return []
    lines = [f"            asks for {', '.join(request.columns)}"]
    lines += [f"            where {condition}" for condition in request.conditions]
    return lines + ([] if request.limit is None else [f"            {request.limit} rows at most"])


def _request(request: ScanRequest | None) -> dict[str, Any] | None:
    if request is None:
        return None
    window = request.window
    return {
        "columns": list(request.columns),
        "conditions": [
            {"column": c.column, "operator": c.operator, "values": [_json(v) for v in c.values]}
            for c in request.conditions
        ],
        "time_column": request.time_column,
        "window": window and {"start": window.start.isoformat(), "end": window.end.isoformat()},
        "limit": request.limit,
    }


def _json(value: Value) -> str | int:
    return value.isoformat() if isinstance(value, date) else value


def _truncates(scan: Scan) -> bool:
    relation = scan.relation
    return not isinstance(relation, CatalogRelation | DeltaRelation) and relation.truncates


def to_html(plan: Plan) -> str:
    """Return the plan for a notebook, its SQL folded away."""
    rows = [
        (
            s.table,
            f"{s.estimate.partitions_kept} of {s.estimate.partitions_total}"
            if s.estimate.partitions_total is not None
            else None,
            s.estimate.files,
            bytes_text(s.estimate.bytes),
            s.pruned_by or s.blocker,
        )
        for s in plan.scans
    ]
    who = ", ".join(i.name for i in plan.identities.values()) or "no identity"
    return html.card(
        f"Plan of {plan.connection}",
        html.line(f"{plan.window or 'all rows'} by {plan.engine}: {plan.engine_reason}"),
        html.line(f"read as {who}: {cost_text(plan)}"),
        html.table(("table", "partitions", "files", "bytes", "partitions chosen by"), rows),
        *(html.line(f"query changed by the {rule}") for rule in plan.rewritten_by),
        *(html.block(w.render()) for w in plan.warnings),
        html.folded("SQL", plan.sql),
    )


def to_dict(plan: Plan) -> dict[str, Any]:
    """Return the plan as a JSON-ready dict."""
    return {
        "headwater": version_of("headwater"),
        "connection": plan.connection,
        "window": plan.window
        and {"start": plan.window.start.isoformat(), "end": plan.window.end.isoformat()},
        "as_of": plan.as_of and plan.as_of.isoformat(),
        "horizon": None if plan.horizon is None else plan.horizon.total_seconds(),
        "sample": plan.sample,
        "engine": plan.engine,
        "engine_reason": plan.engine_reason,
        "memory": plan.memory,
        "identities": {
            ref: {"name": i.name, "account": i.account, "strategy": i.strategy}
            for ref, i in plan.identities.items()
        },
        "files": plan.files,
        "bytes": plan.bytes,
        "tables": [
            {
                "slot": s.slot,
                "table": str(s.table),
                "kind": type(s.relation).__name__,
                "partitions_kept": s.estimate.partitions_kept,
                "partitions_total": s.estimate.partitions_total,
                "files": s.estimate.files,
                "bytes": s.estimate.bytes,
                "rows": s.estimate.rows,
                "asked": _request(s.request),
                "pruned_by": s.pruned_by,
                "blocker": s.blocker,
                "nanoseconds": "truncate" if _truncates(s) else "exact",
                **_pins(s.relation),
            }
            for s in plan.scans
        ],
        "columns": [
            {
                "name": c.name,
                "role": str(c.role),
                "type": c.field_type and str(c.field_type),
                "column": c.column,
                "source_type": str(c.source_type),
            }
            for c in plan.mapping or ()
        ],
        "query": plan.query,
        "rewritten_by": list(plan.rewritten_by),
        "sql": plan.sql,
        "warnings": [w.to_dict() for w in plan.warnings],
        "created_at": plan.created_at and plan.created_at.isoformat(),
    }


def _pins(relation: Relation) -> dict[str, Any]:
    """Return what pins a table's rows: files with their marks, a snapshot, or a version.

    Of more files than `FILES` the digest alone: it is the same where all files are.
    """
    match relation:
        case FileRelation():
            return _files(relation.files)
        case IcebergRelation():
            return {
                "snapshot_id": relation.snapshot_id,
                "metadata_location": relation.metadata_location,
                **_identity(relation),
                **({} if relation.data_files is None else _files(relation.data_files)),
            }
        case DeltaRelation():
            return {
                "location": relation.location,
                "version": relation.version,
                **_identity(relation),
                **({} if relation.data_files is None else _files(relation.data_files)),
            }
    return {}


def _identity(relation: IcebergRelation | DeltaRelation) -> dict[str, Any]:
    return {} if relation.table_id is None else {"table_id": relation.table_id}


def _files(data_files: Iterable[DataFile]) -> dict[str, Any]:
    files = sorted(((f.path, f.size, f.etag) for f in data_files), key=mark_order)
    listed = [{"path": path, "size": size, "etag": etag} for path, size, etag in files]
    return {
        "data_files": listed if len(listed) <= FILES else None,
        "data_files_digest": files_digest(files),
    }


def mark_order(mark: tuple[str, int, str | None]) -> tuple[str, int, str]:
    """Return the sort key of a file in plans and digests: path, size, version mark."""
    return mark[0], mark[1], mark[2] or ""


def files_digest(files: Iterable[tuple[str, int, str | None]]) -> str:
    """Return the digest of files: of path, size and version mark of each, in order of these."""
    marks = sorted(map(mark_order, files))
    text = "".join(f"{path}\t{size}\t{etag}\n" for path, size, etag in marks)
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
