"""Packages: the jars that Spark needs for a storage or a table format, by short names.

Versions belong to the Spark of the reference: hadoop-aws must be the Hadoop that pyspark brings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from headwater.interfaces.plan import Plan
from headwater.tables.relation import DeltaRelation, FileRelation, IcebergRelation

_HADOOP: Final = "3.4.2"
_AWS_SDK: Final = "2.29.52"

NAMED: Final[Mapping[str, tuple[str, ...]]] = {
    "s3": (
        f"org.apache.hadoop:hadoop-aws:{_HADOOP}",
        f"software.amazon.awssdk:s3:{_AWS_SDK}",
        f"software.amazon.awssdk:s3-transfer-manager:{_AWS_SDK}",
        f"software.amazon.awssdk:sts:{_AWS_SDK}",
    ),
    "iceberg": (
        "org.apache.iceberg:iceberg-spark-runtime-4.1_2.13:1.12.0",
        # Its S3FileIO names classes of it, whether or not a table is encrypted.
        f"software.amazon.awssdk:kms:{_AWS_SDK}",
        f"software.amazon.awssdk:url-connection-client:{_AWS_SDK}",
    ),
    "delta": ("io.delta:delta-spark_4.1_2.13:4.4.0",),
    "avro": ("org.apache.spark:spark-avro_2.13:4.1.1",),
}
"""Short names that stand for Maven coordinates."""

EXCLUDED: Final = "software.amazon.awssdk:bundle"
"""hadoop-aws asks for all of AWS's SDK, 600 MB; `s3` names the 18 MB of it that S3A uses."""


def coordinates(packages: Iterable[str]) -> tuple[str, ...]:
    """Return Maven coordinates, short names spelled out, each once."""
    return tuple(dict.fromkeys(c for p in packages for c in NAMED.get(p, (p,))))


def needed(plan: Plan) -> tuple[str, ...]:
    """Return the short names of what a plan's tables need."""
    extras = []
    for scan in plan.scans:
        match scan.relation:
            case FileRelation() as relation:
                if any(is_s3(f.path) for f in relation.files):
                    extras.append("s3")
                if "avro" in {p.format or relation.format for p in relation.partitions}:
                    extras.append("avro")
            case IcebergRelation() as relation:
                extras += ["iceberg", *(["s3"] if is_s3(relation.metadata_location) else [])]
            case DeltaRelation() as relation:
                extras += ["delta", *(["s3"] if is_s3(relation.location) else [])]
    return tuple(dict.fromkeys(extras))


def is_s3(path: str) -> bool:
    """Return whether a URI is of S3, in any of the spellings that catalogs have."""
    return path.partition("://")[0] in ("s3", "s3a", "s3n")
