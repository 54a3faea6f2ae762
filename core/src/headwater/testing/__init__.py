"""What a plugin author tests with: fixtures, a pytest plugin, contract suites.

Names are imported when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headwater.testing.clock import FrozenClock

__all__ = ["FrozenClock"]

_HOMES = {"FrozenClock": "clock"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"headwater.testing.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
