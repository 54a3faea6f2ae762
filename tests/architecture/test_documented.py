"""The reference is complete: every public name has its place, its words and its types."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from docs.hooks.public import PACKAGES, documented
from tests.workspace.test_locks import OURS

from headwater.auth.credentials import Session
from headwater.interfaces.engine import Engine
from headwater.tables.table import Catalog

ROOT = Path(__file__).parents[2]
PROTOCOLS = (Catalog, Engine, Session)
ELSEWHERE = re.compile(r"\b(see|as for|as|those of) `[\w.]+`")
"""A docstring that leaves its arguments to another one says which."""


def callables(package: str) -> Iterator[tuple[str, Any, str]]:
    """Yield what a package lets be called: its name, itself, and all that is said about it."""
    for value in documented(importlib.import_module(package)):
        name = f"{package}.{value.__name__}"
        if inspect.isfunction(value):
            yield name, value, inspect.getdoc(value) or ""
            continue
        if issubclass(value, Enum | BaseException) or getattr(value, "_is_protocol", False):
            continue
        told = "\n".join(inspect.getdoc(c) or "" for c in value.__mro__[:-1])
        yield name, value, told
        for member, what in vars(value).items():
            function = getattr(what, "__func__", what)
            if inspect.isfunction(function) and not member.startswith(("_", "test_")):
                bases = (*value.__mro__, *(p for p in PROTOCOLS if fits(value, p)))
                told = "\n".join(inspect.getdoc(getattr(b, member, None)) or "" for b in bases)
                yield f"{name}.{member}", function, told


def fits(value: type, protocol: type) -> bool:
    """Return whether a class has all methods of a protocol, which needs no inheritance."""
    return all(hasattr(value, m) for m in vars(protocol) if not m.startswith("_"))


CALLABLES = [c for package in PACKAGES for c in callables(package)]


@pytest.mark.parametrize(("name", "value", "told"), CALLABLES, ids=[c[0] for c in CALLABLES])
def test_every_argument_has_its_type_and_its_words(name: str, value: Any, told: str) -> None:
    parameters = [
        p for p in inspect.signature(value).parameters.values() if p.name not in ("self", "cls")
    ]
    assert [p.name for p in parameters if p.annotation is p.empty] == []
    if ELSEWHERE.search(told):
        return
    unsaid = [
        p.name
        for p in parameters
        if not p.name.startswith("_")
        and not re.search(rf"(^\s+\*{{0,2}}|`){p.name}(:|`)", told, re.MULTILINE)
    ]
    assert unsaid == [], f"{name}: its docstring says nothing of these"


def test_every_distribution_has_its_page() -> None:
    assert {name.replace("-", "_") for name in OURS} <= set(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_of_the_reference_stands_on_a_page_of_the_menu(package: str) -> None:
    mark = f"<!-- generated: names-of-{package.replace('.', '-').replace('_', '-')} -->"
    (page,) = [p for p in (ROOT / "docs").rglob("*.md") if mark in p.read_text(encoding="utf-8")]
    assert f": {page.relative_to(ROOT / 'docs')}\n" in (ROOT / "mkdocs.yml").read_text()


@pytest.mark.parametrize("package", PACKAGES)
def test_every_name_that_is_promised_has_its_words(package: str) -> None:
    module = importlib.import_module(package)
    values = {n: getattr(module, n) for n in getattr(module, "__all__", ())}
    silent = [
        n
        for n, v in values.items()
        if (inspect.isclass(v) or inspect.isfunction(v)) and v not in documented(module)
    ]
    assert silent == []


@pytest.mark.parametrize("name", ["Unsaid", "untyped"])
def test_the_test_sees_what_is_missing(name: str) -> None:
    def untyped(path, mode: str) -> None:  # type: ignore[no-untyped-def]
        """Open the file at `path` in some `mode`."""

    class Unsaid:
        """A file.

        Args:
            path: Where it lies.
        """

        def __init__(self, path: str, mode: str) -> None:
            pass

    told = inspect.getdoc(locals()[name]) or ""
    with pytest.raises(AssertionError, match=r"mode|path"):
        test_every_argument_has_its_type_and_its_words(name, locals()[name], told)
