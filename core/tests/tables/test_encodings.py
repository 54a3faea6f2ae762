from __future__ import annotations

import pytest

from headwater.tables import encodings


@pytest.mark.parametrize(
    ("declared", "name"),
    [
        ("", ""), (" UTF-8 ", ""), ("utf8", ""), ("latin1", "iso8859-1"), ("Cp1252", "cp1252"),
        ("ISO8859_15", "iso8859-15"), ("windows-1251", "cp1251"), ("IBM850", "cp850"),
        ("UTF-16", None), ("GBK", None), ("rot13", None), ("zip", None), ("../x", None),
        ("a\0b", None), ("\ud800", None), ("x" * 100_000, None),
    ],
)  # fmt: skip
def test_an_encoding_of_one_byte_is_known_by_each_of_its_names(
    declared: str, name: str | None
) -> None:
    assert encodings.codec(declared) == name


def test_bytes_of_ascii_stand_for_themselves_in_all_of_them() -> None:
    """Lines and fields are cut by these before, and after."""
    for name in encodings._KNOWN:
        held = encodings.characters(name)
        assert len(held) == 256
        assert held[:128] == "".join(map(chr, range(128)))
