"""Ask whether headwater's requirements can be met beside each neighbour in its newest version.

A resolver that finds none goes back to an old version of the neighbour, and calls that a success:
so each is resolved alone first, and what it comes to beside headwater is compared. Nothing is
installed; needs uv and the package index.

    python .ci/neighbours.py              all of them
    python .ci/neighbours.py mlflow dlt   some
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
NEIGHBOURS: Final = (
    "sqlmesh",
    "dbt-duckdb",
    "evidently",
    "mlflow",
    "pyiceberg",
    "deltalake",
    "polars",
    "great-expectations",
    "feast",
    "ibis-framework",
    "dlt",
    "dagster",
    "apache-airflow",
    "prefect",
    "pandera",
    "soda-core",
    "scikit-learn",
    "fastapi",
    "streamlit",
    "datafusion",
)
KNOWN: Final = {"sqlmesh": "it takes sqlglot ~=30.8.0, whose trees differ from those we read"}
"""Those that can't live beside us yet, and why."""


def ours() -> list[str]:
    """Return what headwater needs with its embedded engine."""
    said = tomllib.loads((ROOT / "core/pyproject.toml").read_text())["project"]
    return [*said["dependencies"], *said["optional-dependencies"]["embedded"]]


def resolved(requirements: list[str]) -> dict[str, str] | None:
    """Return the versions that meet requirements together; None if there are none."""
    uv = shutil.which("uv")
    if uv is None:
        raise SystemExit("neighbours: needs uv: pip install uv")
    done = subprocess.run(
        [uv, "pip", "compile", "--quiet", "--no-header", "--python-version", "3.11", "-"],
        input="\n".join(requirements),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return None
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", done.stdout, re.MULTILINE))


def told(neighbour: str) -> str | None:
    """Return why a neighbour can't live beside headwater; None if it can."""
    alone, together = resolved([neighbour]), resolved([neighbour, *ours()])
    if alone is None:
        return "it can't be resolved, even alone"
    if together is None:
        return "no versions meet both"
    if together[neighbour] != alone[neighbour]:
        return f"only {together[neighbour]} can; {alone[neighbour]} is there"
    return None


def main(names: list[str]) -> int:
    """Ask for each, say what it comes to, and return how many fail unexpectedly."""
    failed = 0
    for name in names or NEIGHBOURS:
        why = told(name)
        expected = KNOWN.get(name)
        if why and not expected:
            failed += 1
        note = f" (known: {expected})" if why and expected else ""
        note = " (no longer so: take it out of KNOWN)" if expected and not why else note
        print(f"{'NO' if why else 'ok':3}{name}{f': {why}' if why else ''}{note}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) and 1)
