"""Fixture files: queries and what is expected of them, to be read by people.

-- a title
SELECT ...
--> an argument, where there is one
--| a line that is expected
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

FIXTURES: Final = Path(__file__).parent / "fixtures"


@dataclass(frozen=True)
class Case:
    """One query of a fixture file.

    Args:
        title: What it shows.
        sql: The query.
        argument: The text after `-->`.
        expected: The lines after `--|`.
    """

    title: str
    sql: str
    argument: str
    expected: tuple[str, ...]

    def __str__(self) -> str:
        return self.title.replace(" ", "-")


def cases(name: str) -> list[Case]:
    """Return the cases of a fixture file; its first block is a remark."""
    blocks = (FIXTURES / name).read_text(encoding="utf-8").split("\n\n")
    found = [_case(b.strip("\n")) for b in blocks[1:] if b.strip()]
    assert len({c.title for c in found}) == len(found), f"a title stands twice in {name}"
    return found


def _case(block: str) -> Case:
    title, *lines = block.split("\n")
    return Case(
        title.removeprefix("-- "),
        "\n".join(x for x in lines if not x.startswith(("-->", "--|"))),
        "".join(x.removeprefix("--> ") for x in lines if x.startswith("-->")),
        tuple(x.removeprefix("--| ") for x in lines if x.startswith("--|")),
    )
