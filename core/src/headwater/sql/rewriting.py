"""Rewriting by edits: a rule looks at an analysis and returns edits on the user's text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from headwater.diagnostics import Span

if TYPE_CHECKING:
    from headwater.sql.analysis import Analysis


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Replace the characters `[start, end)` of a text; `start == end` inserts.

    Args:
        start: Of the first character that goes, from 0.
        end: Behind the last one.
        text: What comes in their place.
    """

    start: int
    end: int
    text: str

    @classmethod
    def replace(cls, span: Span, text: str) -> Edit:
        """Return the edit that puts `text` in the place of `span`."""
        return cls(span.start, span.end, text)


RewriteRule: TypeAlias = "Callable[[Analysis], Sequence[Edit]]"
"""A pure function; rules never see each other's edits within a round."""


def apply(text: str, edits: Iterable[Edit]) -> str:
    """Return `text` with all edits made at once.

    Raises:
        ValueError: If an edit lies outside the text, or two overlap (two insertions at one place
            included, since their order would be arbitrary).
    """
    parts: list[str] = []
    position = 0
    last: Edit | None = None
    for edit in sorted(edits):
        if not 0 <= edit.start <= edit.end <= len(text):
            raise ValueError(f"{edit} lies outside a text of {len(text)} characters")
        if last is not None and (edit.start < last.end or edit.start == last.start):
            raise ValueError(f"{edit} overlaps {last}")
        parts += [text[position : edit.start], edit.text]
        position, last = edit.end, edit
    return "".join([*parts, text[position:]])


def quoted(name: str) -> str:
    """Return a Spark SQL identifier in backticks."""
    return f"`{name.replace('`', '``')}`"


def text_literal(value: str) -> str:
    """Return a Spark SQL literal for a text."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
