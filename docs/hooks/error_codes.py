"""The index of the error pages: each page's code and its first sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Final

PAGES: Final = Path(__file__).parents[1] / "errors"


def index() -> str:
    """Return a table of all codes."""
    rows = [f"| [`{p.stem}`]({p.name}) | {first_sentence(p)} |" for p in pages()]
    return "\n".join(["| code | what it says |", "| --- | --- |", *rows])


def navigation() -> list[dict[str, list[str]]]:
    """Return the pages for the site's navigation, by the first letters of their codes."""
    letters: dict[str, list[str]] = {p.stem[0]: [] for p in pages()}
    for page in pages():
        letters[page.stem[0]].append(f"errors/{page.name}")
    return [{letter.upper(): found} for letter, found in letters.items()]


def pages() -> list[Path]:
    """Return the pages of the codes, in alphabetical order."""
    return sorted(p for p in PAGES.glob("*.md") if p.stem != "index")


def first_sentence(page: Path) -> str:
    """Return the first sentence under a page's heading."""
    _, _, rest = page.read_text(encoding="utf-8").partition("\n")
    paragraph = " ".join(rest.strip().split("\n\n")[0].split())
    return paragraph.partition(". ")[0].rstrip(".").replace("|", "\\|") + "."
