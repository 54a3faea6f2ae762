"""What OpenLineage calls a table's data: namespace and name, by where it lies.

Source: OpenLineage, "Dataset Naming": S3 is `s3://bucket` and the key, local files `file` and the
path, databases their address and the table.
"""

from __future__ import annotations

import re
from os.path import commonprefix

from headwater.interfaces import DeltaRelation, FileRelation, IcebergRelation, Scan, StreamRelation


def dataset_name(scan: Scan) -> tuple[str, str]:
    """Return namespace and name of what a scan reads: the same for every window of it."""
    match scan.relation:
        case FileRelation() as relation:
            places = [p.location for p in relation.partitions if p.location]
            places = places or [f.path for f in relation.files]
            return _located(_root(places)) if places else ("headwater", str(scan.table))
        case IcebergRelation() as relation:
            return _located(relation.metadata_location.rpartition("/metadata/")[0])
        case DeltaRelation() as relation:
            return _located(relation.location)
        case StreamRelation(auth_ref=str() as place) if "://" in place:
            return place, str(scan.table)
        case _:
            return "headwater", str(scan.table)


def _root(places: list[str]) -> str:
    """Return the directory above all partitions, however many of them are read."""
    first = re.sub(r"/[^/=]+=[^/]*(?=/|$).*", "", places[0])
    if first != places[0]:
        return first
    shared = commonprefix(places)  # noqa: RUF071 - URIs are no paths
    return shared if len(set(places)) == 1 else shared[: shared.rfind("/")]


def _located(place: str) -> tuple[str, str]:
    match = re.fullmatch(r"(\w+)://([^/]*)/?(.*)", place)
    if match is None or match[1] == "file":
        return "file", re.sub(r"^file://", "", place).rstrip("/") or "/"
    return f"{re.sub('^s3[an]$', 's3', match[1])}://{match[2]}", match[3].rstrip("/") or "/"
