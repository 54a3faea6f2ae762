"""Iceberg metadata: what tells a column from others that were called so before it."""

from __future__ import annotations

from headwater.lakes.iceberg import column_id


def test_a_column_is_told_by_its_id_and_those_within_it() -> None:
    inner = {"type": "struct", "fields": [{"id": 7, "name": "a", "type": "int"}]}
    listed = {"type": "list", "element-id": 5, "element": inner}
    mapped = {"type": "map", "key-id": 8, "key": "string", "value-id": 9, "value": listed}
    assert column_id({"id": 1, "name": "x", "type": "double"}) == "1"
    assert column_id({"id": 2, "name": "s", "type": inner}) == "2(a=7)"
    assert column_id({"id": 3, "name": "m", "type": mapped}) == "3(8,9(5(a=7)))"


def test_what_is_dropped_and_added_anew_within_it_is_another() -> None:
    def of(within: int) -> str:
        field = {"id": within, "name": "a", "type": "int"}
        return column_id({"id": 1, "type": {"type": "struct", "fields": [field]}})

    assert of(2) != of(3)
