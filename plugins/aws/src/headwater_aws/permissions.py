"""What reading from S3 must be allowed to do: exact prefixes, and why.

Source: AWS Service Authorization Reference, "Amazon S3": `s3:ListBucket` is asked of the bucket,
with the prefix as a condition; `s3:GetObject` of the objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from headwater.auth.credentials import Permission
from headwater.tables.relation import DeltaRelation, FileRelation, IcebergRelation, Relation
from headwater_aws.listing import parse_uri

_PARTITIONS: Final = {
    "cn-": "aws-cn",
    "eu-isoe-": "aws-iso-e",
    "eusc-": "aws-eusc",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "us-isof-": "aws-iso-f",
}
"""What regions of each part of the world begin with. Source: botocore's `partitions.json`."""


def arn_partition(region: str, identity: str = "") -> str:
    """Return the part of the world that something is in, as ARNs name it, e.g. `aws-cn`.

    Args:
        region: Its region; empty where that is not known.
        identity: ARN of who uses it: nobody's credentials reach another part of the world.
    """
    parts = identity.split(":")
    if parts[0] == "arn" and len(parts) > 1:
        return parts[1]
    return next((p for start, p in _PARTITIONS.items() if region.startswith(start)), "aws")


def storage_permissions(partition: str, relations: Iterable[Relation]) -> Iterator[Permission]:
    """Yield what listing and reading the files of relations needs.

    Args:
        partition: `aws`, `aws-cn` or `aws-us-gov`.
        relations: What is read; those that lie nowhere in S3 are left out.
    """
    places: dict[str, str] = {}
    for relation in relations:
        for location in _locations(relation):
            places.setdefault(location.rstrip("/") + "/", str(relation.name))
    yield from prefix_permissions(partition, places)


def prefix_permissions(partition: str, places: Mapping[str, str]) -> Iterator[Permission]:
    """Yield what listing and reading all that begins with some prefixes needs.

    Args:
        partition: `aws`, `aws-cn` or `aws-us-gov`.
        places: `s3://bucket/prefix` to what lies there, for a person. A directory ends in `/`;
            without it, names that go on are included.
    """
    buckets: dict[str, dict[str, str]] = {}
    for uri, contents in places.items():
        bucket, prefix = parse_uri(uri)
        buckets.setdefault(bucket, {}).setdefault(prefix, contents)
    for bucket, tables in sorted(buckets.items()):
        arn = f"arn:{partition}:s3:::{bucket}"
        outermost = _outermost(tables)
        names = ", ".join(sorted({tables[p] for p in outermost}))
        yield Permission(
            "s3:ListBucket",
            (arn,),
            {"StringLike": {"s3:prefix": [f"{p}*" for p in outermost]}},
            reason=f"files of {names}",
        )
        yield Permission(
            "s3:GetObject", tuple(f"{arn}/{p}*" for p in outermost), reason=f"rows of {names}"
        )


def _locations(relation: Relation) -> Iterator[str]:
    match relation:
        case FileRelation():
            yield from (p.location for p in relation.partitions if p.location)
        case IcebergRelation():
            # Data and metadata are two directories under the table's own.
            yield relation.metadata_location.rpartition("/metadata/")[0]
        case DeltaRelation():
            yield relation.location


def _outermost(prefixes: Iterable[str]) -> list[str]:
    outermost: list[str] = []
    for prefix in sorted(prefixes):
        if not outermost or not prefix.startswith(outermost[-1]):
            outermost.append(prefix)
    return outermost
