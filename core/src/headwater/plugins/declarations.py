"""What a plugin's module declares, from its source text, without importing it.

A module may be slow to import, and most of what a program does needs nothing of it. So its text is
asked first. What the text can't tell is answered as if the module did it, and it is imported.
"""

from __future__ import annotations

import ast
import functools
import os
import re
import sys
from collections.abc import Iterator, Sequence
from functools import cached_property
from importlib.abc import InspectLoader
from importlib.machinery import SourceFileLoader
from typing import TYPE_CHECKING, Final

from headwater.interfaces import distributions
from headwater.interfaces.hookspecs import API_VERSION
from headwater.interfaces.specs import CommandSpec

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

_BOUND_ELSEWHERE: Final = re.compile(
    r"import\s*\(?\s*\*|\b(?:__getattr__|setattr|globals|vars|locals|exec|eval)\b|\bsys\.modules\b"
)
"""How a module may have names that its text does not spell out."""
_COMMANDS: Final = "headwater_commands"
_API: Final = "HEADWATER_API"
_KEPT: Final = 64
"""Modules of which is known where they are and what they say: a program has few plugins."""


class Declaration:
    """What an entry point's module declares.

    Args:
        place: The entry point's value, `module` or `module:attribute`.
    """

    def __init__(self, place: str) -> None:
        self._place = place

    def may_implement(self, hook: str) -> bool:
        """Return whether the module may implement a hook."""
        return self._text is None or hook in self._text

    @cached_property
    def commands(self) -> tuple[CommandSpec, ...] | None:
        """The commands that it gives, if written out as constants; None if it must be imported."""
        if not self.may_implement(_COMMANDS):
            return ()
        text = self._text
        if text is None or text.count(_COMMANDS) != 1:
            return None
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError):
            return None
        if not _states_this_api(tree, text):
            return None
        functions = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == _COMMANDS]
        return _written_out(functions[0]) if functions else None

    @cached_property
    def _text(self) -> str | None:
        """The module's text; None where it decides nothing."""
        return None if ":" in self._place else _text_of(self._place)


def _text_of(module: str) -> str | None:
    """Return the text of a module, if its names are those that it spells out; None otherwise.

    Every workspace asks: while nothing was put where modules are looked for, the same file is
    taken, and while the file is the same, its text.
    """
    spec = _found(module, distributions.states(), tuple(map(id, sys.meta_path)))
    if spec is None or not isinstance(spec.loader, InspectLoader):
        return None
    try:
        if not isinstance(spec.loader, SourceFileLoader):
            return _spelled_out(spec.loader.get_source(module))
        status = os.stat(spec.loader.path)  # noqa: PTH116 -- a Path costs more than the call
        state = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        return _text_in(spec.loader, state)
    except (ImportError, OSError, SyntaxError, UnicodeError):
        return None


@functools.lru_cache(maxsize=_KEPT)
def _text_in(loader: SourceFileLoader, state: tuple[int, ...]) -> str | None:
    return _spelled_out(loader.get_source(loader.name))


def _spelled_out(text: str | None) -> str | None:
    return None if text is None or _BOUND_ELSEWHERE.search(text) else text


@functools.lru_cache(maxsize=_KEPT)
def _found(
    module: str, places: tuple[distributions.State, ...], finders: tuple[int, ...]
) -> ModuleSpec | None:
    """Return where a module is, found as Python finds it, its packages not imported."""
    spec = None
    path: Sequence[str] | None = None
    for name in _with_packages(module):
        spec = _module_spec(name, path)
        if spec is None:
            return None
        path = spec.submodule_search_locations
    return spec


def _with_packages(module: str) -> Iterator[str]:
    parts = module.split(".")
    return (".".join(parts[: n + 1]) for n in range(len(parts)))


def _module_spec(name: str, path: Sequence[str] | None) -> ModuleSpec | None:
    for finder in sys.meta_path:
        if (spec := finder.find_spec(name, path)) is not None:
            return spec
    return None


def _states_this_api(tree: ast.Module, text: str) -> bool:
    """Return whether a module is written for this version of the hooks: it says so, or nothing."""
    stated = [
        node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and [t.id for t in node.targets if isinstance(t, ast.Name)] == [_API]
    ]
    return stated == [API_VERSION] or (not stated and _API not in text)


def _written_out(function: ast.FunctionDef) -> tuple[CommandSpec, ...] | None:
    """Return the specs of a hook whose body is one `return` of constants; else None."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    hook = [_name(d) for d in function.decorator_list] == ["hookimpl"]
    if not hook or len(body) != 1 or not isinstance(body[0], ast.Return):
        return None
    returned = body[0].value
    if not isinstance(returned, ast.List | ast.Tuple):
        return None
    specs = [_spec(one) for one in returned.elts]
    return tuple(s for s in specs if s is not None) if all(specs) else None


def _spec(node: ast.expr) -> CommandSpec | None:
    if not isinstance(node, ast.Call) or _name(node.func) != CommandSpec.__name__:
        return None
    try:
        arguments = [ast.literal_eval(a) for a in node.args]
        named = {k.arg or "": ast.literal_eval(k.value) for k in node.keywords}
        spec = CommandSpec(*arguments, **named)
    except (TypeError, ValueError):
        return None
    return spec if all(isinstance(a, str) for a in (*arguments, *named.values())) else None


def _name(node: ast.expr) -> str:
    """Return the last name of `a.b.name`; empty for other expressions."""
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""
