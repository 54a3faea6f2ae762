"""Without pyarrow a file does not tell its columns, and the error says what brings it."""

import sys
from pathlib import Path

import pytest

import headwater as hw
from headwater.errors import SourceError
from headwater.tables.table import TableName


def test_a_file_that_tells_its_columns_names_the_package_that_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rows.csv").write_text("id,amount\n1,2.5\n")
    source = hw.FileDataSource(tables={"rows": str(tmp_path / "rows.csv")}, format="csv")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with source.access() as access, pytest.raises(SourceError, match="pyarrow") as caught:
        source.catalog(access).table(TableName(source.default_database, "rows"))
    assert "headwater[embedded]" in (caught.value.hint or "")
