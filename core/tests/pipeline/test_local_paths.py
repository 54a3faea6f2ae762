"""A path in somebody's configuration that no file system takes is an error of ours."""

import pytest

import headwater as hw
from headwater.errors import SourceError

PATHS = ["a\0b", "x" * 5_000, "\ud800", "~nobody-is-called-so/x", "nothing"]


@pytest.mark.parametrize("path", PATHS, ids=["zero", "long", "half", "nobody", "nothing"])
@pytest.mark.parametrize("format", ["parquet", "csv", "json", "orc"])
def test_a_path_that_can_not_be_looked_at(path, format):
    source = hw.FileDataSource(tables={"t": path}, format=format)
    with pytest.raises(SourceError) as caught:
        hw.Workspace().sql("SELECT * FROM t", source, engine="embedded").to_arrow()
    assert caught.value.code == "path-not-found"
    assert "'t'" in str(caught.value)
    assert len(str(caught.value)) < 1_000
