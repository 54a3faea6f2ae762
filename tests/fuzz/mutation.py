"""Inputs made of others: texts, bytes and documents, changed a little or a lot, by one seed."""

from __future__ import annotations

import copy
import json
import re
from random import Random
from typing import Any, Final

PIECE: Final = re.compile(r"\s+|\w+|'[^']*'|.", re.DOTALL)
MOST: Final = 100_000
"""Characters to which an input may grow."""

ODD: Final = (
    "\0", "\x01", "\x1b[31m", "\u202e", "\ufeff", "\ud800", "\udfff", "²", "٣", "é", "\U0001f600",
    "\\", "'", '"', "`", "''", "--", "/*", "*/", "${x}", "%s", "\r\n", "\t", "\u2028", "\x85", "",
)  # fmt: skip
NUMBERS: Final = (
    "0", "-1", "1", "²", "1e999999999", "-0", "NaN", "Infinity", "0x1f", "1_0", "2147483648",
    "9223372036854775808", "-9223372036854775809", "1e309", "0.1", "1e-400", "9" * 39, "9" * 400,
    "9" * 4301, "0" * 4301 + "1",
)  # fmt: skip


def odd(rng: Random) -> str:
    """Return a piece of text that programs stumble over."""
    return rng.choice(rng.choice((ODD, NUMBERS)))


def text(rng: Random, given: str, others: list[str]) -> str:
    """Return a text with some of its pieces changed.

    Args:
        rng: Decides.
        given: The text.
        others: Texts of the same grammar, to take pieces from.
    """
    pieces = PIECE.findall(given)
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        at = rng.randrange(len(pieces) + 1)
        end = min(len(pieces), at + rng.choice((1, 1, 2, 5, 20)))
        match rng.randrange(9):
            case 0:
                del pieces[at:end]
            case 1:
                pieces[at:at] = pieces[at:end]
            case 2:
                pieces.insert(at, odd(rng))
            case 3:
                pieces[at:end] = [odd(rng)]
            case 4:
                pieces[at:at] = (pieces[at:end] or ["("]) * rng.choice((3, 50, 400))
            case 5:
                theirs = PIECE.findall(rng.choice(others))
                start = rng.randrange(len(theirs) + 1)
                pieces[at:end] = theirs[start : start + rng.choice((1, 3, 10, 40))]
            case 6:
                opening, closing = rng.choice((("(", ")"), ("<", ">"), ("[", "]"), ("{", "}")))
                depth = rng.choice((1, 3, 40, 60, 2_000))
                pieces[at:at] = [opening * depth]
                pieces[end + 1 : end + 1] = [closing * depth]
            case 7:
                other = rng.randrange(len(pieces) + 1)
                if at < len(pieces) and other < len(pieces):
                    pieces[at], pieces[other] = pieces[other], pieces[at]
            case _:
                numbers = [i for i, p in enumerate(pieces) if p[:1].isdigit()]
                if numbers:
                    pieces[rng.choice(numbers)] = rng.choice(NUMBERS)
        if sum(map(len, pieces)) > MOST:
            break
    return "".join(pieces)[:MOST]


def data(rng: Random, given: bytes) -> bytes:
    """Return bytes of which some are flipped, cut, doubled or replaced."""
    found = bytearray(given)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        if not found:
            return bytes(found)
        # Formats keep what describes them at both ends.
        reach = rng.choice((len(found), min(len(found), 64), min(len(found), 600)))
        at = rng.randrange(reach)
        at = at if rng.random() < 0.4 else len(found) - 1 - at
        match rng.randrange(6):
            case 0:
                found[at] ^= 1 << rng.randrange(8)
            case 1:
                found[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF))
            case 2:
                del found[at : at + rng.choice((1, 4, 100))]
            case 3:
                found[at:at] = rng.randbytes(rng.choice((1, 4, 100)))
            case 4:
                found[at : at + 8] = rng.choice((b"\xff" * 8, b"\0" * 8, b"\xff" * 7 + b"\x7f"))
            case _:
                del found[rng.randrange(len(found)) :]
    return bytes(found)


STRANGE: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63) - 1, 10**40, 1.5, 1e308, "", "x", "²", "-1",
    "9" * 4301, [], {}, [[]], [{}], {"type": "struct", "fields": []}, "\0", "\ud800", "../..", "file:///etc/x",
    "s3://", "s3://b/../k", "http://127.0.0.1:1/", "decimal(99,1)", "struct<a:int>", ["x", None],
)  # fmt: skip


def document(rng: Random, given: Any) -> Any:
    """Return a JSON document with some of its values changed."""
    try:
        return _changed(rng, given)
    except RecursionError:  # it nests deeper than can be copied or written
        return "[" * 5_000


def _changed(rng: Random, given: Any) -> Any:
    found = copy.deepcopy(given)
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        places = list(_places(found))
        if not places:
            return rng.choice(STRANGE)
        holder, key = rng.choice(places)
        match rng.randrange(7):
            case 0:
                del holder[key]
            case 1 | 2:
                holder[key] = copy.deepcopy(rng.choice(STRANGE))
            case 3:
                other, theirs = rng.choice(places)
                holder[key] = copy.deepcopy(other[theirs])
            case 4:
                value = holder[key]
                depth = rng.choice((2, 30, 150, 250))
                for _ in range(depth):
                    value = [value] if rng.random() < 0.5 else {"type": value}
                holder[key] = value
            case 5 if isinstance(holder, list):
                holder[:] = holder * rng.choice((2, 50))
            case _:
                if isinstance(holder, dict):
                    holder[str(odd(rng))] = holder[key]
        if len(json.dumps(found, default=str)) > MOST:
            break
    return found


def _places(found: Any, most: int = 2_000) -> list[tuple[Any, Any]]:
    places: list[tuple[Any, Any]] = []
    todo = [found] if isinstance(found, (dict, list)) else []
    while todo and len(places) < most:
        here = todo.pop()
        keys: Any = here if isinstance(here, dict) else range(len(here))
        for key in keys:
            places.append((here, key))
            if isinstance(here[key], (dict, list)):
                todo.append(here[key])
    return places


def json_text(rng: Random, given: Any) -> bytes:
    """Return a document as others may write it: changed as a document, or as a text."""
    if rng.random() < 0.75:
        written = json.dumps(document(rng, given), ensure_ascii=rng.random() < 0.5)
    else:
        whole = json.dumps(given)
        written = text(rng, whole, [whole])
    return written.encode("utf-8", "surrogatepass")
