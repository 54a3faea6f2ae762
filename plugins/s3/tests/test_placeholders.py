"""`{data}` becomes a table's name where it stands for one, and nowhere else."""

from __future__ import annotations

import pytest

from headwater.errors import QueryError
from headwater_s3.placeholders import filled


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT * FROM {data}", "SELECT * FROM `data`"),
        ("SELECT * FROM { data } AS d", "SELECT * FROM `data` AS d"),
        ("SELECT '{data}', x FROM {data}", "SELECT '{data}', x FROM `data`"),
        ("SELECT 'it\\'s {data}' FROM {data}", "SELECT 'it\\'s {data}' FROM `data`"),
        ("SELECT 'it''s {data}' FROM {data}", "SELECT 'it''s {data}' FROM `data`"),
        ('SELECT "{data}" FROM {data}', 'SELECT "{data}" FROM `data`'),
        ("SELECT r'\\', '{data}' FROM {data}", "SELECT r'\\', '{data}' FROM `data`"),
        ("SELECT `{data}` FROM {data}", "SELECT `{data}` FROM `data`"),
        ("SELECT 1 -- {data}\nFROM {data}", "SELECT 1 -- {data}\nFROM `data`"),
        ("SELECT /* {data} */ 1 FROM {data}", "SELECT /* {data} */ 1 FROM `data`"),
        (
            "SELECT * FROM {data} JOIN {more} USING (id)",
            "SELECT * FROM `data` JOIN `more` USING (id)",
        ),
        ("SELECT * FROM data", "SELECT * FROM data"),
    ],
)
def test_filled(query: str, expected: str) -> None:
    assert filled(query, ("data", "more")) == expected


def test_an_unknown_input_is_underlined_and_the_near_one_named() -> None:
    with pytest.raises(QueryError) as caught:
        filled("SELECT *\nFROM {dat} JOIN {x}", ("data",))
    assert [d.code for d in caught.value.diagnostics] == ["unknown-input"] * 2
    text = str(caught.value)
    assert "the source has no input 'dat'" in text
    assert "'data'" in text
    assert "^^^^^" in text
