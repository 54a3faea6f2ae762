"""The table of the contract's promises: `python -m tests.docs.promises` writes it into its page."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Final

from headwater.testing import (
    AuthContract,
    Contract,
    DataSourceContract,
    EngineContract,
    LedgerStoreContract,
)

PAGE: Final = Path(__file__).parents[2] / "docs/reference/contract.md"
CONTRACTS: Final = (DataSourceContract, AuthContract, EngineContract, LedgerStoreContract)
TABLE: Final = re.compile(r"(<!-- promises of (\w+) -->\n).*?(?=<!-- end -->)", re.DOTALL)


def table(contract: type[Contract]) -> str:
    """Return the promises of a contract, in the order in which they are asked."""
    lines = ["", "| promise | what it says |", "| --- | --- |"]
    for name, (_, promise) in contract.promises().items():
        said = inspect.getdoc(promise) or ""
        lines.append(f"| `{name}` | {said.splitlines()[0].replace('|', chr(92) + '|')} |")
    return "\n".join([*lines, "", ""])


def filled(text: str) -> str:
    """Return a page's text with the tables that the code gives now."""
    tables = {contract.__name__: table(contract) for contract in CONTRACTS}
    return TABLE.sub(lambda found: found[1] + tables[found[2]], text)


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
