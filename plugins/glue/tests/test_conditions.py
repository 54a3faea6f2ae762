"""What is asked of Glue is a superset of what matches; what matches is decided here."""

from __future__ import annotations

from typing import Any

import pytest

from headwater.tables.table import KeyCondition
from headwater_glue.conditions import MAX_EXPRESSION, accepts, expression
from headwater_glue.entry import GlueColumn
from headwater_glue.hive_types import column_type

KEYS = (
    GlueColumn("dt", "string"),
    GlueColumn("hour", "int"),
    GlueColumn("day", "date"),
    GlueColumn("key", "string"),
    GlueColumn("country", "varchar(2)"),
)


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([], ""),
        ([KeyCondition("dt", "in", ("2026-01-01",))], "dt IN ('2026-01-01')"),
        (
            [KeyCondition("DT", ">=", ("2026-01-01",)), KeyCondition("dt", "<", ("2026-02-01",))],
            "dt >= '2026-01-01' AND dt < '2026-02-01'",
        ),
        ([KeyCondition("dt", "in", ("it's",))], "dt IN ('it''s')"),
        ([KeyCondition("country", "in", ("DE", "FR"))], "country IN ('DE', 'FR')"),
        # Glue may compare numbers and dates as texts, and stumbles over its parser's own words.
        ([KeyCondition("hour", "in", ("7",))], ""),
        ([KeyCondition("day", ">=", ("2026-01-01",))], ""),
        ([KeyCondition("key", "in", ("a",))], ""),
        ([KeyCondition("nothing", "in", ("a",))], ""),
        ([KeyCondition("key", "in", ("a",)), KeyCondition("dt", "in", ("x",))], "dt IN ('x')"),
    ],
)
def test_only_what_is_safe_is_pushed(conditions: Any, expected: Any) -> None:
    assert expression(conditions, KEYS) == expected


def test_a_list_that_is_too_long_becomes_its_range() -> None:
    days = tuple(f"2026-{m:02}-{d:02}" for m in range(1, 13) for d in range(1, 29))
    text = expression([KeyCondition("dt", "in", days)], KEYS)
    assert text == "(dt >= '2026-01-01' AND dt <= '2026-12-28')"


def test_a_condition_that_does_not_fit_at_all_is_left_out() -> None:
    long = KeyCondition("dt", "in", ("x" * 3000,))
    text = expression([long, KeyCondition("country", "in", ("DE",))], KEYS)
    assert text == "country IN ('DE')"
    assert len(text) <= MAX_EXPRESSION


def test_the_null_partition_is_asked_for_where_it_counts() -> None:
    condition = KeyCondition("dt", "<=", ("2026-01-01",), or_null=True)
    assert expression([condition], KEYS) == (
        "(dt <= '2026-01-01' OR dt = '__HIVE_DEFAULT_PARTITION__')"
    )


@pytest.mark.parametrize(
    ("condition", "type_", "value", "expected"),
    [
        (KeyCondition("k", "in", ("a", "b")), "string", "b", True),
        (KeyCondition("k", "in", ("a", "b")), "string", "c", False),
        (KeyCondition("k", "in", ()), "string", "c", False),
        (KeyCondition("k", "<", ("b",)), "string", "a", True),
        (KeyCondition("k", ">", ("b",)), "string", "b", False),
        (KeyCondition("k", "in", ("7",)), "int", "07", True),
        (KeyCondition("k", ">=", ("9",)), "int", "10", True),
        (KeyCondition("k", "<=", ("9",)), "int", "10", False),
        (KeyCondition("k", "in", ("2026-01-01",)), "date", "2026-1-1", True),
        (KeyCondition("k", "in", ("2026-01-01",)), "date", "2026-01-02", False),
        # What is not of its key's type is the query's to judge.
        (KeyCondition("k", "in", ("7",)), "int", "seven", True),
        (KeyCondition("k", "in", ("a",)), "string", None, False),
        (KeyCondition("k", "in", ("a",), or_null=True), "string", None, True),
    ],
)
def test_a_value_is_compared_as_its_keys_type(
    condition: Any, type_: Any, value: str, expected: Any
) -> None:
    assert accepts(condition, column_type(type_), value) is expected
