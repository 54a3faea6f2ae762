"""Partition values in paths, as Hive escapes them."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_glue.partition_path import escape, path_of


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


@given(st.text(min_size=1).filter(lambda s: s != "__HIVE_DEFAULT_PARTITION__"))
def test_any_value_survives(value: str) -> None:
    assert unquote(escape(value)) == value
    assert "/" not in escape(value)


def test_a_path_is_made_of_keys_and_values() -> None:
    path = path_of(["dt", "Hour"], ["2026-01-31", None])
    assert path == "dt=2026-01-31/Hour=__HIVE_DEFAULT_PARTITION__"
