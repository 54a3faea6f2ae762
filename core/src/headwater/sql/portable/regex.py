r"""Regular expressions that Java and RE2 read alike, with what differs rewritten.

Java's `.` stops at more line ends than RE2's, its `$` also stands before the last of them, and its
`\s` knows the vertical tab. Everything else is taken from a short list: literal characters, classes
of ASCII characters, `\d \w \s` and their opposites, groups, alternatives, greedy and lazy
quantifiers, `^`.
"""

from __future__ import annotations

import re
from typing import Final

from headwater import types as t
from headwater.sql.portable.pieces import Piece, Refusal
from headwater.sql.portable.spelling import text

_DOT: Final = r"[^\n\r\x{85}\x{2028}\x{2029}]"
_END: Final = r"(?:\r\n|[\n\r\x{85}\x{2028}\x{2029}])?\z"
_SPACES: Final = r"\t\n\x0B\f\r "
_CLASS: Final = re.compile(r"\[\^?(?:\\[dwsDW.\-\]\[\\^+*/|(){}$?]|[^\[\]\\&])+\]")
_TOKEN: Final = re.compile(
    r"(?P<escape>\\.)|(?P<dot>\.)|(?P<end>\$)|(?P<open>\(\?:|\(|\||\^)|(?P<close>\))"
    r"|(?P<repeat>[*+?]|\{\d{1,3}(?:,\d{0,3})?\})|(?P<plain>[^\\\[\]{}])",
    re.DOTALL,
)
_ESCAPES: Final = frozenset("dwsDWS.+*?()[]{}|^$\\/-tnr")


def matches(value: Piece, pattern: Piece) -> Piece:
    """Return whether a text contains a match of a literal pattern.

    Raises:
        Refusal: If the pattern is not a literal, or holds what the two read differently.
    """
    if value.type != t.STRING or not isinstance(pattern.literal, str):
        raise Refusal("RLIKE with a pattern that is not a literal text")
    re2 = translated(pattern.literal)
    return Piece(f"regexp_matches({value.sql}, {text(re2)})", t.BOOLEAN, value.raises)


def translated(pattern: str) -> str:
    """Return an RE2 pattern that matches the same texts as a Java pattern.

    Raises:
        Refusal: If it holds what is not on the list.
    """
    parts, position, depth = [], 0, 0
    state = "start"  # what a quantifier would follow: `start`, `atom`, `repeat` or `lazy`
    while position < len(pattern):
        if match := _CLASS.match(pattern, position):
            parts.append(_class(match.group(), pattern))
            position, state = match.end(), "atom"
            continue
        match = _TOKEN.match(pattern, position)
        if match is None:
            raise _refusal(pattern, pattern[position:])
        kind = match.lastgroup or ""
        parts.append(_part(kind, match.group(), pattern, last=match.end() == len(pattern)))
        depth += match.group().startswith("(") - (kind == "close")
        if depth < 0:
            raise _refusal(pattern, ")")
        state = _next(state, kind, match.group(), pattern)
        position = match.end()
    if depth:
        raise _refusal(pattern, "(")
    return "".join(parts)


def _next(state: str, kind: str, token: str, pattern: str) -> str:
    if kind == "open":
        return "start"
    if kind != "repeat":
        return "atom"
    if state == "atom":
        return "repeat"
    if state == "repeat" and token == "?":
        return "lazy"
    raise _refusal(pattern, token)


def _part(kind: str, token: str, pattern: str, *, last: bool) -> str:
    match kind:
        case "dot":
            return _DOT
        case "end" if last:
            return _END
        case "end":
            raise _refusal(pattern, "$ before its end")
        case "escape":
            if token[1] not in _ESCAPES:
                raise _refusal(pattern, token)
            return {r"\s": f"[{_SPACES}]", r"\S": f"[^{_SPACES}]"}.get(token, token)
        case _:
            return token


def _class(token: str, pattern: str) -> str:
    if not token.isascii():
        raise _refusal(pattern, token)
    return re.sub(r"\\(.)", lambda m: _SPACES if m[1] == "s" else m[0], token)


def _refusal(pattern: str, part: str) -> Refusal:
    return Refusal(
        f"the regular expression {pattern!r}: Java and RE2 may read {part!r} differently"
    )
