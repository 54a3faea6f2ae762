"""SECURITY.md names the test that holds each promise: each is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMED = re.findall(r"`([\w/]+\.py)::(test_\w+)`", (ROOT / "SECURITY.md").read_text("utf-8"))


def test_every_promise_names_a_test() -> None:
    text = (ROOT / "SECURITY.md").read_text("utf-8")
    rows = text.partition("| promise | held by |")[2].splitlines()[2:]
    assert len(rows) > 8
    assert [row for row in rows if row.startswith("|") and "::test_" not in row] == []


@pytest.mark.parametrize(("path", "name"), NAMED, ids=lambda part: part)
def test_it_is_there(path: str, name: str) -> None:
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    functions = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
    assert name in functions
