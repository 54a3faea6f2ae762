"""Bundle: a support bundle as a value, read from a file that anybody may have written.

A bundle is a zip of JSON documents, and of parts of files that hold no rows:

    README.md            what lies where, and what is not in it
    about.json           versions, when, how long, how it ended
    checks.json          the reports
    plans.json           the plans
    configuration.json   what was examined, as `headwater.yaml` has it; no identity in it
    calls.json           what was asked and answered, in the order in which it was
    files.json           objects whose parts are kept, with their sizes and marks
    parts/0001.bin       a part

Nothing of it is unpacked onto a disk, run or trusted; what is read is bounded.
"""

from __future__ import annotations

import os
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from headwater.errors import BundleError
from headwater.interfaces.recording import Exchange
from headwater.untrusted import limits
from headwater.untrusted.texts import json_value

FORMAT: Final = 1
WHAT: Final = "support bundle"
DOCUMENTS: Final = (
    "about.json", "checks.json", "plans.json", "configuration.json", "calls.json", "files.json",
)  # fmt: skip
README: Final = "README.md"
_PART: Final = re.compile(r"parts/\d{4,6}\.bin")
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED: Final = 0x1
_PIECE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class BundledFile:
    """A file or object of which a bundle keeps parts.

    Args:
        path: Its URI.
        size: Bytes of it.
        etag: Its version mark.
        parts: Form and bytes of each part that is kept.
    """

    path: str
    size: int
    etag: str | None
    parts: tuple[tuple[str, bytes], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bundle:
    """A support bundle.

    Args:
        about: Versions, when, how long, how it ended.
        checks: The reports.
        plans: The plans.
        configuration: What was examined, as a configuration file has it.
        calls: What was asked and answered, in order.
        files: Objects whose parts are kept.
    """

    about: Mapping[str, Any]
    checks: Sequence[Mapping[str, Any]]
    plans: Sequence[Mapping[str, Any]]
    configuration: Mapping[str, Any]
    calls: Sequence[Exchange]
    files: Sequence[BundledFile]

    @property
    def anonymous(self) -> bool:
        """Whether placeholders stand for names."""
        return bool(self.about.get("anonymous"))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Bundle:
        """Return the bundle that a check wrote.

        Args:
            path: The file.

        Raises:
            BundleError: With code `bundle-damaged` or `bundle-newer`, if it is none; `bundle`, if
                there is no such file.
        """
        name = str(path)
        try:
            entries = _entries(Path(path), name)
            about = _document(entries, "about.json", name, dict)
            if about.get("headwater") != WHAT:
                raise _damaged(name, "it does not say that it is a support bundle")
            written = about.get("format")
            if type(written) is int and written > FORMAT:
                raise BundleError(
                    f"{name} is written in format {written}, and this headwater reads up to "
                    f"{FORMAT}",
                    code="bundle-newer",
                    hint="pip install --upgrade headwater",
                )
            if written != FORMAT:
                raise _damaged(name, "it tells no format")
            return cls(
                about,
                _mappings(_document(entries, "checks.json", name, list), "checks.json", name),
                _mappings(_document(entries, "plans.json", name, list), "plans.json", name),
                _document(entries, "configuration.json", name, dict),
                [_call(c, name) for c in _document(entries, "calls.json", name, list)],
                [_file(f, entries, name) for f in _document(entries, "files.json", name, list)],
            )
        except FileNotFoundError:
            raise BundleError(
                f"there is no file {name}",
                hint="headwater check CONNECTION --bundle FILE.zip writes one",
            ) from None
        except OSError as error:
            raise BundleError(f"{name} can't be read: {error.strerror or error}") from error


def _entries(path: Path, name: str) -> dict[str, bytes]:
    """Return the files of a zip by name, within limits; refuse any that no bundle has."""
    try:
        with zipfile.ZipFile(path) as packed:
            infos = packed.infolist()
            if len(infos) > limits.BUNDLE_ENTRIES:
                raise _damaged(name, f"it has more than {limits.BUNDLE_ENTRIES:,} files")
            entries: dict[str, bytes] = {}
            remaining = limits.BUNDLE_BYTES
            for info in infos:
                expected = info.filename in (README, *DOCUMENTS) or _PART.fullmatch(info.filename)
                if not expected:
                    raise _damaged(name, f"it has a file that no bundle has: {info.filename[:80]}")
                if info.filename in entries:
                    raise _damaged(name, f"{info.filename} is in it twice")
                if info.flag_bits & _ENCRYPTED or info.compress_type not in _METHODS:
                    raise _damaged(name, f"{info.filename} is packed in a way that no bundle is")
                entries[info.filename] = content = _content(packed, info, remaining, name)
                remaining -= len(content)
            return entries
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
        OverflowError,
    ) as error:
        raise _damaged(name, f"it is no zip file that can be read ({str(error)[:100]})") from None


def _content(packed: zipfile.ZipFile, info: zipfile.ZipInfo, remaining: int, name: str) -> bytes:
    """Return a file's content, up to the limit; the size that the zip declares is not trusted."""
    parts: list[bytes] = []
    with packed.open(info) as stream:
        while piece := stream.read(_PIECE):
            remaining -= len(piece)
            if remaining < 0:
                raise _damaged(name, f"unpacked it has more than {limits.BUNDLE_BYTES:,} bytes")
            parts.append(piece)
    return b"".join(parts)


def _document(entries: Mapping[str, bytes], entry: str, name: str, kind: type) -> Any:
    if entry not in entries:
        raise _damaged(name, f"it has no {entry}")
    try:
        value = json_value(entries[entry])
    except (ValueError, RecursionError) as error:
        raise _damaged(name, f"{entry} is no JSON that can be read ({str(error)[:100]})") from None
    if not isinstance(value, kind):
        raise _damaged(name, f"{entry} is no {'list' if kind is list else 'object'}")
    return value


def _mappings(values: list[Any], entry: str, name: str) -> list[Mapping[str, Any]]:
    if not all(isinstance(v, dict) for v in values):
        raise _damaged(name, f"{entry} holds something else than objects")
    return values


def _call(document: Any, name: str) -> Exchange:
    try:
        return Exchange(
            _checked(document["service"], str),
            _checked(document["operation"], str),
            _checked(document["region"], str),
            _checked(document["asked"], dict),
            _checked(document["status"], int),
            document["answer"],
            None if document["error"] is None else _checked(document["error"], dict),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(name, f"a call in calls.json is none ({str(error)[:100]})") from None


def _file(document: Any, entries: Mapping[str, bytes], name: str) -> BundledFile:
    try:
        size = _checked(document["size"], int)
        if not 0 <= size < 2**63:
            raise ValueError(f"size {size}")
        parts = [
            (_checked(p["form"], str), entries[_checked(p["entry"], str)])
            for p in document["parts"]
        ]
        etag = None if document["etag"] is None else _checked(document["etag"], str)
        return BundledFile(_checked(document["path"], str), size, etag, tuple(parts))
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(name, f"a file in files.json is none ({str(error)[:100]})") from None


def _checked(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise ValueError(f"{str(value)[:40]!r} is no {kind.__name__}")
    return value


def _damaged(name: str, what: str) -> BundleError:
    return BundleError(
        f"{name} is no support bundle that can be used: {what}",
        code="bundle-damaged",
        hint="ask whoever sent it for the file that `headwater check --bundle` wrote, unchanged",
    )
