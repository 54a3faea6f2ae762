"""What is asked of the sources that stream the tables of a plan."""

from __future__ import annotations

from dataclasses import replace

from headwater.engines.used_columns import Used, used_columns
from headwater.interfaces.plan import Plan, Planned, Scan
from headwater.sql.private_names import PRIVATE_DATABASE
from headwater.sql.pruning import scan_requests
from headwater.tables.relation import Relation, StreamRelation
from headwater.tables.scan_request import ScanRequest
from headwater.tables.table import TableName


def asking(plan: Plan | Planned) -> Plan:
    """Return a plan that says what its sources are asked for, where they stream their tables.

    Args:
        plan: The plan; one that is analysed already is not analysed again.
    """
    plain_plan = plan.plan if isinstance(plan, Planned) else plan
    if not any(
        isinstance(s.relation, StreamRelation) and s.request is None for s in plain_plan.scans
    ):
        return plain_plan
    planned = Planned.of(plan)
    scans = []
    for scan in plain_plan.scans:
        if isinstance(scan.relation, StreamRelation):
            slot = TableName(PRIVATE_DATABASE, scan.slot)
            scan_request = request(planned, scan, used_columns(planned.analysis, slot))
            scan = replace(scan, request=scan_request)
        scans.append(scan)
    return replace(plain_plan, scans=tuple(scans))


def request(planned: Planned, scan: Scan, used: Used) -> ScanRequest:
    """Return what a plan asks of a table's source: what it says itself, where it does.

    Args:
        planned: The plan, with its analysis.
        scan: One of its tables.
        used: The columns that are used.
    """
    if scan.request is not None:
        return scan.request
    columns = needed(scan.relation, used)
    slot = TableName(PRIVATE_DATABASE, scan.slot)
    references = [r for r in planned.analysis.parsed.references if r.name == slot]
    if len(references) != 1:  # two places may need rows of their own
        return ScanRequest(columns)
    return scan_requests.request(planned.analysis, references[0], columns, scan.time_column)


def needed(relation: Relation, used: Used) -> tuple[str, ...]:
    """Return the names of the columns that a query uses; of one, where it uses none."""
    names = [c.name for c in relation.columns if c.name.casefold() in used.named]
    if not names:
        readable = [c.name for c in relation.columns if c.type.is_known]
        names = (readable or [c.name for c in relation.columns])[:1]
    return tuple(names)
