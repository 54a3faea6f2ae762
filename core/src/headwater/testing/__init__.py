"""What a plugin author tests with: fixtures, a pytest plugin, contract suites.

Names are imported when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headwater.testing.auth import AuthContract
    from headwater.testing.clock import FrozenClock
    from headwater.testing.contract import Contract, ContractError
    from headwater.testing.edges import edge_rows
    from headwater.testing.engines import EngineContract
    from headwater.testing.sources import DataSourceContract, MakeSource

_HOMES = {
    "AuthContract": "auth",
    "Contract": "contract",
    "ContractError": "contract",
    "DataSourceContract": "sources",
    "EngineContract": "engines",
    "FrozenClock": "clock",
    "MakeSource": "sources",
    "edge_rows": "edges",
}

__all__ = [
    "AuthContract",
    "Contract",
    "ContractError",
    "DataSourceContract",
    "EngineContract",
    "FrozenClock",
    "MakeSource",
    "edge_rows",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"headwater.testing.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
