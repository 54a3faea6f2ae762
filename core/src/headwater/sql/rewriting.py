"""Rewriting by edits: a rule looks at an analysis and returns edits on the user's text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from headwater.diagnostics import Span

if TYPE_CHECKING:
    from headwater.sql.analysis import Analysis, TableReference


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


def shifted(spans: Iterable[Span], edits: Iterable[Edit]) -> tuple[Span, ...]:
    """Return the spans that pieces of a text have after edits, without what the edits insert.

    Args:
        spans: The pieces, of the text before.
        edits: The edits, as `apply` takes them.
    """
    in_order = sorted(edits)
    spans_: list[Span] = []
    for span in spans:
        start, moved = span.start, 0
        for edit in in_order:
            if edit.start >= span.end:
                break
            if edit.end > span.start:  # it parts the piece
                if edit.start > start:
                    spans_.append(Span(start + moved, edit.start + moved))
                start = edit.end
            moved += len(edit.text) - (edit.end - edit.start)
        if start < span.end:
            spans_.append(Span(start + moved, span.end + moved))
    return tuple(spans_)


def edited_spans(edits: Iterable[Edit]) -> tuple[Span, ...]:
    """Return the spans that the texts of edits have once the edits are applied.

    Args:
        edits: The edits, as `apply` takes them.
    """
    spans: list[Span] = []
    moved = 0
    for edit in sorted(edits):
        spans.append(Span(edit.start + moved, edit.start + moved + len(edit.text)))
        moved += len(edit.text) - (edit.end - edit.start)
    return tuple(spans)


def aliases_for(
    analysis: Analysis, names: Mapping[TableReference, str]
) -> tuple[dict[TableReference, str], list[Edit]]:
    """Return aliases for tables whose own names are about to go, so that all columns stay theirs.

    A table is called by its name, as before. Where a column is written with its database, that
    does not do: what `db.t.column` means, `t.column` may mean of another t, or of a struct that is
    called so. Such a table gets a name that nothing else has, also before its other columns.

    Args:
        analysis: The query that names them.
        names: The tables, none of which has an alias, and the names that nothing else has.

    Returns:
        The alias of each, quoted, and the edits of the columns' names.
    """
    qualified = list(analysis.qualified())
    several = {r for _, q in qualified if len(q.references) > 1 for r in q.references}
    apart = {r for _, q in qualified if q.parts > 1 for r in q.references if r in names} - several
    aliases = {r: quoted(names[r] if r in apart else r.node.name) for r in names}
    edits = [Edit.replace(s, aliases[r]) for s, q in qualified for r in q.references if r in apart]
    return aliases, edits


def quoted(name: str) -> str:
    """Return a Spark SQL identifier in backticks."""
    return f"`{name.replace('`', '``')}`"


def text_literal(value: str) -> str:
    """Return a Spark SQL literal for a text."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
