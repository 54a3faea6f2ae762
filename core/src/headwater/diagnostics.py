"""Diagnostics: findings as values, and how a person sees them.

A finding about a query, a mapping or a table is never raised where it is found; it is collected,
so that every problem is shown at once. `errors.QueryError` carries a tuple of them.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any

from headwater.display.printable import printable

_SHOWN = 120
"""How many characters of a long source line are shown around a finding."""


_COMPARED = 2_000
"""How many names are compared with one that is not known."""


class Severity(StrEnum):
    """How much a diagnostic matters: an `ERROR` stops the read, the others are shown."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a text: half-open, in characters from 0.

    Args:
        start: Offset of its first character.
        end: Offset behind its last one.
    """

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise ValueError(f"a span needs 0 <= start <= end, got [{self.start}, {self.end})")

    def line_column(self, text: str) -> tuple[int, int]:
        """Return the 1-based line and column of the span's start in `text`."""
        before = text[: self.start]
        return before.count("\n") + 1, self.start - (before.rfind("\n") + 1) + 1


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding.

    Args:
        code: Stable kebab-case identifier, documented in `docs/errors/`, e.g. `unknown-column`.
        message: What is wrong and with which object, one sentence without a final full stop.
        severity: Whether it stops the read.
        span: Where in `text` it is, when it is about a place in a text.
        hint: What to do next.
        text: The text that `span` refers to (usually the user's query).
    """

    code: str
    message: str
    severity: Severity = Severity.ERROR
    span: Span | None = None
    hint: str | None = None
    text: str | None = None

    @property
    def line(self) -> int | None:
        """1-based line of the finding, or None where it has no place in a text."""
        return self._position()[0]

    @property
    def column(self) -> int | None:
        """1-based column of the finding, or None where it has no place in a text."""
        return self._position()[1]

    def _position(self) -> tuple[int | None, int | None]:
        if self.span is None or self.text is None:
            return None, None
        return self.span.line_column(self.text)

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict with keys code, severity, message, line, column, hint."""
        return {
            "code": self.code,
            "severity": str(self.severity),
            "message": self.message,
            "line": self.line,
            "column": self.column,
            "hint": self.hint,
        }

    def render(self) -> str:
        """Return the finding for a person: message, source line with caret, hint.

        Example:
            >>> text = "SELECT amout FROM t"
            >>> print(
            ...     Diagnostic(
            ...         "unknown-column",
            ...         "no column 'amout'",
            ...         span=Span(7, 12),
            ...         text=text,
            ...         hint="did you mean 'amount'?",
            ...     ).render()
            ... )
            error[unknown-column]: no column 'amout'
              1 | SELECT amout FROM t
                |        ^^^^^
                = did you mean 'amount'?
        """
        lines = [f"{self.severity}[{self.code}]: {self.message}"]
        gutter = "    "
        if self.span is not None and self.text is not None:
            line, column = self.span.line_column(self.text)
            source = self.text.split("\n")[line - 1]
            number = f"{line:>3}"
            gutter = " " * (len(number) + 1)
            source, place = _around(source, column - 1)
            length = max(1, min(self.span.end - self.span.start, len(source) - place))
            # Tabs are kept in the padding so that the caret lands under its word.
            pad = "".join("\t" if c == "\t" else " " for c in source[:place])
            lines += [f"{number} | {source}", f"{gutter}| {pad}{'^' * length}"]
        if self.hint:
            lines += [f"{gutter}= {part}" for part in self.hint.splitlines()]
        return printable("\n".join(lines))


def _around(source: str, place: int) -> tuple[str, int]:
    """Return what is shown of a line, a generated one may be endless, and the place in it."""
    if len(source) <= _SHOWN:
        return source, place
    start = max(0, min(place - _SHOWN // 3, len(source) - _SHOWN))
    end = start + _SHOWN
    before, after = "..." if start else "", "..." if end < len(source) else ""
    return before + source[start:end] + after, len(before) + place - start


def render_all(diagnostics: Iterable[Diagnostic]) -> str:
    """Return all findings for a person, errors first, then in the order of their places."""
    order = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}
    ranked = sorted(diagnostics, key=lambda d: (order[d.severity], d.span.start if d.span else -1))
    return "\n".join(d.render() for d in ranked)


def errors_in(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Return only the diagnostics that stop a read."""
    return tuple(d for d in diagnostics if d.severity is Severity.ERROR)


def remarks_in(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Return only the diagnostics that stop nothing."""
    return tuple(d for d in diagnostics if d.severity is not Severity.ERROR)


def diagnostics_of(answers: Iterable[object]) -> tuple[Diagnostic, ...]:
    """Return the findings that a plugin gave, as a sequence or one by one.

    Args:
        answers: What it gave.

    Raises:
        TypeError: If something of it is no diagnostic.
    """
    diagnostics = []
    for one in answers:
        if not isinstance(one, Diagnostic):
            raise TypeError(f"it must give Diagnostics, not {one!r}")
        diagnostics.append(one)
    return tuple(diagnostics)


def did_you_mean(name: str, known: Iterable[str], *, limit: int = 3) -> str | None:
    """Return "did you mean 'a' or 'b'?" for the known names nearest to `name`, or None.

    The comparison ignores case; the names are shown as they are known.
    """
    folded = name.casefold()
    reach = max(2, 2 * len(name))  # beyond, no two texts are alike enough
    alike = (str(k) for k in known if abs(len(str(k)) - len(name)) <= reach)
    by_folded = {k.casefold(): k for k in islice(alike, _COMPARED) if len(k) <= _SHOWN}
    if len(name) > _SHOWN:
        return None
    near = difflib.get_close_matches(folded, by_folded, n=limit, cutoff=0.6)
    if not near:
        return None
    return f"did you mean {' or '.join(repr(by_folded[n]) for n in near)}?"


def hint_for(name: str, known: Iterable[str], *, what: str, most: int = 8) -> str:
    """Return a did-you-mean, or a short list of what is there when nothing is near.

    Args:
        name: What the user wrote.
        known: What exists.
        what: Plural noun for the list, e.g. `columns`.
        most: How many names to list at most.
    """
    names = list(known)
    guess = did_you_mean(name, names)
    if guess:
        return guess
    if not names:
        return f"there are no {what}"
    listed = ", ".join(names[:most]) + (f", ... ({len(names)} in all)" if len(names) > most else "")
    return f"{what}: {listed}"
