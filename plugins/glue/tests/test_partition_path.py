"""Partition values in paths, as Hive escapes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_glue.partition_path import escape, path_of, unescape, values_in


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("2026-01-31", "2026-01-31"),
        ("a/b", "a%2Fb"),
        ("12:30", "12%3A30"),
        ("50%", "50%25"),
        ("C\u00f4te d'Ivoire", "C\u00f4te d%27Ivoire"),
        ("a b+c", "a b+c"),
        (None, "__HIVE_DEFAULT_PARTITION__"),
    ],
)
def test_escapes_as_hive_does(value: str, text: str) -> None:
    assert escape(value) == text
    assert unescape(text) == value


@given(st.text(min_size=1).filter(lambda s: s != "__HIVE_DEFAULT_PARTITION__"))
def test_any_value_survives(value: str) -> None:
    assert unescape(escape(value)) == value
    assert "/" not in escape(value)


def test_a_path_gives_its_values_back() -> None:
    path = path_of(["dt", "Hour"], ["2026-01-31", None])
    assert path == "dt=2026-01-31/Hour=__HIVE_DEFAULT_PARTITION__"
    assert values_in(f"{path}/part-0.parquet", ["dt", "hour"]) == ("2026-01-31", None)


@pytest.mark.parametrize("path", ["2026/01/31", "dt=1", "hour=1/dt=2", ""])
def test_a_path_of_another_layout_gives_nothing(path: str) -> None:
    assert values_in(path, ["dt", "hour"]) is None
