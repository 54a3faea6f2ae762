"""A read's private DuckDB: what it loads, and how often that is proven."""

from __future__ import annotations

import os
import shutil
import warnings
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest

from headwater.engines.embedded import database as databases
from headwater.engines.embedded.database import add_macros, database, local_footers


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


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> dict[int, duckdb.DuckDBPyConnection]:
    """What is kept for footers: nothing yet."""
    found: dict[int, duckdb.DuckDBPyConnection] = {}
    monkeypatch.setattr(databases, "_kept", found)
    return found


def test_footers_of_local_files_are_asked_of_one_database(
    kept: dict[int, duckdb.DuckDBPyConnection],
) -> None:
    with local_footers() as one, local_footers() as two:
        (only,) = kept.values()
        assert one is not two
        settings = "current_setting('TimeZone'), current_setting('enable_external_file_cache'), "
        told = two.execute(f"SELECT {settings} current_setting('temp_directory')").fetchone()
        assert told == ("UTC", False, "")
        one.close()
        assert two.execute("SELECT 1").fetchone() == (1,)
    with local_footers():
        assert list(kept.values()) == [only]


def test_an_error_ends_it_and_harms_nobody_else(
    kept: dict[int, duckdb.DuckDBPyConnection], tmp_path: Path
) -> None:
    (tmp_path / "hostile").write_bytes(b"PAR1" * 4)
    with local_footers() as other:
        with pytest.raises(duckdb.Error), local_footers() as cursor:
            cursor.execute(f"FROM parquet_metadata('{tmp_path / 'hostile'}')")
        assert kept == {}
        assert other.execute("SELECT 1").fetchone() == (1,)
    with local_footers() as cursor:
        assert cursor.execute("SELECT 2").fetchone() == (2,)


def test_a_forked_process_has_its_own(kept: dict[int, duckdb.DuckDBPyConnection]) -> None:
    with local_footers() as cursor:
        cursor.execute("SELECT 1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # pytest has other threads
        child = os.fork()
    if not child:
        code = 1
        with suppress(BaseException), local_footers() as cursor:
            code = 0 if cursor.execute("SELECT 1").fetchone() == (1,) and len(kept) == 2 else 2
        os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


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
