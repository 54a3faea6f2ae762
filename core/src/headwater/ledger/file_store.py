"""FileLedgerStore: a ledger in a file of this machine, safe from crashes and from other runners.

The whole of it is written beside and renamed; a line is added and flushed to the disk. Writers take
turns by a lock beside the file, and whoever finds other bytes than they expected changes nothing.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Final, Self

from pydantic import BaseModel, ConfigDict, PrivateAttr, ValidationInfo, field_validator

from headwater.errors import ConfigError, LedgerError, LedgerMovedError
from headwater.ledger.ledger_text import whole_lines
from headwater.untrusted import limits

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_PAUSE: Final = 0.02
_PATIENCE: Final = 60.0
"""Seconds for which a lock is waited for: others hold it for milliseconds."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """A file as it was looked at: while it stays so, its bytes are known.

    Args:
        status: What the file system says of it.
        size: Bytes up to its last newline.
        digest: Of these bytes, to be gone on with.
    """

    status: tuple[int, ...]
    size: int
    digest: Any

    @property
    def mark(self) -> str:
        return str(self.digest.hexdigest())[:32]


class FileLedgerStore(BaseModel):
    """A ledger in a file of this machine.

    Args:
        path: The file, made with its folder when it is first saved. In a configuration file, a
            relative path starts from that file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: ClassVar[str] = "file"

    path: str

    _seen: _Seen | None = PrivateAttr(None)

    @field_validator("path")
    @classmethod
    def _beside_the_configuration(cls, path: str, info: ValidationInfo) -> str:
        folder = (info.context or {}).get("folder")
        return path if folder is None else str(Path(folder, Path(path).expanduser()))

    def __reduce__(self) -> tuple[Any, ...]:
        """Let it be sent to another process, as its path: that one looks at the file itself."""
        return partial(type(self), path=self.path), ()

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return type(self)(path=self.path)

    def load(self) -> tuple[bytes, str | None]:
        """Return the file's lines, and their mark; `(b"", None)` where there is no file.

        A last line without its end was cut off by a crash and is left out.

        Raises:
            LedgerError: If it can't be read.
        """
        with self._translated_errors("read"):
            try:
                content, state = self._look()
            except FileNotFoundError:
                self._seen = None
                return b"", None
        self._seen = state
        return content, state.mark

    def save(self, content: bytes, expected_mark: str | None) -> str:
        """Put other content in the place of the file's, if it is still what was expected.

        Args:
            content: The content.
            expected_mark: The mark that it must have; None: there must be no file.

        Raises:
            LedgerMovedError: If it is not.
            LedgerError: If it can't be written.
        """
        with self._translated_errors("save"), self._locked():
            self._expect(expected_mark)
            self._replace(self._file, content)
            _flush_folder(self._file.parent)
            _, self._seen = self._look()
            return self._seen.mark

    def append(self, line: bytes, expected_mark: str | None) -> str:
        """Add a line to the file, if it is still what was expected; raises as `save`."""
        with self._translated_errors("save"), self._locked():
            self._expect(expected_mark)
            state = self._seen
            if state is None:
                raise LedgerMovedError(f"there is no ledger {self._file} to add to")
            descriptor = os.open(self._file, os.O_WRONLY)
            try:
                if os.fstat(descriptor).st_size != state.size:
                    os.ftruncate(descriptor, state.size)  # what a crash left of a line
                os.lseek(descriptor, state.size, os.SEEK_SET)
                try:
                    _write(descriptor, line)
                    os.fsync(descriptor)
                except OSError:
                    with suppress(OSError):
                        os.ftruncate(descriptor, state.size)
                    raise
                digest = state.digest.copy()
                digest.update(line)
                self._seen = _Seen(_status(os.fstat(descriptor)), state.size + len(line), digest)
            finally:
                os.close(descriptor)
            return self._seen.mark

    def load_files(self) -> bytes:
        """Return what is kept of files, beside the ledger in `<name>.files`.

        Raises:
            LedgerError: If it can't be read.
        """
        with self._translated_errors("read what is kept of files beside"):
            try:
                with self._files.open("rb") as file:
                    return file.read(limits.KEPT_FILES_BYTES + 1)
            except FileNotFoundError:
                return b""

    def save_files(self, content: bytes) -> None:
        """Keep what is known of files; whoever saves last wins.

        Args:
            content: Its bytes.

        Raises:
            LedgerError: If it can't be written.
        """
        with self._translated_errors("save what is kept of files beside"):
            self._files.parent.mkdir(parents=True, exist_ok=True)
            self._replace(self._files, content)

    def _replace(self, target: Path, content: bytes) -> None:
        """Put a file in the place of another one, whole."""
        beside = target.with_name(f".{target.name}.{secrets.token_hex(6)}.new")
        try:
            descriptor = os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, self._mode(target))
            try:
                _write(descriptor, content)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.replace(beside, target)  # noqa: PTH105 -- beside the other calls of the system
        except BaseException:
            with suppress(OSError):
                beside.unlink()
            raise

    @property
    def _files(self) -> Path:
        return self._file.with_name(f"{self._file.name}.files")

    @property
    def _file(self) -> Path:
        return Path(self.path).expanduser().absolute()

    def _look(self) -> tuple[bytes, _Seen]:
        """Read the file.

        Raises:
            OSError: If it can't be read, or is not there.
        """
        with self._file.open("rb") as file:
            content = file.read(limits.LEDGER_BYTES + 1)
            status = _status(os.fstat(file.fileno()))
        lines = whole_lines(content)
        if len(content) > limits.LEDGER_BYTES:
            lines = content  # which is refused for its size by whoever reads it
        return lines, _Seen(status, len(lines), hashlib.sha256(lines))

    def _expect(self, mark: str | None) -> None:
        """Look whether the file is what a mark stands for; what it is, is in `_seen` then.

        Raises:
            LedgerMovedError: If it is not.
        """
        try:
            status = _status(self._file.stat())
        except FileNotFoundError:
            self._seen, present_mark = None, None
        else:
            if self._seen is None or self._seen.status != status:
                _, self._seen = self._look()
            present_mark = self._seen.mark
        if present_mark != mark:
            raise LedgerMovedError(
                f"the ledger {self._file} was saved by somebody else since it was loaded",
                hint="load it again",
            )

    def _mode(self, target: Path) -> int:
        """Return the rights of a new file: those of the old one, or of the ledger."""
        for file in (target, self._file):
            with suppress(OSError):
                return file.stat().st_mode & 0o777
        return 0o666

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock beside the file; the system takes it from a process that ends."""
        folder = self._file.parent
        folder.mkdir(parents=True, exist_ok=True)
        lock = self._file.with_name(f".{self._file.name}.lock")
        descriptor = os.open(lock, os.O_CREAT | os.O_RDWR, 0o666)
        try:
            until = time.monotonic() + _PATIENCE
            while not _take(descriptor):
                if time.monotonic() > until:
                    raise LedgerError(
                        f"the ledger {self._file} is locked by another process for "
                        f"{_PATIENCE:.0f} seconds",
                        hint=f"look which process holds {lock}",
                        retryable=True,
                    )
                time.sleep(_PAUSE)
            yield
        finally:
            os.close(descriptor)  # which gives the lock back

    @contextmanager
    def _translated_errors(self, doing: str) -> Iterator[None]:
        """Tell the system's errors as ours."""
        try:
            yield
        except IsADirectoryError as error:
            raise ConfigError(
                f"the ledger {self.path} is a folder", hint="name a file in it"
            ) from error
        except OSError as error:
            raise LedgerError(
                f"can't {doing} the ledger {self.path}: {error.strerror or error}",
                hint="it needs a folder in which this process may write",
            ) from error
        except ValueError as error:  # a zero byte, half of a character
            raise ConfigError(f"{self.path!r} is no name of a file: {error}") from error


def _write(descriptor: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]


def _status(status: os.stat_result) -> tuple[int, ...]:
    return (
        status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
    )  # fmt: skip


def _take(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _flush_folder(folder: Path) -> None:
    """Have the disk know a new name; where folders can't be opened, the system sees to it."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
