"""The list of mutations stays true of the source, and the program tells survivors apart."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest
from tests.mutants.listing import ROOT, Mutant, WrongListError, mutants

MUTANTS = mutants()


def test_there_are_enough() -> None:
    assert len(MUTANTS) >= 100


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: f"{Path(m.path).name}-{m.line}")
def test_it_is_a_change_that_python_reads(mutant: Mutant) -> None:
    changed = mutant.applied()
    ast.parse(changed)
    assert changed != mutant.place()[0]


@pytest.mark.parametrize("test", sorted({t for m in MUTANTS for t in m.tests}))
def test_its_tests_are_there(test: str) -> None:
    assert (ROOT / test.partition("::")[0]).exists()


def test_no_change_stands_twice() -> None:
    counted = Counter((m.path, m.old, m.new) for m in MUTANTS)
    assert [m for m, n in counted.items() if n > 1] == []


def test_a_text_that_is_not_there_once_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\nx = 1\n", encoding="utf-8")
    with pytest.raises(WrongListError, match=r"stands 2 times in a\.py"):
        Mutant("a.py", ("t.py",), "x = 1", "x = 2", 1).applied(tmp_path)
    with pytest.raises(WrongListError, match="stands 0 times"):
        Mutant("a.py", ("t.py",), "y = 1", "", 1).applied(tmp_path)
