"""What headwater-s3 contributes to headwater: hook implementations, nothing else."""

from __future__ import annotations

from headwater.interfaces.hookspecs import hookimpl
from headwater.interfaces.specs import SourceSpec

HEADWATER_API = 1


@hookimpl
def headwater_sources() -> list[SourceSpec]:
    """Return the S3 source."""
    return [
        SourceSpec(
            "s3",
            "headwater_s3.source:S3DataSource",
            "files in S3, without a catalog",
            starting_point="headwater_s3.starting_point:S3",
        )
    ]
