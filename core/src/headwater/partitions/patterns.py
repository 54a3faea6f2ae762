"""Patterns of partition keys: how a local time is written in a key, and read back from it.

A subset of Java's `DateTimeFormatter`, because that is what Hive, Spark and Athena's partition
projection use: `yyyy` (or `uuuu`), `MM`/`M`, `dd`/`d`, `HH`/`H`, `mm`/`m`, other characters as they
are, letters in single quotes (`yyyy-MM-dd'T'HH`), two single quotes for one.

Source: Java SE, `java.time.format.DateTimeFormatter`, "Patterns for Formatting and Parsing".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from functools import lru_cache
from itertools import pairwise, product
from typing import Final, TypeAlias

from headwater.errors import ConfigError


class Unit(IntEnum):
    """A part of a local time, coarsest first."""

    YEAR = 0
    MONTH = 1
    DAY = 2
    HOUR = 3
    MINUTE = 4


SPOKEN: Final = "write yyyy, MM, dd, HH and mm, and put other letters in single quotes"

_UNITS: Final = {
    "y": Unit.YEAR,
    "u": Unit.YEAR,
    "M": Unit.MONTH,
    "d": Unit.DAY,
    "H": Unit.HOUR,
    "m": Unit.MINUTE,
}
_TRAPS: Final = {
    "Y": "Y is the year of the week, wrong around New Year; write yyyy",
    "D": "D is the day of the year; write dd for the day of the month",
    "h": "h is the hour on a 12-hour clock; write HH",
    "K": "K is the hour on a 12-hour clock; write HH",
    "k": "k counts hours from 1; write HH",
    "L": "write MM for the month",
}
_WIDTHS: Final = dict.fromkeys(Unit, (1, 2)) | {Unit.YEAR: (4,)}
_TOKEN: Final = re.compile(r"'(?:[^']|'')*'|([A-Za-z])\1*|[^A-Za-z']")


@dataclass(frozen=True, slots=True)
class TimePart:
    """A unit in a pattern; `width` 1 means without leading zeros."""

    unit: Unit
    width: int


Piece: TypeAlias = "TimePart | str"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern that was read.

    Args:
        text: As it was written.
        pieces: Its time parts and the literal text between them.
        regex: What its values look like; one group for each time part.
    """

    text: str
    pieces: tuple[Piece, ...]
    regex: re.Pattern[str]

    @property
    def parts(self) -> tuple[TimePart, ...]:
        """Its time parts, in order."""
        return tuple(p for p in self.pieces if isinstance(p, TimePart))

    @property
    def units(self) -> frozenset[Unit]:
        """What it says of a time."""
        return frozenset(p.unit for p in self.parts)

    @property
    def sortable(self) -> bool:
        """Whether the order of its values, as text, is that of the times they stand for."""
        in_order = [p.unit for p in self.parts] == list(Unit)[: len(self.parts)]
        return in_order and all(p.width > 1 for p in self.parts)

    def format(self, moment: datetime) -> str:
        """Return a local time as this pattern writes it."""
        values = (moment.year, moment.month, moment.day, moment.hour, moment.minute)
        return "".join(
            p if isinstance(p, str) else f"{values[p.unit]:0{p.width}d}" for p in self.pieces
        )

    def parse(self, text: str) -> dict[Unit, int] | None:
        """Return the time parts that a value spells, or None if it does not follow the pattern."""
        match = self.regex.fullmatch(text)
        if match is None:
            return None
        numbers: dict[Unit, int] = {}
        for part, digits in zip(self.parts, match.groups(), strict=True):
            if numbers.setdefault(part.unit, int(digits)) != int(digits):
                return None
        return numbers

    def spellings(self, text: str) -> tuple[str, ...]:
        """Return all that this pattern reads as it reads a text: its own spelling is the first.

        A part of width 1 is read with a leading zero, too. What is not read comes back alone.
        """
        match = self.regex.fullmatch(text)
        if match is None:
            return (text,)
        digits = iter(match.groups())
        ways: list[tuple[str, ...]] = []
        for piece in self.pieces:
            if isinstance(piece, str):
                ways.append((piece,))
                continue
            number = int(next(digits))
            widths = dict.fromkeys((piece.width, max(piece.width, 2)))
            ways.append(tuple(dict.fromkeys(f"{number:0{w}d}" for w in widths)))
        return tuple(map("".join, product(*ways)))


@lru_cache(maxsize=256)
def parse_pattern(text: str) -> Pattern:
    """Return a pattern that was read.

    Raises:
        ConfigError: If it has a letter outside the subset, no time at all, or could not be read
            back (`yyyyMd`: is 2024111 the 11th of January or the 1st of November?).
    """
    pieces: list[Piece] = []
    position = 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            raise ConfigError(f"pattern {text!r}: a single quote is not closed", hint=SPOKEN)
        piece = _piece(text, token)
        if isinstance(piece, str) and pieces and isinstance(pieces[-1], str):
            pieces[-1] += piece
        else:
            pieces.append(piece)
        position = token.end()
    if not any(isinstance(p, TimePart) for p in pieces):
        raise ConfigError(f"pattern {text!r} holds no time", hint=f"{SPOKEN}, e.g. yyyy-MM-dd")
    for piece, follower in pairwise(pieces):
        if isinstance(piece, TimePart) and piece.width == 1 and _may_begin_with_digit(follower):
            raise ConfigError(
                f"pattern {text!r} can't be read back: nothing separates its "
                f"{piece.unit.name.lower()} from the digits after it",
                hint="write MM, dd, HH, mm if the values have leading zeros",
            )
    return Pattern(text, tuple(pieces), re.compile("".join(map(_regex, pieces)), re.ASCII))


def _piece(text: str, token: re.Match[str]) -> Piece:
    piece, letter = token[0], token[1]
    if piece == "''":
        return "'"
    if piece.startswith("'"):
        return piece[1:-1].replace("''", "'")
    if letter is None:
        if piece in "[]{}#":
            raise ConfigError(
                f"pattern {text!r}: {piece!r} is reserved",
                hint=f"put it in single quotes: '{piece}'",
            )
        return piece
    if letter not in _UNITS:
        raise ConfigError(f"pattern {text!r}: unknown {piece!r}", hint=_TRAPS.get(letter, SPOKEN))
    unit = _UNITS[letter]
    if len(piece) not in _WIDTHS[unit]:
        allowed = " or ".join(letter * width for width in reversed(_WIDTHS[unit]))
        raise ConfigError(
            f"pattern {text!r}: {piece!r} is not supported for the {unit.name.lower()}",
            hint=f"write {allowed}",
        )
    return TimePart(unit, len(piece))


def _may_begin_with_digit(piece: Piece) -> bool:
    return isinstance(piece, TimePart) or piece[:1].isdigit()


def _regex(piece: Piece) -> str:
    if isinstance(piece, str):
        return re.escape(piece)
    return rf"(\d{{{piece.width}}})" if piece.width > 1 else r"(\d{1,2})"
