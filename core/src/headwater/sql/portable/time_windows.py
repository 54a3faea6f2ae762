"""`window(time, '1 hour')`: the window of a time, one behind the other.

Spark makes no expression of it but a column below the SELECT, and leaves out rows without a time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from headwater import types as t
from headwater.sql.functions import called
from headwater.sql.portable import casts, nested
from headwater.sql.portable.pieces import Piece, Refusal, made, refuse_unless
from headwater.sql.syntax.nodes import own_nodes

if TYPE_CHECKING:
    from headwater.sql.portable.expressions import Expressions

RULE: Final = "window"
_SESSION: Final = "session_window"
_PART: Final = re.compile(
    r"([+-]?\d{1,9}) *(week|day|hour|minute|second|millisecond|microsecond)s?"
)
_DURATION: Final = re.compile(rf" *(?:interval +)?{_PART.pattern}(?: +{_PART.pattern})* *")
_MOST: Final = 1_000
"""Windows that a row may have."""
_MICROS: Final = {
    "week": 604_800_000_000,
    "day": 86_400_000_000,
    "hour": 3_600_000_000,
    "minute": 60_000_000,
    "second": 1_000_000,
    "millisecond": 1_000,
    "microsecond": 1,
}


def is_window(node: exp.Expr | None) -> bool:
    """Return whether a node is a call of `window`."""
    return _is_call(node, RULE)


def _is_call(node: exp.Expr | None, rule: str) -> bool:
    return isinstance(node, exp.Anonymous) and called(node).rule == rule


def window(e: Expressions, node: exp.Expr) -> Piece:
    """Return the start and the end of a time's window, as a struct.

    Example: `window(ts, '1 hour')` -> `{'start': make_timestamptz(...), 'end': ...}`
    """
    moment = _time(e, node)
    length, slide, start = _numbers(node.expressions[1:])
    micros = f"epoch_us({moment.sql})"
    since = f"((({micros} - {start}) % {slide}) + {slide}) % {slide}"
    back = f" - {e.slides}.i * {slide}" if e.slides else ""
    make = "make_timestamp" if moment.type == t.TIMESTAMP_NTZ else "make_timestamptz"
    first = f"{micros} - {since}{back}"
    sql = f"{{'start': {make}({first}), 'end': {make}({first} + {length})}}"
    return made(sql, t.struct(("start", moment.type), ("end", moment.type)), [moment])


def named(e: Expressions, node: exp.Expr) -> Piece | None:
    """Return what `window` and `window.start` mean beside GROUP BY window(...), or None."""
    name = str(node.args.get("table") or node.this).strip("`").casefold()
    group = e.query.scope.node.args.get("group")
    if name not in (RULE, _SESSION) or group is None or e.keys is None:
        return None
    keys = [x for x in own_nodes(group) if _is_call(x, name)]
    if not keys:
        return None
    piece = e.piece(keys[0])
    return nested.field(piece, node.name) if node.args.get("table") else piece


def opened(e: Expressions, node: exp.Select, alias: Callable[[], str]) -> tuple[str, list[Piece]]:
    """Return what a SELECT with a window reads besides, and the condition that Spark adds below.

    Where windows slide by less than their length, a row has several: it is read that often.

    Raises:
        Refusal: If there are several windows, or one stands elsewhere than in SELECT and GROUP BY.
    """
    windows = [x for x in own_nodes(node) if is_window(x)] if e.queries.may_window else []
    if not windows:
        return "", []
    elsewhere = ("where", "having", "qualify", "order", "joins", "laterals", "from_")
    inside = [x for x in own_nodes(node, elsewhere) if is_window(x)]
    refuse_unless(
        len(inside) == len(windows), "window() outside of SELECT and GROUP BY", windows[0]
    )
    refuse_unless(
        all(x == windows[0] for x in windows), "several windows in one SELECT", windows[-1]
    )
    moment = _time(e, windows[0])
    refuse_unless(not moment.raises, "window() of a time that may raise", windows[0])
    length, slide, _ = _numbers(windows[0].expressions[1:])
    conditions = [Piece(f"({moment.sql} IS NOT NULL)", t.BOOLEAN)]
    count = -(-length // slide)
    if count == 1:
        return "", conditions
    refuse_unless(
        count <= _MOST, f"window() that gives a row more than {_MOST} windows", windows[0]
    )
    e.slides = alias()
    ends = nested.field(window(e, windows[0]), "end")
    conditions.append(Piece(f"({moment.sql} < {ends.sql})", t.BOOLEAN))
    return f"\nCROSS JOIN (SELECT unnest(range({count})) AS i) AS {e.slides}", conditions


@dataclass(frozen=True, slots=True)
class Sessions:
    """What a SELECT groups by `session_window(time, '30 minutes')`.

    Args:
        alias: What has the session of each row, as a column `w`.
        moment: The time.
        gap: How long a session goes on behind its last time, in microseconds.
    """

    alias: str
    moment: Piece
    gap: int

    def wrapped(self, text: str, where: str, kept: Mapping[str, str], keys: Iterable[str]) -> str:
        """Return FROM with the session of each row that has a time.

        A time that is not beyond the end of a session goes on with it.

        Args:
            text: What stands in FROM.
            where: The condition on its rows, or nothing.
            kept: What is asked of each source, as a struct, by its name.
            keys: What else rows are grouped by: each of these has sessions of its own.
        """
        listed = [f"{sql} AS k{i}" for i, sql in enumerate(keys)]
        parts = [f"k{i}" for i in range(len(listed))]
        each = f"PARTITION BY {', '.join(parts)} " if parts else ""
        session = f"PARTITION BY {', '.join([*parts, 'n'])}"
        is_ntz = self.moment.type == t.TIMESTAMP_NTZ
        make = "make_timestamp" if is_ntz else "make_timestamptz"
        first, last = f"min(m) OVER ({session})", f"max(m) OVER ({session}) + {self.gap}"
        columns = ", ".join([*(f"{sql} AS {name}" for name, sql in kept.items()), *listed])
        known = f"{self.moment.sql} IS NOT NULL"
        goes_on = f"m - lag(m) OVER ({each}ORDER BY m) <= {self.gap}"
        number = f"sum(apart) OVER ({each}ORDER BY m ROWS UNBOUNDED PRECEDING)"
        where = f"({where}) AND {known}" if where else known
        return (
            f"(\nSELECT {''.join(f'{name}, ' for name in kept)}"
            f"{{'start': {make}({first}), 'end': {make}({last})}} AS w FROM (\n"
            f"SELECT *, {number} AS n FROM (\n"
            f"SELECT *, CASE WHEN {goes_on} THEN 0 ELSE 1 END AS apart FROM (\n"
            f"SELECT {columns}, epoch_us({self.moment.sql}) AS m\nFROM {text}\nWHERE {where}\n"
            f") AS r) AS g) AS s) AS {self.alias}"
        )


def sessions(
    e: Expressions, node: exp.Select, keys: Sequence[exp.Expr], alias: Callable[[], str]
) -> Sessions | None:
    """Return what a SELECT groups by sessions, or None.

    Args:
        e: Compiles expressions.
        node: The SELECT.
        keys: What it groups by.
        alias: Returns a new name for a source.

    Raises:
        Refusal: If there are several, or one stands where no rows are grouped by it.
    """
    named = [e.analysis.alias_of(x) for x in keys]
    keys = [*keys, *(o.node for o in named if o is not None and o.node is not None)]
    if not any(_is_call(x.unalias(), _SESSION) for x in keys):
        return None
    found = [x for x in own_nodes(node) if _is_call(x, _SESSION)]
    elsewhere = ("where", "joins", "laterals", "from_")
    inside = [x for x in own_nodes(node, elsewhere) if _is_call(x, _SESSION)]
    same = len(inside) == len(found) and all(x == found[0] for x in found)
    refuse_unless(same, "several session windows in one SELECT", found[-1])
    moment, gap = _time(e, found[0]), _micros(found[0].expressions[1])
    refuse_unless(not moment.raises, "session_window() of a time that may raise", found[0])
    refuse_unless(gap > 0, "session_window() of a gap that is not positive", found[0])
    e.sessions = alias()
    return Sessions(e.sessions, moment, gap)


def session(e: Expressions, node: exp.Expr) -> Piece:
    """Return the start and the end of a row's session, as a struct."""
    refuse_unless(bool(e.sessions), "session_window() that rows are not grouped by", node)
    moment = _time(e, node)
    type_ = t.struct(("start", moment.type), ("end", moment.type))
    return Piece(f"{e.sessions}.w", type_)


def _time(e: Expressions, node: exp.Expr) -> Piece:
    keys, e.keys = e.keys, None
    try:
        moment = e.piece(node.expressions[0])
    finally:
        e.keys = keys
    if moment.type == t.DATE:
        return casts.cast(moment, t.TIMESTAMP)
    if moment.type not in (t.TIMESTAMP, t.TIMESTAMP_NTZ):
        raise Refusal(f"window() of a {moment.type}", node)
    return moment


def _numbers(arguments: Sequence[exp.Expr]) -> tuple[int, int, int]:
    """Return a window's length, its slide, and where one starts, in microseconds."""
    numbers = [_micros(x) for x in arguments]
    length, slide, start = (*numbers, *(numbers[0], 0)[len(numbers) - 1 :])
    refuse_unless(0 < slide <= length and abs(start) < slide, "window() with such a slide or start")
    return length, slide, start


def _micros(node: exp.Expr) -> int:
    text = node.name if isinstance(node, exp.Literal) and node.is_string else ""
    if not _DURATION.fullmatch(text.lower()):
        raise Refusal("window() by what is no whole number of weeks, days, hours or less", node)
    return sum(int(n) * _MICROS[unit] for n, unit in _PART.findall(text.lower()))
