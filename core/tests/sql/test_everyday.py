"""Queries of every day pass, and nothing is unknown about them."""

from __future__ import annotations

import pytest
from core.tests.sql.cases import Case, cases
from core.tests.sql.support import DATABASE, catalog

from headwater.sql import validate

EVERYDAY = cases("everyday.sql")


def test_there_are_enough() -> None:
    assert len(EVERYDAY) >= 65


@pytest.mark.parametrize("case", EVERYDAY, ids=str)
def test_it_passes(case: Case) -> None:
    found = validate(case.sql, catalog=catalog(), database=DATABASE)
    assert found.ok, found.render()
    assert found.columns
    unknown = [c.name for c in found.columns if c.type == "unknown"]
    # The type of a variant's part is no type that `DataType` has.
    assert unknown == (["first"] if "variant" in case.title else [])
