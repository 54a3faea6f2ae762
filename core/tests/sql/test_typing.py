"""Types and names of expressions are those that Spark gave; see the fixture."""

from __future__ import annotations

import pytest
from core.tests.sql.cases import Case, cases
from core.tests.sql.support import analysed

from headwater import types as t
from headwater.sql.typing.rules import has_map, read_as
from headwater.types import DataType


@pytest.mark.parametrize("case", cases("typing.sql"), ids=str)
def test_types_and_names(case: Case) -> None:
    analysis = analysed(case.sql)
    assert analysis.ok, analysis.diagnostics
    assert analysis.root is not None
    expected = [line.rpartition(": ")[::2] for line in case.expected]
    assert len(analysis.root.outputs) == len(expected)
    for output, (name, type_) in zip(analysis.root.outputs, expected, strict=True):
        assert str(output.type) == type_, name
        if output.certain:
            assert output.name == name


def doubled(type_: DataType) -> DataType:
    """Return a struct with a type in two places, forty times over: forty objects, 2**40 parts."""
    for _ in range(40):
        type_ = t.struct(("a", type_), ("b", type_))
    return type_


@pytest.mark.timeout(20)
def test_a_type_that_stands_in_many_places_is_looked_at_once() -> None:
    assert read_as(whole := doubled(t.BIGINT)) is whole
    assert not has_map(whole)
    assert whole.is_known
    assert has_map(doubled(t.map_of(t.STRING, t.BIGINT)))
    read = read_as(doubled(DataType("varchar", 3)))
    while read.children:
        first, second = read.children
        assert first is second
        read = first
    assert read is t.STRING
