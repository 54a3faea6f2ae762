import pytest

from headwater import types as t
from headwater.errors import SourceError
from headwater.partitions.hive_layout import is_hidden, key_type, layout


def test_keys_and_values_come_from_directories():
    found = layout(["dt=2026-01-01/c=a%2Fb/x.parquet", "dt=__HIVE_DEFAULT_PARTITION__/c=/y"], "r")
    assert found.keys == ("dt", "c")
    assert found.values == (("2026-01-01", "a/b"), (None, ""))


def test_files_that_are_partitioned_differently_are_refused():
    with pytest.raises(SourceError, match="not partitioned alike: no keys and dt="):
        layout(["x.parquet", "dt=1/y.parquet"], "r")


@pytest.mark.parametrize(
    ("relative", "hidden"),
    [("a/b.parquet", False), ("_SUCCESS", True), ("a/.x.crc", True), ("_k=1/b", False)],
)
def test_hidden_files_are_those_that_spark_skips(relative, hidden):
    assert is_hidden(relative) is hidden


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "02"], t.INT),
        (["1", "3000000000"], t.BIGINT),
        (["2026-01-01", None], t.DATE),
        (["2026-13-01"], t.STRING),
        (["1", "a"], t.STRING),
        ([None], t.STRING),
    ],
)
def test_the_type_of_a_key_holds_every_value(values, expected):
    assert key_type(values) == expected
