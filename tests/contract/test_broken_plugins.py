"""For each promise of a contract there is a plugin that breaks it, and fails exactly that test."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from tests.contract import (
    asked,
    broken_auth,
    broken_engines,
    broken_ledger_stores,
    broken_sources,
    broken_streams,
)

from headwater.testing import (
    AuthContract,
    Contract,
    DataSourceContract,
    EngineContract,
    LedgerStoreContract,
)

ROOT = Path(__file__).parents[2]
HOMES = {
    "broken_sources": (DataSourceContract, broken_sources.SUITES),
    "broken_streams": (DataSourceContract, broken_streams.SUITES),
    "broken_auth": (AuthContract, broken_auth.SUITES),
    "broken_engines": (EngineContract, broken_engines.SUITES),
    "broken_ledger_stores": (LedgerStoreContract, broken_ledger_stores.SUITES),
}
CASES = [(home, suite) for home, (_, suites) in HOMES.items() for suite in suites]


@cache
def failed(home: str) -> dict[str, set[str]]:
    """Run the contract on all suites of a file, in a process of its own; return what failed.

    What `asked` says is run of it.
    """
    path = f"tests/contract/{home}.py"
    command = [sys.executable, "-m", "pytest", "-q", "-rfE", "--tb=line", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "-p", asked.__name__, "-o", "python_classes=Suite", path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    assert not re.search("^ERROR", done.stdout, re.MULTILINE), done.stdout
    found: dict[str, set[str]] = {}
    for suite, test in re.findall(r"^FAILED \S+?::(\w+)::(\S+)", done.stdout, re.MULTILINE):
        found.setdefault(suite, set()).add(test)
    return found


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("home", "suite"), CASES)
def test_a_broken_plugin_fails_exactly_its_promise(home: str, suite: str) -> None:
    breaks = HOMES[home][1][suite].breaks
    found = failed(home).get(suite, set())
    if "[" in breaks or not breaks:
        assert found == ({breaks} if breaks else set())
    else:
        assert {f.partition("[")[0] for f in found} == {breaks}


CONTRACTS = list(dict.fromkeys(c for c, _ in HOMES.values()))


@pytest.mark.parametrize("contract", CONTRACTS)
def test_every_promise_is_broken_by_somebody(contract: type[Contract]) -> None:
    suites = [s for of, found in HOMES.values() if of is contract for s in found.values()]
    assert {s.breaks.partition("[")[0] for s in suites} - {""} == set(contract.promises())


def test_what_is_asked_of_few_is_promised() -> None:
    assert {name for of in CONTRACTS for name in of.promises()} >= asked.COSTLY


@pytest.mark.parametrize("contract", CONTRACTS)
def test_every_promise_says_what_to_do_if_it_fails(contract: type[Contract]) -> None:
    docs = {name: promise.__doc__ or "" for name, (_, promise) in contract.promises().items()}
    assert [n for n, doc in docs.items() if not re.search(r"\.\n\s+If it fails: ", doc)] == []
