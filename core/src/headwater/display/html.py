"""How values look in a notebook: small HTML tables, every text escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape as _escaped

from headwater.display.printable import printable


def escape(text: str) -> str:
    """Return a text as HTML, and what would not be seen of it by its code."""
    return _escaped(printable(text))


def card(title: str, *parts: str) -> str:
    """Return a titled block of parts that are HTML already."""
    return f"<div><strong>{escape(title)}</strong>{''.join(parts)}</div>"


def line(text: str) -> str:
    """Return a text as a paragraph."""
    return f"<p>{escape(text)}</p>"


def block(text: str) -> str:
    """Return a text as it is set, e.g. a rendered diagnostic."""
    return f"<pre>{escape(text)}</pre>"


def folded(title: str, text: str) -> str:
    """Return a text that opens when its title is clicked."""
    return f"<details><summary>{escape(title)}</summary>{block(text)}</details>"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table; cells are shown as text, None as nothing."""
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: object) -> str:
    return f"<td>{'' if value is None else escape(str(value))}</td>"
