"""How the slow suites are dealt: whole files, and those of one server to one process."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
TESTS = """
import os
from pathlib import Path

import pytest

@pytest.mark.parametrize("number", range(6))
def test_it(number):
    with Path("ran").open("a") as ran:
        ran.write(f"{Path(__file__).stem} {os.environ['PYTEST_XDIST_WORKER']}\\n")
"""


@pytest.mark.slow
def test_a_file_and_the_files_of_a_server_run_in_one_process(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makeconftest((ROOT / "conftest.py").read_text(encoding="utf-8"))
    served = {f"test_{name}": f"# spark_connect{TESTS}" for name in ("ask", "is", "ours")}
    others = dict.fromkeys([f"test_{name}" for name in ("before", "has", "later", "then")], TESTS)
    pytester.makepyfile(**served, **others)
    # As `make test-slow` does.
    options = ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder", "-p", "no:cacheprovider")
    pytester.runpytest_subprocess(*options).assert_outcomes(passed=42)
    lines = (pytester.path / "ran").read_text().splitlines()
    processes: dict[str, set[str]] = {}
    for name, process in map(str.split, lines):
        processes.setdefault("served" if name in served else name, set()).add(process)
    assert set(map(len, processes.values())) == {1}
    assert processes.keys() == {"served", *others}
    assert set.union(*processes.values()) == {"gw0", "gw1"}
