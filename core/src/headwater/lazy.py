"""Packages whose names are imported from their homes when they are first used."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any


def names_of(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the `__getattr__` and `__dir__` of a package.

    Args:
        package: Its `__name__`.
        homes: The module of each name; a name whose home is its own module is that module.
    """

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home = homes[name]
        with _without_garbage_collection():
            module = import_module(home)
        if home == f"{package}.{name}":
            return module
        value = getattr(module, name)
        setattr(sys.modules[package], name, value)
        return value

    def listed() -> list[str]:
        return sorted({*vars(sys.modules[package]), *homes})

    return get, listed


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Let Python look for no garbage: a hundred modules that are imported make none.

    It looks through all that there is whenever more came, and modules come and stay; to look for
    nothing takes a tenth of a short process. When the last is left its own setting is as before,
    and what came counts as old, as if it had looked: the next look through what is young would
    take as long as all those that were spared.
    """
    with _importing.lock:
        if not _importing.count:
            _importing.collected = gc.isenabled()
            gc.disable()
        _importing.count += 1
    try:
        yield
    finally:
        with _importing.lock:
            _importing.count -= 1
            if not _importing.count and _importing.collected:
                if not gc.get_freeze_count():  # a program's own frozen objects stay frozen
                    gc.freeze()
                    gc.unfreeze()
                gc.enable()


class _Importing:
    """How many import a home now, and whether garbage was collected before the first."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.count = 0
        self.collected = True


_importing = _Importing()
