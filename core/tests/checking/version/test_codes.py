"""Codes of numbers: in the order of the numbers, equal in SQL and in Python, and fine enough."""

import math

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import headwater as hw
from headwater.checking.version.codes import (
    INFINITY,
    NAN,
    bounds_of,
    code_of,
    is_number,
    roots,
    value_of,
)

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@given(NUMBERS, NUMBERS)
def test_codes_are_in_the_order_of_numbers(one, two):
    assert (code_of(one) <= code_of(two)) or one > two


@given(st.floats(1e-12, 1e12))
def test_a_number_is_near_what_its_code_stands_for(value):
    assert value_of(code_of(value)) == pytest.approx(value, rel=0.003)
    low, high = bounds_of(code_of(value))
    assert low <= value <= high
    assert bounds_of(code_of(-value)) == (-high, -low)


def test_sql_gives_the_same_codes():
    special = [0.0, -0.0, 1.0, -1.0, math.inf, -math.inf, math.nan, 5e-324, 1.7e308, -999.0]
    drawn = [((-1) ** i) * 1.37**i for i in range(-200, 200)]
    numbers = [*special, *drawn]
    table = pa.table({"x": pa.array([*numbers, None])})
    text = "SELECT x FROM t"
    for number, step in enumerate(roots(["x"])):
        text = f"SELECT {', '.join(step)} FROM ({text}) AS e{number}"
    source = hw.MemoryDataSource(tables={"t": table})
    found = hw.Workspace(engine="embedded").sql(text, source).to_arrow()["c0"].to_pylist()
    assert found == [*map(code_of, numbers), None]
    assert not is_number(NAN)
    assert not is_number(INFINITY)
    assert not is_number(None)
