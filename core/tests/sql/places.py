"""Places of the source that can refuse: found in its text, and seen at work.

A place is a call that makes a refusal: `raise Refusal(...)`, or a call of a helper that makes one
for its caller. Reading finds all of them; `recorded` tells which ones a query reached.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True, order=True)
class Place:
    """Where a refusal is made.

    Args:
        module: Name of the file.
        line: Its line, from 1.
        column: Its column, from 0.
    """

    module: str
    line: int
    column: int


def places(
    paths: Iterable[Path], names: Collection[str], helpers: Collection[str]
) -> dict[Place, str]:
    """Return the calls that make a refusal, each with its source.

    Args:
        paths: The modules.
        names: What makes a refusal when it is called.
        helpers: Functions that make one for whoever calls them; their own calls are no places.
    """
    found: dict[Place, str] = {}
    for path in sorted(paths):
        todo: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
        while todo:
            node = todo.pop()
            if isinstance(node, ast.FunctionDef) and node.name in helpers:
                continue
            todo += ast.iter_child_nodes(node)
            if isinstance(node, ast.Call) and _name(node.func) in {*names, *helpers}:
                place = Place(path.name, node.lineno, node.col_offset)
                found[place] = ast.unparse(node)
    return dict(sorted(found.items()))


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


@contextmanager
def recorded(made: type, helpers: Collection[str]) -> Iterator[list[Place]]:
    """Give the list of the places that make objects of a class, filled as they are reached.

    Args:
        made: The class.
        helpers: Functions whose callers are the places.
    """
    seen: list[Place] = []
    original: Any = made.__init__  # type: ignore[misc]

    def initialise(self: Any, *arguments: Any, **named: Any) -> None:
        frame = sys._getframe(1)
        while frame.f_code.co_name in helpers and frame.f_back is not None:
            frame = frame.f_back
        positions = list(frame.f_code.co_positions())[frame.f_lasti // 2]
        line, _, column, _ = positions
        seen.append(Place(Path(frame.f_code.co_filename).name, line or 0, column or 0))
        original(self, *arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(made, "__init__", initialise)
        yield seen


def shown(missing: Iterable[Place], sources: dict[Place, str]) -> str:
    """Return places for somebody who has to go there, one to a line."""
    return "\n".join(f"{p.module}:{p.line}: {sources[p]}" for p in missing)
