"""The source that `write-a-plugin` shows whole keeps the contract of sources, as the page says."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from tests.docs import snippets

from headwater.interfaces.hookspecs import hookimpl
from headwater.interfaces.specs import SourceSpec
from headwater.plugin import quoted
from headwater.plugins import PluginRegistry
from headwater.testing import DataSourceContract

PAGE = Path(__file__).parents[2] / "docs/howto/write-a-plugin.md"
(SHOWN,) = (b.text for b in snippets.blocks(PAGE) if b.text.startswith("# file: duck.py\n"))

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_it_is_as_short_as_it_is_said() -> None:
    assert len(SHOWN.splitlines()) <= 60


@pytest.fixture
def duck(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType("duck")
    monkeypatch.setitem(sys.modules, "duck", module)
    exec(compile(SHOWN, "duck.py", "exec"), vars(module))
    return module


class TestDuck(DataSourceContract):
    @pytest.fixture
    def headwater_registry(self, duck: ModuleType) -> PluginRegistry:
        specs = [SourceSpec("duck", "duck:DuckDataSource", "DuckDB files")]
        plugin = SimpleNamespace(__name__="plugin", headwater_sources=hookimpl(lambda: specs))
        return PluginRegistry([plugin])

    @pytest.fixture
    def make_source(self, tmp_path: Path, duck: ModuleType) -> Callable[..., Any]:
        def make(
            rows: pa.Table, partition_key: str | None = None, table: str = "predictions"
        ) -> Any:
            path = str(tmp_path / "rows.duckdb")
            with duckdb.connect(path) as database:
                database.execute("SET TimeZone = 'UTC'")
                database.register("given", rows)
                database.execute(f"CREATE OR REPLACE TABLE {quoted(table)} AS FROM given")
            query = f"SELECT * FROM {quoted(table, '`')}"
            return duck.DuckDataSource(path=path, query=query)

        return make

    @pytest.fixture
    def broken_source(self, tmp_path: Path, duck: ModuleType) -> Any:
        return duck.DuckDataSource(path=str(tmp_path / "gone"), query="SELECT * FROM predictions")
