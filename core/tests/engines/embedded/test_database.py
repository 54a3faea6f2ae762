"""A read's private DuckDB: what it loads, and how often that is proven."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from headwater.engines.embedded import database as databases
from headwater.engines.embedded.database import add_macros, database


def unsigned_allowed() -> bool:
    with database(memory_limit=None, threads=None, remote=True) as connection:
        assert connection.execute(
            "SELECT loaded FROM duckdb_extensions() WHERE extension_name = 'httpfs'"
        ).fetchone() == (True,)
        (told,) = connection.execute(
            "SELECT current_setting('allow_unsigned_extensions')"
        ).fetchone() or (None,)
        return bool(told)


@pytest.fixture
def extension(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the extension, of which nothing is known yet."""
    copy = tmp_path / "httpfs.duckdb_extension"
    shutil.copy(databases._httpfs(), copy)
    monkeypatch.setattr(databases, "_httpfs", lambda: copy)
    monkeypatch.setattr(databases, "_proven", set())
    return copy


def forge(file: Path) -> None:
    """Change one byte of what is signed, in place."""
    with file.open("r+b") as opened:
        opened.seek(-1000, 2)
        byte = opened.read(1)[0]
        opened.seek(-1000, 2)
        opened.write(bytes([byte ^ 1]))


def test_the_signature_of_an_extension_is_proven_once(extension: Path) -> None:
    assert [unsigned_allowed() for _ in range(3)] == [False, True, True]


def test_a_forged_extension_is_never_loaded(extension: Path) -> None:
    forge(extension)
    for _ in range(2):
        with pytest.raises(duckdb.Error, match="signature"):
            unsigned_allowed()


def test_one_that_was_changed_since_is_proven_anew(extension: Path) -> None:
    assert not unsigned_allowed()
    forge(extension)
    with pytest.raises(duckdb.Error, match="signature"):
        unsigned_allowed()


def test_a_read_of_local_files_loads_nothing_and_allows_nothing() -> None:
    with database(memory_limit=None, threads=None, remote=False) as connection:
        found = connection.execute(
            "SELECT current_setting('allow_unsigned_extensions'), "
            "(SELECT loaded FROM duckdb_extensions() WHERE extension_name = 'httpfs')"
        ).fetchone()
    assert found == (False, False)


def test_a_database_has_the_macros_that_are_called_there_and_no_others() -> None:
    with database(memory_limit=None, threads=None, remote=False) as connection:

        def made() -> list[tuple[str]]:
            sql = "SELECT function_name FROM duckdb_functions() WHERE function_name LIKE 'sp\\_%' "
            return connection.execute(f"{sql} ESCAPE '\\' ORDER BY 1").fetchall()

        assert made() == []
        for _ in range(2):
            add_macros(connection, "SELECT sp_percentile(l, 0.5) FROM t")
            assert made() == [("sp_between",), ("sp_percentile",)]
        assert connection.execute("SELECT sp_percentile([1, 2], 0.5)").fetchone() == (1.5,)
