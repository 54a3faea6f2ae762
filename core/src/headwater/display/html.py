"""How values look in a notebook: small HTML tables, every text escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from headwater.display.printable import printable

_LEFT: Final = ' style="text-align:left"'
"""Notebooks set tables to the right, where a sentence can't be read."""
_COLOURS: Final = {
    "ok": "#1a7f37",
    "warning": "#9a6700",
    "failed": "#cf222e",
    "error": "#cf222e",
    "skipped": "#6e7781",
}
"""Colours of words for how something went; each can be read on white and on dark."""


@dataclass(frozen=True, slots=True)
class Status:
    """A word for how something went, in its colour."""

    word: str

    def __str__(self) -> str:
        return self.word


def escape(text: str) -> str:
    """Return a text as HTML, with unprintable characters as their codes."""
    from html import escape as escaped  # with all of HTML's names for characters

    return escaped(printable(text))


def card(title: str, *parts: str) -> str:
    """Return a titled block of parts that are HTML already."""
    return f"<div><strong>{escape(title)}</strong>{''.join(parts)}</div>"


def line(text: str) -> str:
    """Return a text as a paragraph."""
    return f"<p>{escape(text)}</p>"


def block(text: str) -> str:
    """Return a preformatted text, e.g. a rendered diagnostic."""
    return f"<pre>{escape(text)}</pre>"


def folded(title: str, text: str) -> str:
    """Return a text that opens when its title is clicked."""
    return f"<details><summary>{escape(title)}</summary>{block(text)}</details>"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table; cells are shown as text, None as nothing."""
    top = "".join(f"<th{_LEFT}>{escape(cell)}</th>" for cell in head)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def facts(rows: Iterable[tuple[str, object]]) -> str:
    """Return a table of names and values; those without a value are left out."""
    body = "".join(
        f"<tr><th{_LEFT}>{escape(name)}</th>{_cell(value)}</tr>"
        for name, value in rows
        if value is not None
    )
    return f"<table><tbody>{body}</tbody></table>"


def _cell(value: object) -> str:
    text = "" if value is None else escape(str(value))
    if isinstance(value, Status):
        colour = _COLOURS.get(value.word, "inherit")
        text = f'<span style="color:{colour};font-weight:bold">{text}</span>'
    return f"<td{_LEFT}>{text}</td>"
