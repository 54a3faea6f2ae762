"""Run the tests that tell whether a dependency is known, at the lower ends of the ranges we allow.

The upper ends are what the locks hold. Each version is installed into a folder of its own, which is
put before the environment: nothing in that changes.

    python .ci/bounds.py            all of them
    python .ci/bounds.py sqlglot    one
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import tomllib
from itertools import chain
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
TESTS: Final = {
    "sqlglot": ("core/tests/sql", "core/tests/planning", "plugins/glue/tests"),
    "duckdb": ("core/tests/engines", "core/tests/reading", "core/tests/sql/portable"),
}
"""What a dependency's own behaviour shows in."""
BESIDE: Final = {"sqlglot": "sqlglotc", "duckdb": "duckdb-extension-httpfs"}
"""What is built for exactly one version of it."""


def lowest(package: str, project: Path = ROOT / "core/pyproject.toml") -> str:
    """Return the lowest version of a package that core's requirements take."""
    said = tomllib.loads(project.read_text())["project"]
    for line in chain(said["dependencies"], *said["optional-dependencies"].values()):
        if found := re.fullmatch(rf"{re.escape(package)}>=([0-9.]+),<=?[0-9.]+", line):
            version = found[1]
            return version if version.count(".") == 2 else f"{version}.0"
    raise SystemExit(f"{project}: no range of {package} was found")


def holds(package: str) -> bool:
    """Run the tests of a package at its lowest version; return whether they pass."""
    version = lowest(package)
    print(f"bounds: {package} {version}", flush=True)
    with tempfile.TemporaryDirectory(prefix="headwater-bounds-") as folder:
        wanted = [f"{package}=={version}", f"{BESIDE[package]}=={version}"]
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder]
        subprocess.run([*pip, *wanted], check=True)
        environment = {**os.environ, "PYTHONPATH": folder}
        options = ["-q", "-p", "no:cacheprovider", "-m", "not slow and not spark"]
        options += ["-n", "2", "--dist", "worksteal"]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *TESTS[package]],
            cwd=ROOT,
            env=environment,
            check=False,
        )
    return done.returncode == 0


if __name__ == "__main__":
    failed = [package for package in sys.argv[1:] or TESTS if not holds(package)]
    sys.exit(f"bounds: the tests fail with the oldest {', '.join(failed)}" if failed else 0)
