"""Directories: a directory of files that appears at once, on any file system of Hadoop's.

Only for classic sessions, whose JVM is in reach.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from headwater.errors import ConfigError, EngineError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DONE: Final = "_SUCCESS"
"""Written last, and taken away first: what a reader of an object store may wait for."""
_OURS: Final = re.compile(r"part-.*\.parquet|_SUCCESS|\..*\.crc")


class Directories:
    """Makes and replaces directories with a session's own settings and identity.

    Args:
        session: A classic session.
    """

    def __init__(self, session: SparkSession) -> None:
        inside: Any = session
        self._jvm: Any = inside._jvm
        self._conf = inside._jsparkSession.sessionState().newHadoopConf()

    @contextmanager
    def replaced(self, place: str, *, overwrite: bool) -> Iterator[str]:
        """Give a hidden directory to write to, which becomes `place` if the block ends well.

        Args:
            place: URI of the directory.
            overwrite: Whether one that is there goes: only if it holds nothing but Parquet files.

        Raises:
            ConfigError: If there is something that is not to be replaced.
        """
        target = self._path(place.rstrip("/"))
        files = target.getFileSystem(self._conf)
        self._check(files, target, place, overwrite)
        mark = f".{target.getName()}.{secrets.token_hex(6)}"
        parent = target.getParent()
        hidden, old = self._path(parent, f"{mark}.tmp"), self._path(parent, f"{mark}.old")
        try:
            yield hidden.toString()
            # Somebody may have written there meanwhile.
            self._check(files, target, place, overwrite)
            self._swap(files, hidden, target, old)
        finally:
            for rest in (hidden, old):
                files.delete(rest, True)

    def _swap(self, files: Any, hidden: Any, target: Any, old: Any) -> None:
        had = files.exists(target)
        if had:
            self._rename(files, target, old)
        try:
            self._rename(files, hidden, target)
            files.create(self._path(target, DONE), True).close()
        except BaseException:
            files.delete(target, True)
            if had:
                self._rename(files, old, target)
            raise

    def _rename(self, files: Any, source: Any, target: Any) -> None:
        if not files.rename(source, target):
            raise EngineError(f"{source.toString()} could not be renamed to {target.toString()}")

    def _check(self, files: Any, target: Any, place: str, overwrite: bool) -> None:
        if not files.exists(target):
            return
        if not overwrite:
            raise ConfigError(
                f"{place} exists", hint="choose another path, or pass overwrite=True (--overwrite)"
            )
        if files.getFileStatus(target).isFile():
            raise ConfigError(f"{place} is a file", hint="Spark writes a directory of files")
        names = [status.getPath().getName() for status in files.listStatus(target)]
        if other := next((n for n in names if not _OURS.fullmatch(n)), None):
            raise ConfigError(
                f"{place} holds {other!r}, which no write of rows left there",
                hint="it is not replaced; choose another path",
            )

    def _path(self, *parts: Any) -> Any:
        return self._jvm.org.apache.hadoop.fs.Path(*parts)
