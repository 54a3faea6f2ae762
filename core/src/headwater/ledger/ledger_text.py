"""The text of a ledger: JSON, a line for each window, in order; a person can read it.

The first line says what it is: its format, its version (which rises with every window that is
handed over), and how many lines follow. Lines behind those were added since: a later line of the
same window holds. A line begins with a checksum of what follows in it, so that a slip of whoever
edits it is noticed. It is no signature; a line without one is taken as it is.

    {"check":"5b0c41de","format":1,"headwater":"ledger","version":7,"windows":2}
    {"check":"07d2e9a1","as_of":"2026-03-01T00:00Z", ... "key":"m/v1/serving/1d/...", ...}
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from headwater.errors import LedgerError
from headwater.ledger.entries import Entry
from headwater.untrusted import limits
from headwater.untrusted.texts import has_halves

FORMAT: Final = 1
_WHAT: Final = "ledger"
_RESTORE: Final = (
    "restore a copy of it; or move it away, and every window is offered again, from generation 1"
)


@dataclass(frozen=True, slots=True)
class LedgerText:
    """What a ledger's text says.

    Args:
        version: Its version, with what was added counted.
        entries: The last entry of each window, by the window's key.
        added: How many lines stand behind those that the first line counts.
        writer: Who saved it: a word of their own.
    """

    version: int
    entries: Mapping[str, Entry]
    added: int = 0
    writer: str | None = None


def line(entry: Entry) -> bytes:
    """Return an entry's line, with its newline."""
    return _json(entry.to_dict())


def write(version: int, entries: Iterable[Entry], writer: str | None = None) -> bytes:
    """Return a ledger's text.

    Args:
        version: Its version.
        entries: The entries, one for each window, in any order.
        writer: Who saves it: a word by which they will know that it was them.
    """
    lines = [line(e) for e in sorted(entries, key=lambda e: e.window_key)]
    first: dict[str, Any] = {
        "headwater": _WHAT, "format": FORMAT, "version": version, "windows": len(lines)
    }  # fmt: skip
    if writer is not None:
        first["writer"] = writer
    return b"".join([_json(first), *lines])


def whole_lines(content: bytes) -> bytes:
    """Return the content up to its last newline: what follows was cut while it was added."""
    return content[: content.rfind(b"\n") + 1]


def read(content: bytes, name: str = "the ledger") -> LedgerText:
    """Return what a ledger's text says. Nothing at all is an empty ledger.

    Args:
        content: The text; a last line without its newline is not read.
        name: What a message calls it.

    Raises:
        LedgerError: If it is no ledger, is damaged, or is of a newer format.
    """
    if len(content) > limits.LEDGER_BYTES:
        raise LedgerError(
            f"{name} has more than {limits.LEDGER_BYTES:,} bytes",
            hint="keep a ledger for each model, so that each stays small",
        )
    if not content:
        return LedgerText(0, {})
    lines = whole_lines(content).split(b"\n")[:-1]
    first = _first(lines[0] if lines else content, name)
    version, count = first["version"], first["windows"]
    if len(lines) - 1 < count:
        raise _damaged(
            name, f"it has {len(lines) - 1:,} of its {count:,} windows: the rest is cut off"
        )
    entries: dict[str, Entry] = {}
    for number, text in enumerate(lines[1:], start=2):
        try:
            entry = Entry.of(_checked(text, _value(text)))
        except ValueError as error:
            raise _damaged(name, f"line {number:,}: {_reason(error)}") from None
        if number <= count + 1 and entry.window_key in entries:
            raise _damaged(name, f"line {number:,}: {entry.window_key} is there twice")
        entries[entry.window_key] = entry
    added = len(lines) - 1 - count
    return LedgerText(version + added, entries, added, first.get("writer"))


def _first(text: bytes, name: str) -> dict[str, Any]:
    try:
        first = _value(text)
    except ValueError:
        first = None
    if not isinstance(first, dict) or first.get("headwater") != _WHAT:
        raise LedgerError(
            f"{name} is no ledger: its first line does not say so",
            code="ledger-damaged",
            hint="name the file that Ledger.load(...) or Ledger.to_bytes() wrote",
        )
    written, version, windows = (first.get(n) for n in ("format", "version", "windows"))
    if type(written) is int and written > FORMAT:
        raise LedgerError(
            f"{name} is written in format {written}, and this headwater reads up to {FORMAT}",
            code="ledger-newer",
            hint="pip install --upgrade headwater",
        )
    try:
        _checked(text, first)
    except ValueError as error:
        raise _damaged(name, f"line 1: {error}") from None
    numbers = (written, version, windows)
    if any(type(n) is not int or n < 0 for n in numbers) or not isinstance(
        first.get("writer", ""), str
    ):
        raise _damaged(name, "line 1: it tells no format, version and number of windows")
    return first


def _damaged(name: str, what: str) -> LedgerError:
    return LedgerError(f"{name} is damaged: {what}", code="ledger-damaged", hint=_RESTORE)


def _constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return value


_DECODER: Final = json.JSONDecoder(parse_constant=_constant, object_pairs_hook=_unique)


def _value(text: bytes) -> Any:
    """Return the value of a line; lines are many, and most of `json_value` is not for them."""
    if len(text) > limits.LEDGER_LINE_BYTES or text.count(b"{") + text.count(b"[") > _BRACKETS:
        raise ValueError("it is too long for a window")
    value = _DECODER.decode(text.decode("utf-8"))
    if b"\\ud" in text.lower() and has_halves(json.dumps(value, ensure_ascii=False)):
        raise ValueError("it holds a half of a character")
    return value


_BRACKETS: Final = 200


def _checked(text: bytes, value: Any) -> Any:
    """Return the value of a line without its checksum, if the line is what that is of."""
    has_one = isinstance(value, dict) and value.pop("check", None) is not None
    if has_one and not text.startswith(_check(b"{" + text[_CHECK:])):
        raise ValueError("it was edited, or damaged: it is not what its checksum is of")
    return value


def _check(text: bytes) -> bytes:
    """Return how a line begins, in the place of its first bracket."""
    return b'{"check":"%08x",' % zlib.crc32(text)


_CHECK: Final = len(_check(b""))


def _reason(error: ValueError) -> str:
    match error:
        case json.JSONDecodeError():
            return "it is no JSON"
        case UnicodeDecodeError():
            return "it is no UTF-8 text"
    return str(error)


def _json(value: Mapping[str, Any]) -> bytes:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return _check(text) + text[1:] + b"\n"
