"""Reading the list of mutations, `mutants.txt`.

    == core/src/headwater/tables/window.py         a file that is mutated
    ? core/tests/tables/test_window.py             the tests that are nearest to it

    - return self.start <= moment           the old text, which stands in the file exactly once
    + return self.start < moment            the new one

Blocks are separated by empty lines. A block may begin with a `?` of its own; several lines of `-`
or `+` are several lines of text, and a block without `+` takes the text out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
LIST: Final = Path(__file__).parent / "mutants.txt"


class WrongListError(Exception):
    """The list does not speak of the source as it is."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change that a test should notice.

    Args:
        path: The file, from the root.
        tests: The nearest tests, as pytest takes them.
        old: What stands in the file.
        new: What stands there instead.
        line: Where it is in the list.
    """

    path: str
    tests: tuple[str, ...]
    old: str
    new: str
    line: int

    def place(self, root: Path = ROOT) -> tuple[str, int]:
        """Return the file's text, and where the old text begins in it.

        Raises:
            WrongListError: If it does not stand there exactly once.
        """
        text = (root / self.path).read_text(encoding="utf-8")
        if (count := text.count(self.old)) != 1:
            raise WrongListError(
                f"{LIST.name}:{self.line}: {self.old!r} stands {count} times in {self.path}"
            )
        return text, text.index(self.old)

    def applied(self, root: Path = ROOT) -> str:
        """Return the file's text with the change."""
        text, start = self.place(root)
        return text[:start] + self.new + text[start + len(self.old) :]

    def __str__(self) -> str:
        text, start = self.place()
        return f"{self.path}:{text.count(chr(10), 0, start) + 1}: {self.old!r} -> {self.new!r}"


def mutants(path: Path = LIST) -> tuple[Mutant, ...]:
    """Return the list, in its order.

    Raises:
        WrongListError: If it can't be read.
    """
    return tuple(_read(path))


def _read(path: Path) -> Iterator[Mutant]:
    where: str | None = None
    nearest: tuple[str, ...] = ()
    number = 1
    for block in path.read_text(encoding="utf-8").split("\n\n"):
        lines = block.split("\n")
        first, number = number, number + len(lines) + 1
        marks = {mark: [x[2:] for x in lines if x[:2] == f"{mark} "] for mark in "=-+?"}
        if block.startswith("== "):
            where, nearest = block[3:].split("\n")[0].strip(), _tests(marks["?"])
        elif marks["-"]:
            if sum(map(len, marks.values())) < len([x for x in lines if x]):
                raise WrongListError(f"{path.name}:{first}: a line has no mark")
            tests = _tests(marks["?"]) or nearest
            if where is None or not tests:
                raise WrongListError(f"{path.name}:{first}: no file or no tests stand above")
            old, new = ("\n".join(marks[mark]) for mark in "-+")
            yield Mutant(where, tests, old, new, first)


def _tests(lines: list[str]) -> tuple[str, ...]:
    return tuple(word for line in lines for word in line.split())
