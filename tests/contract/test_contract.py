"""The rules of the suites themselves: never overridden, known failures strict, skips visible."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from headwater.testing import ContractError, DataSourceContract, EngineContract

HEAD = """
import pyarrow as pa, pytest
from headwater.sources.memory import MemoryDataSource
from headwater.testing import DataSourceContract, edge_rows

class Memory(DataSourceContract):
    @pytest.fixture
    def make_source(self):
        return lambda rows, partition_key=None: MemoryDataSource(tables={"t": rows})

    @pytest.fixture
    def broken_source(self):
        return MemoryDataSource(tables={"o": edge_rows()}, query="SELECT * FROM t")
"""


def run(folder: Path, code: str, *options: str) -> str:
    (folder / "test_plugin.py").write_text(HEAD + code)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_a_promise_can_not_be_overridden() -> None:
    with pytest.raises(ContractError, match="Mine overrides test_it_is_a_frozen_value, a promise"):

        class Mine(DataSourceContract):
            def test_it_is_a_frozen_value(self) -> None:  # type: ignore[override]
                """Not today."""


def test_nor_by_a_class_beside_it_nor_taken_away() -> None:
    class Beside:
        def test_it_can_be_read_again(self) -> None:
            """Looks away."""

    with pytest.raises(ContractError, match="overrides test_it_can_be_read_again"):

        class Mine(Beside, DataSourceContract):  # type: ignore[misc]
            pass

    with pytest.raises(ContractError, match="overrides test_rows_come_in_batches"):

        class Other(EngineContract):
            test_rows_come_in_batches = None  # type: ignore[assignment]


def test_a_known_failure_must_name_a_promise() -> None:
    with pytest.raises(ContractError, match="names 'test_nothing', which is no promise; promises:"):

        class Mine(DataSourceContract):
            known_failures = {"test_nothing": "why"}  # noqa: RUF012


def test_overriding_is_an_error_at_collection(tmp_path: Path) -> None:
    said = run(tmp_path, "class TestMine(Memory):\n    def test_a_window_is_exact(self): pass\n")
    assert "ERROR collecting test_plugin.py" in said
    assert "TestMine overrides test_a_window_is_exact, a promise of RowPromises" in said


SEVERAL = """
class TestKnown(Memory):
    known_failures = {
        "test_values_come_back_exactly[flag]": "flags are lost",
        "test_values_come_back_exactly[word]": "words are lost",
    }

    @pytest.fixture
    def make_source(self):
        def make(rows, partition_key=None):
            nulls = pa.nulls(rows.num_rows, pa.bool_())
            kept = rows.set_column(rows.column_names.index("flag"), "flag", nulls)
            return MemoryDataSource(tables={"t": kept})
        return make


class TestSkips(Memory):
    pass


class TestLacking(DataSourceContract):
    pass
"""
CHOSEN = (
    "(TestKnown and (flag or word or big)) or (TestSkips and discovery) or (TestLacking and frozen)"
)


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What pytest says of some tests of several suites: it is started once for all."""
    return run(tmp_path_factory.mktemp("several"), SEVERAL, "-rsxX", "-k", CHOSEN)


def test_a_known_failure_is_run_and_must_fail(said: str) -> None:
    assert "XFAIL test_plugin.py::TestKnown::test_values_come_back_exactly[flag] - flags" in said
    # What passes although it is said to fail, fails: the entry must go.
    assert "[XPASS(strict)] words are lost" in said
    assert said.startswith("x.F")


def test_skips_name_the_capability(said: str) -> None:
    assert "memory declares 'discover', so there is nothing to refuse" in said


def test_a_suite_without_its_fixtures_says_which(said: str) -> None:
    assert "TestLacking must override the fixture make_source" in said
