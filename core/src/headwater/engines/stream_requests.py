"""What is asked of the sources that stream the tables of a plan."""

from __future__ import annotations

from headwater.engines.used_columns import Used
from headwater.interfaces.plan import Planned, Scan
from headwater.sql.private_names import PRIVATE_DATABASE
from headwater.sql.pruning import scan_requests
from headwater.tables.relation import Relation
from headwater.tables.scan_request import ScanRequest
from headwater.tables.table import TableName


def request(planned: Planned, scan: Scan, used: Used) -> ScanRequest:
    """Return what a plan asks of a table's source.

    Args:
        planned: The plan, with its analysis.
        scan: One of its tables.
        used: The columns that are used.
    """
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
