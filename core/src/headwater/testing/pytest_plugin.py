"""Fixtures that pytest finds in every project where headwater is installed.

pytest loads this module in every run, so it imports nothing of headwater until a fixture is used.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Final, Protocol

import pytest

if TYPE_CHECKING:
    from headwater.plugins.registry import PluginRegistry
    from headwater.sources.memory import MemoryDataSource
    from headwater.testing.clock import FrozenClock
    from headwater.workspace.workspace import Workspace

# So that a promise that is not kept shows the values that it compared.
pytest.register_assert_rewrite(
    "headwater.testing.auth",
    "headwater.testing.engines",
    "headwater.testing.ledger_stores",
    "headwater.testing.sources.catalogs",
    "headwater.testing.sources.names",
    "headwater.testing.sources.requests",
    "headwater.testing.sources.rows",
    "headwater.testing.sources.streams",
    "headwater.testing.sources.values",
)


ABILITIES: Final = "headwater abilities"
"""Under which name a contract suite's reports carry the abilities that it recognised."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show which optional abilities the contract suites recognised in the plugins under test."""
    reports = (r for group in terminalreporter.stats.values() for r in group)
    abilities = {
        str(text)
        for report in reports
        if isinstance(report, pytest.TestReport)
        for name, text in report.user_properties
        if name == ABILITIES
    }
    if abilities:
        terminalreporter.section("headwater: optional abilities")
        for text in sorted(abilities):
            terminalreporter.write_line(text)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Give each promise of a contract a deadline: a plugin that blocks fails, and says where."""
    contracts = sys.modules.get("headwater.testing.contract")
    cls = pyfuncitem.cls
    if contracts is None or cls is None or not issubclass(cls, contracts.Contract):
        return None
    promise = pyfuncitem.originalname
    if promise not in cls.promises():
        return None
    from headwater.testing.deadlines import where_it_was_made

    names = inspect.signature(pyfuncitem.obj).parameters
    functions = (FunctionType, MethodType, partial)
    fixtures = {name: pyfuncitem.funcargs[name] for name in names}
    arguments = {
        n: where_it_was_made(v) if isinstance(v, functions) else v for n, v in fixtures.items()
    }
    cls.kept(pyfuncitem.name, lambda: pyfuncitem.obj(**arguments))
    return True


def pytest_sessionfinish(exitstatus: int) -> None:
    """Tell how the run ended, for a process that calls which hang keep from ending."""
    deadlines = sys.modules.get("headwater.testing.deadlines")
    if deadlines is not None:
        deadlines.ended(int(exitstatus))


class MemorySource(Protocol):
    """What the `memory_source` fixture gives: a maker of sources."""

    def __call__(
        self, tables: Mapping[str, Any] | None = None, query: str | None = None, **named: Any
    ) -> MemoryDataSource:
        """Return a source of tables in memory.

        Args:
            tables: Table name to a `pyarrow.Table`, or to its columns: `{"id": ["a", "b"]}`.
            query: Spark SQL over them; may be left out where there is one table.
            named: More tables, by name.
        """
        ...


@pytest.fixture
def headwater_plugins() -> Sequence[object]:
    """Plugin modules to add to those that are installed: none. Override it to add your own.

    A plugin that is installed (also as editable) is found without this.
    """
    return ()


@pytest.fixture
def headwater_registry(headwater_plugins: Sequence[object]) -> PluginRegistry:
    """A registry of this test's own: the installed plugins and those of `headwater_plugins`."""
    from headwater.plugins.registry import PluginRegistry

    return PluginRegistry(headwater_plugins)


@pytest.fixture
def headwater_workspace(headwater_registry: PluginRegistry) -> Iterator[Workspace]:
    """An empty workspace of this test's own, closed after it."""
    from headwater.workspace.workspace import Workspace

    with Workspace(headwater_registry) as workspace:
        yield workspace


@pytest.fixture
def memory_source() -> MemorySource:
    """A maker of sources whose tables lie in memory: `memory_source(t={"id": ["a", "b"]})`."""

    def make(
        tables: Mapping[str, Any] | None = None, query: str | None = None, **named: Any
    ) -> MemoryDataSource:
        import pyarrow as pa

        from headwater.sources.memory import MemoryDataSource

        contents = {**(tables or {}), **named}
        arrow = {
            name: pa.table(dict(table)) if isinstance(table, Mapping) else table
            for name, table in contents.items()
        }
        return MemoryDataSource(tables=arrow, query=query)

    return make


@pytest.fixture
def frozen_clock() -> FrozenClock:
    """A clock that stands at the start of 2026 (UTC) until the test moves it."""
    from headwater.testing.clock import FrozenClock

    return FrozenClock()
