"""Every code that the source can put on an error or a diagnostic, found by reading the source.

A code is whatever text reaches a parameter called `code`: of `Diagnostic`, of an error class, or of
a helper that hands its own `code` on. Classes' `default_code` count too.
"""

from __future__ import annotations

import ast
import functools
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = ("core/src", "plugins/aws/src", "plugins/glue/src", "plugins/s3/src")
NOT_OURS = ("emulator", "testing")
"""Folders and files whose codes are AWS's own, or a test's."""
_DIAGNOSTIC = {"Diagnostic": 0}
_CODE = re.compile(r"[a-z]+(-[a-z]+)*")
"""Shape of our own codes; AWS's are in camel case."""


@functools.cache
def codes() -> dict[str, set[str]]:
    """Return each code, with the files (from the root) that can emit it."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in _files()}
    # To walk a tree takes longer than to parse it: each is walked once, but for its classes.
    nodes = {path: list(ast.walk(tree)) for path, tree in trees.items()}
    places = {path: _positions(nodes[path]) for path in trees}
    everywhere = {name: at for found in places.values() for name, at in found.items()}
    # A method is called on an object, whose class need not be imported.
    methods = {
        name: at
        for path in trees
        for node in nodes[path]
        if isinstance(node, ast.ClassDef)
        for name, at in _positions(ast.walk(node)).items()
    }
    constants = {
        name.id: node.value
        for tree in trees.values()
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for name in node.targets
        if isinstance(name, ast.Name)
    }
    found: defaultdict[str, set[str]] = defaultdict(set)
    for path in trees:
        # A helper is found by its name where it is defined; elsewhere if it was imported.
        imported = {
            alias.asname or alias.name: everywhere[alias.name]
            for node in nodes[path]
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
            if alias.name in everywhere
        }
        known = {**methods, **_DIAGNOSTIC, **imported, **places[path]}
        for node in nodes[path]:
            for value in _handed_on(node, known):
                for code in _texts(value, constants):
                    found[code].add(str(path.relative_to(ROOT)))
    return dict(found)


def _files() -> Iterator[Path]:
    for source in SOURCES:
        for path in sorted((ROOT / source).rglob("*.py")):
            if not {*path.parts, path.stem}.intersection(NOT_OURS):
                yield path


def _positions(nodes: Iterable[ast.AST]) -> dict[str, int]:
    """Return the functions that take a `code`, and which argument it is."""
    found: dict[str, int] = {}
    for node in nodes:
        if isinstance(node, ast.FunctionDef):
            names = [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
            names = [n for n in names if n not in ("self", "cls")]
            if "code" in names:
                found[node.name] = names.index("code")
    return found


def _handed_on(node: ast.AST, known: Mapping[str, int]) -> Iterator[ast.expr]:
    """Yield what reaches a `code` at a node."""
    if isinstance(node, ast.Call):
        yield from (k.value for k in node.keywords if k.arg == "code")
        name = getattr(node.func, "id", getattr(node.func, "attr", None))
        place = known.get(name) if isinstance(name, str) else None
        if place is not None and len(node.args) > place:
            yield node.args[place]
    elif isinstance(node, ast.AnnAssign | ast.Assign):
        targets = [node.target] if isinstance(node, ast.AnnAssign) else node.targets
        names = {getattr(t, "id", None) for t in targets}
        if names & {"code", "default_code"} and node.value:
            yield node.value


def _texts(value: ast.expr, constants: Mapping[str, ast.Constant]) -> Iterator[str]:
    """Yield the codes that an expression may be."""
    match value:
        case ast.Constant(value=str(text)) if _CODE.fullmatch(text):
            yield text
        case ast.Name(id=name) if name in constants:
            yield from _texts(constants[name], constants)
        case ast.IfExp(body=body, orelse=orelse):
            yield from _texts(body, constants)
            yield from _texts(orelse, constants)
