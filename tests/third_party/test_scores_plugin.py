"""Another third party's plugin, from the wheel: an HTTP API, behind the same contracts."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.third_party.test_postgres_plugin import environment, install, plugins

EXAMPLE = Path(__file__).parents[2] / "examples" / "headwater-scores"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_its_own_tests_pass(tmp_path: Path) -> None:
    source, site = tmp_path / "headwater-scores", tmp_path / "site"
    shutil.copytree(EXAMPLE, source, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path)]
    subprocess.run([*build, str(source)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    install(wheel, site)
    found = plugins(site)["headwater-scores"]
    assert found["status"] == "loaded"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "pyproject.toml"],
        cwd=source,
        env=environment(site),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
