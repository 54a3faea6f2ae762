"""What headwater-s3 contributes to headwater: hook implementations, nothing else."""

from __future__ import annotations

from headwater.interfaces.hookspecs import hookimpl
from headwater.interfaces.specs import LedgerSpec, SourceSpec

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


@hookimpl
def headwater_ledgers() -> list[LedgerSpec]:
    """Return the store of ledgers in S3."""
    return [
        LedgerSpec(
            "s3",
            "headwater_s3.ledger_store:S3LedgerStore",
            "an object, by conditional writes",
        )
    ]
