"""Files that a lake's metadata names and its storage does not hold: rows would be missing."""

from __future__ import annotations

from headwater.errors import SourceError
from headwater.tables.relation import DeltaRelation, IcebergRelation


def file_missing(relation: IcebergRelation | DeltaRelation, uri: str) -> SourceError:
    """Return the error of a file that a table names and its storage does not hold."""
    kind, state = (
        ("Iceberg", f"its snapshot {relation.snapshot_id}")
        if isinstance(relation, IcebergRelation)
        else ("Delta", f"its version {relation.version}")
    )
    return SourceError(
        f"{kind} table {relation.name}: {uri} is missing: {state} names it, and the storage does "
        "not hold it",
        code="file-missing",
        hint="it was deleted behind the table's back (by hand, by a lifecycle rule, by a vacuum): "
        "restore it, or let the table's owner take it out",
    )
