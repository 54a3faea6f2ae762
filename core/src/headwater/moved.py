"""Modules of version 0.1 that stand elsewhere now: importing one warns, and gives what it had.

A plugin that was written for 0.1 goes on working; what it should import is in the warning, and
nearly all of it is in `headwater.interfaces`. They go in 0.3.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Final

MOVED: Final = {
    "headwater.arrow_types": "headwater.types.arrow",
    "headwater.credentials": "headwater.auth.credentials",
    "headwater.dataset": "headwater.reading.dataset",
    "headwater.engine": "headwater.interfaces.engine",
    "headwater.hookspecs": "headwater.interfaces.hookspecs",
    "headwater.mapping": "headwater.interfaces.mapping",
    "headwater.model": "headwater.workspace.model",
    "headwater.plan": "headwater.interfaces.plan",
    "headwater.relation": "headwater.tables.relation",
    "headwater.report": "headwater.interfaces.report",
    "headwater.schema": "headwater.interfaces.schema",
    "headwater.source": "headwater.interfaces.data_source",
    "headwater.specs": "headwater.interfaces.specs",
    "headwater.stats": "headwater.interfaces.read_stats",
    "headwater.table": "headwater.tables.table",
    "headwater.tokens": "headwater.auth.tokens",
    "headwater.window": "headwater.tables.window",
    "headwater.writing": "headwater.reading.file_writer",
}
"""The modules whose names stood in the documentation of 0.1, and where these names are now."""


class _Forwarding(MetaPathFinder, Loader):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, self) if fullname in MOVED else None

    def exec_module(self, module: ModuleType) -> None:
        new = MOVED[module.__name__]
        warnings.warn(
            f"{module.__name__} is now {new}, and goes in headwater 0.3; "
            "what plugins need is in headwater.interfaces",
            DeprecationWarning,
            stacklevel=2,
        )
        home = import_module(new)
        public = vars(home).get("__all__") or [n for n in dir(home) if not n.startswith("_")]
        # For `import *` and `dir`, which ask no `__getattr__` of a module.
        module.__dict__.update({name: getattr(home, name) for name in public})
        module.__doc__ = home.__doc__
        module.__dict__["__getattr__"] = lambda name: getattr(home, name)


def forward_moved_modules() -> None:
    """Let Python find the modules that moved, after it has looked everywhere else."""
    if not any(isinstance(finder, _Forwarding) for finder in sys.meta_path):
        sys.meta_path.append(_Forwarding())
