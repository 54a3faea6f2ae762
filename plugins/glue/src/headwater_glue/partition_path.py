"""Partition values in paths: `dt=2026-01-31/country=C%C3%B4te`, as Hive writes and reads them.

Source: Apache Hive, `FileUtils.escapePathName` and `unescapePathName`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from headwater.partitions.hive_layout import NULL_PARTITION

_ESCAPED: Final = frozenset("\"#%'*/:=?\\\x7f{[]^") | {chr(c) for c in range(0x20)}


def escape(value: str | None) -> str:
    """Return a partition value as Hive writes it into a path; None and `''` are NULL's."""
    if not value:
        return NULL_PARTITION
    return "".join(f"%{ord(c):02X}" if c in _ESCAPED else c for c in value)


def unescape(text: str) -> str | None:
    """Return the value that a path segment holds; None is the NULL partition."""
    if text == NULL_PARTITION:
        return None
    return re.sub(r"%([0-9A-Fa-f]{2})", lambda m: chr(int(m[1], 16)), text)


def path_of(keys: Sequence[str], values: Sequence[str | None]) -> str:
    """Return the relative path of a partition, e.g. `dt=2026-01-31/hour=07`."""
    return "/".join(f"{k}={escape(v)}" for k, v in zip(keys, values, strict=True))


def values_in(path: str, keys: Sequence[str]) -> tuple[str | None, ...] | None:
    """Return the partition values that a relative path names, or None if it does not fit the keys.

    Args:
        path: Below the table's location, e.g. `dt=2026-01-31/hour=07/part-0.parquet`.
        keys: The partition keys, in order; compared without case.
    """
    segments = path.strip("/").split("/")[: len(keys)]
    values = []
    for key, segment in zip(keys, segments, strict=False):
        name, equals, value = segment.partition("=")
        if not equals or name.lower() != key.lower():
            return None
        values.append(unescape(value))
    return tuple(values) if len(values) == len(keys) else None
