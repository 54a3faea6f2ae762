"""Answers of Glue cached on disk for a while, where a source is configured so: tables' entries.

What a table is changes rarely; asking again for each of many short processes costs time and quota.
Kept are tables' entries alone. Partitions and files are asked for anew by each plan, so no read
misses what landed since. An Iceberg table's entry names its current state, so it is never kept.

An answer is found again by the same caller only, at the same address: who may see what is Glue's to
say. Files can be read by their owner alone, hold no credentials, and are replaced in one step; one
that can't be read is as none.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from headwater.untrusted.texts import json_value
from headwater_glue.entry import GlueTable
from headwater_glue.kinds import Kind, classify

if TYPE_CHECKING:
    from headwater_aws.session import AwsSession
    from headwater_glue.api import Place, Raw

_log = logging.getLogger(__name__)

VERSION: Final = 1
"""Of the files' shape: files of another one are not read."""


def default_folder() -> Path:
    """Return the folder of the cache: `$XDG_CACHE_HOME/headwater/glue`, else under `~/.cache`."""
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "headwater" / "glue"


class Answers:
    """Tables' entries on disk. Thread-safe, also between processes.

    Args:
        session: Who asks; its identity is part of each answer's key.
        lasting: How long an answer may be used.
        folder: Where they are kept; made when the first one is.
        now: Clock.
    """

    def __init__(
        self,
        session: AwsSession,
        lasting: timedelta,
        folder: Path | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._session = session
        self._lasting = lasting
        self._folder = folder or default_folder()
        self._now = now
        self._lock = threading.Lock()
        self._used: dict[tuple[str, str], datetime] = {}

    def table(
        self, place: Place, database: str, name: str, ask: Callable[[], Raw | None]
    ) -> Raw | None:
        """Return a table's entry, from the cache or from Glue.

        Args:
            place: The catalog.
            database: The table's database.
            name: Its name.
            ask: Asks Glue.
        """
        key = self._key(place, database, name)
        file = self._folder / f"{sha256(json.dumps(key).encode()).hexdigest()}.json"
        read = self._cached_entry(file, key)
        if read is not None:
            with self._lock:
                self._used[database, name] = read[1]
            return read[0]
        asked_at, answer = self._now(), ask()
        if answer is not None and classify(GlueTable.of(answer)).kind is not Kind.ICEBERG:
            self._keep(file, {"version": VERSION, "key": key, "at": asked_at.isoformat()}, answer)
        return answer

    def age(self, entry: GlueTable) -> timedelta | None:
        """Return the age of the cached answer that was used for a table; None if Glue was asked."""
        with self._lock:
            at = self._used.get((entry.database, entry.name))
        return None if at is None else self._now() - at

    def _key(self, place: Place, database: str, name: str) -> list[str]:
        # A role's session is another one in each process; the role is what is granted.
        who = "/".join(self._session.identity().name.split("/")[:2])
        address = self._session.endpoint_url or "aws"
        return [who, address, place.region or "", place.catalog_id or "", database, name]

    def _cached_entry(self, file: Path, key: list[str]) -> tuple[Raw, datetime] | None:
        try:
            content: dict[str, Any] = json_value(file.read_text(encoding="utf-8"))
            at = datetime.fromisoformat(content["at"])
            good = content["version"] == VERSION and content["key"] == key
            table: Raw = content["table"]
            fresh = timedelta(0) <= self._now() - at < self._lasting
            if not (good and fresh and table["Name"]):
                return None
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            _log.info("the kept answer %s is not used: %s", file, error)
            return None
        return table, at

    def _keep(self, file: Path, about: dict[str, Any], answer: Raw) -> None:
        text = json.dumps({**about, "table": answer}, default=str)
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Made readable by its owner alone; renamed when it is whole.
            handle, temporary = tempfile.mkstemp(dir=self._folder, suffix=".part")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as out:
                    out.write(text)
                Path(temporary).replace(file)
            except BaseException:
                Path(temporary).unlink()
                raise
        except OSError as error:
            _log.info("an answer could not be kept in %s: %s", self._folder, error)
