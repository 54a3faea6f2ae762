"""Types and names of expressions are those that Spark gave; see the fixture."""

from __future__ import annotations

import pytest
from core.tests.sql.cases import Case, cases
from core.tests.sql.support import analysed


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
