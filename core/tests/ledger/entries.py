"""Entries of windows that were handed over, made up."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from headwater.ledger.entries import Entry, moment_text

START = datetime(2026, 1, 1, tzinfo=UTC)


def entry(day: int = 0, generation: int = 1, **changed: Any) -> Entry:
    """Return what was handed over of a day, of the size that such an entry has."""
    start = START + timedelta(days=day)
    digest = hashlib.sha256(f"{day} {generation}".encode()).hexdigest()
    return Entry(
        **{
            "window_key": f"insurance/v1/serving/1d/{moment_text(start)}",
            "generation": generation,
            "share": digest[:16],
            "end": start + timedelta(days=1),
            "definition": digest[16:32],
            "tables": {"warehouse.predictions": digest[:24], "warehouse.actuals": digest[8:32]},
            "rows": digest[32:48],
            "labels": digest[48:],
            "counts": {"rows": 123456, "labels": 102030},
            "state": "closed",
            "reasons": ("files:warehouse.predictions",),
            "done_at": start + timedelta(days=30, seconds=7, microseconds=123456),
            "as_of": start + timedelta(days=31),
            "evidence": digest,
            **changed,
        }
    )


def unchecked(content: bytes) -> bytes:
    """Return a ledger's text without the checksums of its lines."""
    return re.sub(rb'^\{"check":"[0-9a-f]{8}",', b"{", content, flags=re.MULTILINE)
