"""One way for optional abilities: `offers` of a protocol, never a name that is asked for."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from headwater.interfaces.abilities import ABILITIES

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "core/src").rglob("*.py")) + sorted(ROOT.glob("plugins/*/src/**/*.py"))

FOREIGN = {
    "HEADWATER_API": "a plugin's module, which need not state it",
    "__arrow_c_stream__": "Arrow's own protocol: any library's object",
    "__dict__": "any object, in a contract suite that looks for secrets in it",
    "__module__": "any callable that a plugin gave",
    "__name__": "any callable or module that was given",
    "__slots__": "any class, in a contract suite that looks for secrets in it",
    "_expiry_time": "botocore's credentials have no public word for it",
    "describe": "any object, in a contract suite that looks for secrets in it",
    "errno": "exceptions of libraries, some of which are OSErrors by half",
    "kind": "any plugin, in a contract suite's words",
    "name": "any plugin, in a contract suite's words; a sqlglot node or a text",
    "operation_name": "botocore's exceptions",
    "reason": "urllib's exceptions",
    "response": "botocore's exceptions",
    "retryable": "any exception of a plugin",
    "strerror": "OSErrors, and pyarrow's exceptions that are none",
}
"""What may be asked of an object by its name, and whose object that is: never one with an interface
of ours."""


def calls(code: str) -> list[ast.Call]:
    return [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]


@pytest.fixture(scope="module")
def sources() -> dict[Path, list[ast.Call]]:
    """The calls of each file of the sources."""
    return {path: calls(path.read_text(encoding="utf-8")) for path in SOURCES}


def asked_by_name(calls: Iterable[ast.Call]) -> Iterator[str]:
    """Yield each name that `getattr` or `hasattr` asks for, where it is written out."""
    for call in calls:
        match call:
            case ast.Call(
                func=ast.Name("getattr" | "hasattr"), args=[_, ast.Constant(str() as name), *_]
            ):
                yield name


def test_no_ability_is_asked_for_by_its_name(sources: dict[Path, list[ast.Call]]) -> None:
    asked = {
        (str(p.relative_to(ROOT)), n) for p, calls in sources.items() for n in asked_by_name(calls)
    }
    bare = {(path, name) for path, name in asked if name not in FOREIGN}
    assert bare == set(), (
        "give it a protocol (headwater.interfaces.abilities), or say whose object it is"
    )
    assert FOREIGN.keys() == {name for _, name in asked}, "an exception is needed no more"


PROTOCOLS = {ability.__name__ for abilities in ABILITIES.values() for ability in abilities}


def test_no_ability_is_asked_for_by_isinstance(sources: dict[Path, list[ast.Call]]) -> None:
    """From Python 3.12 on it does not see what an object hands on to another (`__getattr__`)."""
    asked = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, calls in sources.items()
        for node in calls
        if isinstance(node.func, ast.Name)
        and node.func.id == "isinstance"
        and PROTOCOLS & {n.id for n in ast.walk(node.args[1]) if isinstance(n, ast.Name)}
    ]
    assert asked == []


def test_the_test_sees_an_ability() -> None:
    code = 'x = getattr(session, "changes", None) or hasattr(y, "notes") or getattr(a, name)'
    assert set(asked_by_name(calls(code))) == {"changes", "notes"}
