"""The security page states every limit on what others give us."""

from __future__ import annotations

from pathlib import Path

import pytest

from headwater.untrusted import limits

PAGE = Path(__file__).parents[2] / "docs" / "concepts" / "security.md"
LIMITS = {name: value for name, value in vars(limits).items() if name.isupper()}


@pytest.mark.parametrize("name", sorted(LIMITS))
def test_a_limit_is_stated(name: str) -> None:
    table = PAGE.read_text(encoding="utf-8").partition("## Limits")[2].partition("\n## ")[0]
    numbers = {word.strip("|.;") for word in table.replace(", ", " ").split()}
    assert f"{LIMITS[name]:,}" in numbers
