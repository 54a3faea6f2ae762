"""Spark's patterns of times, letter by letter: what writes them, and what reads them.

Only letters and lengths that were asked of Spark are known. Read are patterns with a year, of
numbers that something parts from each other or that have a fixed length.

Source: Apache Spark 4.1, "Datetime Patterns for Formatting and Parsing".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from headwater.sql.portable.pieces import Refusal
from headwater.sql.portable.spelling import text

_TOKEN: Final = re.compile(r"''|'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z'\[\]{}#]")
_STRFTIME: Final = {
    "yyyy": "%Y", "yy": "%y",
    "M": "%-m", "MM": "%m", "MMM": "%b", "MMMM": "%B",
    "L": "%-m", "LL": "%m", "LLL": "%b", "LLLL": "%B",
    "d": "%-d", "dd": "%d", "D": "%-j", "DDD": "%j",
    "H": "%-H", "HH": "%H", "h": "%-I", "hh": "%I", "m": "%-M", "mm": "%M", "s": "%-S", "ss": "%S",
    "a": "%p", "E": "%a", "EE": "%a", "EEE": "%a", "EEEE": "%A",
    "G": "AD", "X": "Z", "XX": "Z", "XXX": "Z", "x": "+00", "xx": "+0000", "xxx": "+00:00",
    "Z": "+0000", "ZZ": "+0000", "ZZZ": "+0000", "z": "UTC", "zz": "UTC", "zzz": "UTC", "VV": "UTC",
}  # fmt: skip
"""What writes a run of letters, of the years 1 to 9999 in UTC."""
_COMPUTED: Final = {
    "y": "CAST(year({0}) AS VARCHAR)",
    "Q": "CAST(quarter({0}) AS VARCHAR)",
    "QQ": "'0' || quarter({0})",
    "QQQ": "'Q' || quarter({0})",
    "q": "CAST(quarter({0}) AS VARCHAR)",
    "K": "CAST(hour({0}) % 12 AS VARCHAR)",
    "KK": "lpad(CAST(hour({0}) % 12 AS VARCHAR), 2, '0')",
    "k": "CAST((hour({0}) + 23) % 24 + 1 AS VARCHAR)",
    "kk": "lpad(CAST((hour({0}) + 23) % 24 + 1 AS VARCHAR), 2, '0')",
}
"""What writes those that strftime has no letter for; {0} is a wall clock."""
_READ: Final = {
    "yyyy": ("year", "([1-9][0-9]{3})"),
    "MM": ("month", "([0-9]{2})"), "M": ("month", "([0-9]{1,2})"),
    "dd": ("day", "([0-9]{2})"), "d": ("day", "([0-9]{1,2})"),
    "HH": ("hour", "([0-9]{2})"), "H": ("hour", "([0-9]{1,2})"),
    "hh": ("half", "([0-9]{2})"), "h": ("half", "([0-9]{1,2})"),
    "mm": ("minute", "([0-9]{2})"), "m": ("minute", "([0-9]{1,2})"),
    "ss": ("second", "([0-9]{2})"), "s": ("second", "([0-9]{1,2})"),
    "a": ("noon", "([AP]M)"),
    "MMM": ("name", "(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"),
    "XXX": ("zone", "(Z|[+-][0-9]{2}:[0-9]{2})"),
}  # fmt: skip
"""The field that a run of letters is, and the texts of it that are read."""
_RANGES: Final = {
    "month": (1, 12), "day": (1, 31), "hour": (0, 23), "half": (1, 12), "minute": (0, 59),
    "second": (0, 59),
}  # fmt: skip
_MONTHS: Final = "JanFebMarAprMayJunJulAugSepOctNovDec"


def tokens(pattern: str) -> Iterator[tuple[str, str]]:
    """Yield the parts of a pattern: runs of a letter as `("", run)`, other text as `(text, "")`.

    Raises:
        Refusal: If it has what is not known: sections that may be left out.
    """
    at = 0
    while at < len(pattern):
        match = _TOKEN.match(pattern, at)
        if match is None:
            raise refusal(pattern)
        at = match.end()
        whole = match[0]
        if match[2]:
            yield "", whole
        elif whole == "''":
            yield "'", ""
        else:
            yield (match[1].replace("''", "'") if match[1] is not None else whole), ""


def refusal(pattern: str) -> Refusal:
    """Return why a pattern is refused."""
    return Refusal(f"times by the pattern {pattern!r}: not proven")


def written(pattern: str, wall: str) -> str:
    """Return SQL that writes a wall clock of the years 1 to 9999 by a pattern.

    Args:
        pattern: Spark's.
        wall: SQL of a timestamp without a zone.

    Raises:
        Refusal: If a part of it is not known.
    """
    parts: list[str] = []
    plain = ""
    for literal, run in tokens(pattern):
        if literal:
            plain += literal.replace("%", "%%")
        elif run in _STRFTIME:
            plain += _STRFTIME[run]
        else:
            parts += [_strftime(wall, plain)] if plain else []
            plain = ""
            parts.append(_computed(pattern, run, wall))
    parts += [_strftime(wall, plain)] if plain or not parts else []
    return f"({' || '.join(parts)})" if len(parts) > 1 else parts[0]


def _strftime(wall: str, format_: str) -> str:
    return f"strftime({wall}, {text(format_)})"


def _computed(pattern: str, run: str, wall: str) -> str:
    if set(run) == {"S"} and len(run) <= 9:
        return f"rpad(left(strftime({wall}, '%f'), {min(len(run), 6)}), {len(run)}, '0')"
    if run not in _COMPUTED:
        raise refusal(pattern)
    return f"({_COMPUTED[run].format(wall)})"


class Reader:
    """Reads texts by a pattern.

    Args:
        pattern: Spark's.
        value: SQL of the text.

    Raises:
        Refusal: If a part of it is not known, or numbers of no fixed length touch.
    """

    def __init__(self, pattern: str, value: str) -> None:
        self.pattern = pattern
        self._value = value
        self._fields: dict[str, int] = {}
        shape, before = "", ""
        for literal, run in tokens(pattern):
            if literal:
                shape, before = shape + re.escape(literal), ""
                continue
            field, texts = _READ.get(run) or self._fraction(run)
            touching = before and (len(before) < 2 or len(run) < 2 or field == "fraction")
            if field in self._fields or touching:
                raise refusal(pattern)
            self._fields[field] = len(self._fields) + 1
            shape += texts
            before = run if field not in ("noon", "name", "zone") else ""
        names = self._fields.keys()
        twice = {"month", "name"} <= names or {"hour", "half"} <= names
        if "year" not in names or twice or ("half" in names) != ("noon" in names):
            raise refusal(pattern)
        self._shape = shape

    def _fraction(self, run: str) -> tuple[str, str]:
        if set(run) != {"S"} or len(run) > 6:
            raise refusal(self.pattern)
        return "fraction", f"([0-9]{{{len(run)}}})"

    @property
    def fits(self) -> str:
        """SQL of whether a text has the pattern's shape."""
        return f"regexp_full_match({self._value}, {text(self._shape)})"

    @property
    def in_range(self) -> str:
        """SQL of whether the numbers of a text that fits are some of a day and its time."""
        checks = [
            f"{self._number(f)} BETWEEN {low} AND {high}"
            for f, (low, high) in _RANGES.items()
            if f in self._fields
        ]
        if "zone" in self._fields:
            zone = f"substring({self._part('zone')}, 2)"
            checks.append(f"(len({zone}) = 0 OR {zone} <= '18:00' AND right({zone}, 2) < '60')")
        first = f"make_date({self._year}, {self._month}, 1)"
        # The conditions before it hold where the last one is evaluated.
        days = f"CASE WHEN {' AND '.join(checks)} THEN {self._day} <= day(last_day({first}))"
        return f"{days} ELSE false END" if checks else "true"

    @property
    def date(self) -> str:
        """SQL of the day of a text that fits, in UTC where it names a zone."""
        return f"CAST({self.moment} AS DATE)" if "zone" in self._fields else self._made_date

    @property
    def wall_clock(self) -> str:
        """SQL of the wall clock of a text that fits, whatever zone it names."""
        minutes = f"{self._hour} * 60 + {self._of('minute')}"
        micros = f"{self._of('second')} * 1000000 + {self._micros}"
        return f"({self._made_date} + to_minutes({minutes}) + to_microseconds({micros}))"

    @property
    def moment(self) -> str:
        """SQL of the wall clock of a text that fits, in UTC where it names a zone."""
        sql = self.wall_clock
        if "zone" not in self._fields:
            return sql
        zone = self._part("zone")
        offset = (
            f"CAST(substring({zone}, 2, 2) AS INTEGER) * 60 + CAST(right({zone}, 2) AS INTEGER)"
        )
        sign = f"CASE WHEN {zone}[1] = '-' THEN 1 ELSE -1 END"
        return f"CASE WHEN {zone} = 'Z' THEN {sql} ELSE {sql} + to_minutes({sign} * ({offset})) END"

    @property
    def _made_date(self) -> str:
        return f"make_date({self._year}, {self._month}, {self._day})"

    @property
    def _year(self) -> str:
        return self._number("year")

    @property
    def _month(self) -> str:
        if "name" in self._fields:
            return f"((strpos({text(_MONTHS)}, {self._part('name')}) + 2) // 3)"
        return self._of("month", "1")

    @property
    def _day(self) -> str:
        return self._of("day", "1")

    @property
    def _hour(self) -> str:
        if "half" not in self._fields:
            return self._of("hour")
        noon = f"CASE WHEN {self._part('noon')} = 'PM' THEN 12 ELSE 0 END"
        return f"({self._number('half')} % 12 + {noon})"

    @property
    def _micros(self) -> str:
        if "fraction" not in self._fields:
            return "0"
        return f"CAST(rpad({self._part('fraction')}, 6, '0') AS INTEGER)"

    def _of(self, field: str, default: str = "0") -> str:
        return self._number(field) if field in self._fields else default

    def _number(self, field: str) -> str:
        return f"CAST({self._part(field)} AS INTEGER)"

    def _part(self, field: str) -> str:
        return f"regexp_extract({self._value}, {text(self._shape)}, {self._fields[field]})"
