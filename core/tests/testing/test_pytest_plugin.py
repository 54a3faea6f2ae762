import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from core.tests.config import acme

from headwater.errors import ConfigError
from headwater.plugins import PluginRegistry
from headwater.testing import FrozenClock
from headwater.testing.pytest_plugin import MemorySource
from headwater.workspace.workspace import Workspace

PROJECT = """
import pytest

@pytest.fixture
def headwater_plugins():
    from core.tests.config import acme
    return [acme]

def test_the_plugin_is_there(headwater_registry, headwater_workspace):
    assert headwater_registry.source("acme").kind == "acme"
    assert headwater_workspace.registry is headwater_registry
"""


def test_a_workspace_reads_what_lies_in_memory(
    headwater_workspace: Workspace, memory_source: MemorySource
) -> None:
    headwater_workspace.create_model("m")
    version = headwater_workspace.create_model_version(
        "m", "v", "regression", features={"x": "numeric"}, predictions={"y": "numeric"}
    )
    source = memory_source(
        t={
            "id": ["a", "b"],
            "at": pa.array([datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2)]),
            "x": [1.0, 2.0],
            "y": [3.0, 4.0],
        }
    )
    serving = version.connect_serving(source, "id", "at")
    table = serving.read("2026-01-01", "2026-01-02").to_arrow()
    assert table.select(["id", "x", "y"]).to_pylist() == [{"id": "a", "x": 1.0, "y": 3.0}]


def test_memory_source_takes_arrow_tables_and_a_query(memory_source: MemorySource) -> None:
    source = memory_source({"t": pa.table({"id": [1]})}, "SELECT id FROM t", u={"id": [2]})
    assert source.sql() == "SELECT id FROM t"
    assert sorted(source.tables) == ["t", "u"]
    with pytest.raises(ConfigError, match=r"not a pyarrow\.Table"):
        memory_source(t=[1, 2])


def test_the_registry_knows_the_installed_plugins(headwater_registry: PluginRegistry) -> None:
    assert "files" in [spec.kind for spec in headwater_registry.sources()]


class TestOverriding:
    @pytest.fixture
    def headwater_plugins(self) -> Sequence[object]:
        return [acme]

    def test_a_project_adds_its_own_plugin(self, headwater_registry: PluginRegistry) -> None:
        assert headwater_registry.source("acme").kind == "acme"


def test_the_fixtures_are_found_in_a_project_that_only_installs_headwater(
    tmp_path: Path,
) -> None:
    (tmp_path / "test_project.py").write_text(PROJECT)
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", tmp_path],
        cwd=tmp_path,
        env={"PYTHONPATH": str(root), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_loading_the_plugin_imports_nothing_of_headwater() -> None:
    code = (
        "import sys, headwater.testing.pytest_plugin\n"
        "print([m for m in sys.modules if m in ('pydantic', 'pyarrow', 'sqlglot')"
        " or m.startswith('headwater.') and not m.startswith("
        "('headwater.testing', 'headwater.lazy', 'headwater.moved'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_clock_stands_still_until_it_is_moved(frozen_clock: FrozenClock) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    assert frozen_clock() == frozen_clock() == start
    frozen_clock.advance(minutes=90)
    frozen_clock.advance(timedelta(minutes=30))
    assert frozen_clock() == start + timedelta(hours=2)
    frozen_clock.move_to(start)
    assert repr(frozen_clock) == "<FrozenClock at 2026-01-01T00:00:00+00:00>"


def test_a_clock_needs_a_zone() -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        FrozenClock(datetime(2026, 1, 1))  # noqa: DTZ001
