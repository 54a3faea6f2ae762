"""What a plugin author tests with: fixtures, a pytest plugin, contract suites.

Names are imported when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headwater.lazy import names_of

if TYPE_CHECKING:
    from headwater.testing.auth import AuthContract
    from headwater.testing.clock import FrozenClock
    from headwater.testing.contract import Contract, ContractError
    from headwater.testing.edges import edge_rows
    from headwater.testing.engines import EngineContract
    from headwater.testing.ledger_stores import LedgerStoreContract
    from headwater.testing.sources import DataSourceContract, MakeSource

_HOMES = {
    "AuthContract": "headwater.testing.auth",
    "Contract": "headwater.testing.contract",
    "ContractError": "headwater.testing.contract",
    "DataSourceContract": "headwater.testing.sources",
    "EngineContract": "headwater.testing.engines",
    "FrozenClock": "headwater.testing.clock",
    "LedgerStoreContract": "headwater.testing.ledger_stores",
    "MakeSource": "headwater.testing.sources",
    "edge_rows": "headwater.testing.edges",
}

__all__ = [
    "AuthContract",
    "Contract",
    "ContractError",
    "DataSourceContract",
    "EngineContract",
    "FrozenClock",
    "LedgerStoreContract",
    "MakeSource",
    "edge_rows",
]

__getattr__, __dir__ = names_of(__name__, _HOMES)
