"""Buckets and objects in memory, and the listing of them.

Source: S3 API reference: ListObjectsV2, CompleteMultipartUpload.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

#: Sorts after every key that begins with what precedes it.
_LAST = "\U0010ffff"


@dataclass(frozen=True)
class StoredObject:
    """One object.

    Args:
        data: Its bytes, or what stands for them in a replay.
        headers: Content type and the like, and user metadata, as they are answered.
        etag: Entity tag, in quotes.
        modified: When it was put.
    """

    data: Any = field(repr=False)
    headers: Mapping[str, str]
    etag: str
    modified: datetime


@dataclass
class Upload:
    """A multipart upload under way: parts by their numbers."""

    key: str
    headers: Mapping[str, str]
    parts: dict[int, StoredObject] = field(default_factory=dict)


@dataclass(frozen=True)
class Listing:
    """One page of a listing.

    Args:
        keys: Keys found.
        prefixes: Common prefixes found.
        resume_after: Where the next page begins; None on the last page.
    """

    keys: Sequence[str]
    prefixes: Sequence[str]
    resume_after: str | None


class Bucket:
    """One bucket.

    Args:
        name: Its name.
        account_id: Account that owns it.
        region: Its region.
    """

    def __init__(self, name: str, account_id: str, region: str) -> None:
        self.name = name
        self.account_id = account_id
        self.region = region
        self.created = datetime.now(UTC)
        self.policy: str | None = None
        self.uploads: dict[str, Upload] = {}
        self._objects: dict[str, StoredObject] = {}
        self._sorted: list[str] | None = None

    def __len__(self) -> int:
        return len(self._objects)

    def get(self, key: str) -> StoredObject | None:
        """The object of a key, or None."""
        return self._objects.get(key)

    def put(self, key: str, stored: StoredObject) -> None:
        """Store an object."""
        if key not in self._objects:
            self._sorted = None
        self._objects[key] = stored

    def delete(self, key: str) -> None:
        """Delete an object, if it is there."""
        if self._objects.pop(key, None):
            self._sorted = None

    def list(self, prefix: str, delimiter: str, after: str, most: int) -> Listing:
        """List keys in order, grouped by what follows the prefix up to the delimiter.

        Args:
            prefix: Only keys that begin with this.
            delimiter: Ends a common prefix; empty for no grouping.
            after: Only keys greater than this.
            most: How many keys and common prefixes together.

        Returns:
            One page.
        """
        if self._sorted is None:
            self._sorted = sorted(self._objects)
        names = self._sorted
        at = max(bisect_left(names, prefix), bisect_right(names, after) if after else 0)
        keys: list[str] = []
        prefixes: list[str] = []
        last = after
        while at < len(names) and names[at].startswith(prefix):
            if len(keys) + len(prefixes) >= most:
                return Listing(keys, prefixes, last)
            cut = names[at].find(delimiter, len(prefix)) if delimiter else -1
            if cut < 0:
                keys.append(names[at])
                last = names[at]
                at += 1
            else:
                prefixes.append(names[at][: cut + len(delimiter)])
                last = prefixes[-1] + _LAST
                at = bisect_right(names, last)
        return Listing(keys, prefixes, None)


def stored(data: bytes, headers: Mapping[str, str]) -> StoredObject:
    """Make an object of bytes: its tag is their MD5."""
    tag = hashlib.md5(data, usedforsecurity=False).hexdigest()
    return StoredObject(data, headers, f'"{tag}"', datetime.now(UTC).replace(microsecond=0))


def joined(upload: Upload, numbers: Sequence[int]) -> StoredObject:
    """Make an object of an upload's parts: its tag is the MD5 of theirs, and their count."""
    parts = [upload.parts[number] for number in numbers]
    tags = b"".join(bytes.fromhex(part.etag.strip('"')) for part in parts)
    tag = hashlib.md5(tags, usedforsecurity=False).hexdigest()
    data = b"".join(part.data for part in parts)
    now = datetime.now(UTC).replace(microsecond=0)
    return StoredObject(data, upload.headers, f'"{tag}-{len(parts)}"', now)
