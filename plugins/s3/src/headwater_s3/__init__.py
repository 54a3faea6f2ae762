"""Amazon S3 for headwater: a model's files straight from a bucket, no catalog needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headwater.lazy import names_of

if TYPE_CHECKING:
    from headwater_s3.ledger_store import S3LedgerStore
    from headwater_s3.source import S3DataSource

_HOMES = {
    "S3DataSource": "headwater_s3.source",
    "S3LedgerStore": "headwater_s3.ledger_store",
}

__all__ = ["S3DataSource", "S3LedgerStore"]

__getattr__, __dir__ = names_of(__name__, _HOMES)
