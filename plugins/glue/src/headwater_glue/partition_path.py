"""Partition values in paths: `dt=2026-01-31/country=C%C3%B4te`, as Hive writes them.

Source: Apache Hive, `FileUtils.escapePathName`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from headwater.partitions.hive_layout import NULL_PARTITION

_ESCAPED: Final = frozenset("\"#%'*/:=?\\\x7f{[]^") | {chr(c) for c in range(0x20)}


def escape(value: str | None) -> str:
    """Return a partition value as Hive writes it into a path; None and `''` are NULL's."""
    if not value:
        return NULL_PARTITION
    return "".join(f"%{ord(c):02X}" if c in _ESCAPED else c for c in value)


def path_of(keys: Sequence[str], values: Sequence[str | None]) -> str:
    """Return the relative path of a partition, e.g. `dt=2026-01-31/hour=07`."""
    return "/".join(f"{k}={escape(v)}" for k, v in zip(keys, values, strict=True))
