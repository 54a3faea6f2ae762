"""The lower ends of ranges that CI tests are those that core's requirements take."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]
BOUNDS = runpy.run_path(str(ROOT / ".ci" / "bounds.py"))
NEIGHBOURS = runpy.run_path(str(ROOT / ".ci" / "neighbours.py"))


@pytest.mark.parametrize("package", sorted(BOUNDS["TESTS"]))
def test_the_lowest_version_is_one_that_is_taken(package: str) -> None:
    lowest = BOUNDS["lowest"](package)
    text = (ROOT / "core/pyproject.toml").read_text()
    lines = [line.strip(' ",') for line in text.splitlines()]
    (required,) = [Requirement(n) for n in lines if n.startswith(f"{package}>=")]
    assert Version(lowest) in required.specifier
    assert [s.operator for s in required.specifier if s.operator.startswith("<")]
    for folder in BOUNDS["TESTS"][package]:
        assert (ROOT / folder).is_dir()


def test_a_range_that_is_not_there_is_said(tmp_path: Path) -> None:
    project = tmp_path / "pyproject.toml"
    project.write_text(
        '[project]\ndependencies = ["sqlglot==1.2"]\n[project.optional-dependencies]\n'
    )
    with pytest.raises(SystemExit, match="no range of sqlglot was found"):
        BOUNDS["lowest"]("sqlglot", project)


def test_neighbours_are_resolved_beside_what_the_embedded_engine_needs() -> None:
    assert any(line.startswith("duckdb>=") for line in NEIGHBOURS["ours"]())
    assert NEIGHBOURS["KNOWN"].keys() <= set(NEIGHBOURS["NEIGHBOURS"])
    assert len(NEIGHBOURS["NEIGHBOURS"]) >= 20


@pytest.mark.parametrize(
    ("together", "why"),
    [
        ({"acme": "2.0"}, None),
        ({"acme": "1.0"}, "only 1.0 can; 2.0 is there"),
        (None, "no versions meet both"),
    ],
)
def test_an_old_version_of_a_neighbour_is_none(
    monkeypatch: pytest.MonkeyPatch, together: dict[str, str] | None, why: str | None
) -> None:
    told = NEIGHBOURS["told"]
    answers = {True: {"acme": "2.0"}, False: together}
    monkeypatch.setitem(told.__globals__, "resolved", lambda lines: answers[len(lines) == 1])
    assert told("acme") == why
