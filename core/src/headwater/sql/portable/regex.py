r"""Regular expressions that Java and RE2 read alike, with what differs rewritten.

Java's `.` stops at more line ends than RE2's, its `$` also stands before the last of them, and its
`\s` knows the vertical tab. Everything else is taken from a short list: literal characters, classes
of ASCII characters, `\d \w \s` and their opposites, groups, alternatives, greedy and lazy
quantifiers, `^`; `\b` in texts of ASCII characters, beyond which Java knows more letters; and
`(?i)` before all of it, by which Java means the letters of ASCII.
"""

from __future__ import annotations

import re
from typing import Final

from headwater import types as t
from headwater.sql.portable.pieces import Piece, Refusal, made
from headwater.sql.portable.raising import not_portable
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
_ESCAPES: Final = frozenset("dwsDWSbB.+*?()[]{}|^$\\/-tnr")
_EDGE: Final = re.compile(r"((?:^|[^\\])(?:\\\\)*)\\[bB]")
_ANY_CASE: Final = "(?i)"
_IN_CLASS: Final = re.compile(r"\\.|(?P<first>[^\\])(?:-(?P<last>[^\\]))?", re.DOTALL)


def matches(value: Piece, pattern: Piece) -> Piece:
    """Return whether a text contains a match of a literal pattern.

    Raises:
        Refusal: If the pattern is not a literal, or holds what the two read differently.
    """
    if value.type != t.STRING or not isinstance(pattern.literal, str):
        raise Refusal("RLIKE with a pattern that is not a literal text")
    re2 = translated(pattern.literal)
    found = made(f"regexp_matches({value.sql}, {text(re2)})", t.BOOLEAN, [value])
    return of_ascii(found, value, pattern.literal)


def of_ascii(found: Piece, value: Piece, pattern: str) -> Piece:
    """Return what was found in a text; beyond ASCII no promise, where a pattern looks for words."""
    if without_edges(pattern) == pattern:
        return found
    x, other = value.sql, not_portable(r"\b in a text that is not ASCII", found.type)
    ascii_ = f"strlen({x}) = length({x})"
    sql = f"CASE WHEN {ascii_} THEN {found.sql} WHEN {x} IS NOT NULL THEN {other} END"
    return made(sql, found.type, [found], declines=True)


def without_edges(pattern: str) -> str:
    r"""Return a pattern without `\b` and `\B`, which match no character."""
    before = ""
    while before != pattern:
        before, pattern = pattern, _EDGE.sub(r"\1", pattern)
    return pattern


def translated(pattern: str) -> str:
    """Return an RE2 pattern that matches the same texts as a Java pattern.

    Raises:
        Refusal: If it holds what is not on the list.
    """
    any_case = pattern.startswith(_ANY_CASE)
    parts, position, depth = [], len(_ANY_CASE) * any_case, 0
    state = "start"  # what a quantifier would follow: `start`, `atom`, `repeat` or `lazy`
    while position < len(pattern):
        if match := _CLASS.match(pattern, position):
            parts.append(_class(match.group(), pattern, any_case=any_case))
            position, state = match.end(), "atom"
            continue
        match = _TOKEN.match(pattern, position)
        if match is None:
            raise _refusal(pattern, pattern[position:])
        kind = match.lastgroup or ""
        part = _part(kind, match.group(), pattern, last=match.end() == len(pattern))
        both = any_case and kind == "plain" and part.isascii() and part.isalpha()
        parts.append(f"[{part.lower()}{part.upper()}]" if both else part)
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


def _class(token: str, pattern: str, *, any_case: bool) -> str:
    if not token.isascii():
        raise _refusal(pattern, token)
    if any_case:
        start = 2 if token.startswith("[^") else 1
        inside = token[start:-1]
        others = "".join(map(_other_case, _IN_CLASS.finditer(inside)))
        # In front, so that no range is torn; a minus that was first would make one.
        inside = f"\\{inside}" if inside.startswith("-") else inside
        token = f"{token[:start]}{others}{inside}]"
    return re.sub(r"\\(.)", lambda m: _SPACES if m[1] == "s" else m[0], token)


def _other_case(part: re.Match[str]) -> str:
    """Return the letters of a character or a range of a class, each in its other case."""
    if not part["first"]:
        return ""
    codes = range(ord(part["first"]), ord(part["last"] or part["first"]) + 1)
    return "".join(c.swapcase() for c in map(chr, codes) if c.isalpha())


def _refusal(pattern: str, part: str) -> Refusal:
    return Refusal(
        f"the regular expression {pattern!r}: Java and RE2 may read {part!r} differently"
    )
