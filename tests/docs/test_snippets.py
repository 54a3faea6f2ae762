"""Every snippet in README and docs/ runs, page by page, top to bottom, in one namespace.

The pages are run as their readers would: in an empty folder, with AWS's own variables set for an
account (an emulated one) that holds the seed's table. How a block is run is said in `snippets`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from tests.docs import snippets
from tests.end_to_end.conftest import account, decide  # noqa: F401  the pages' account

from headwater.workspace import default

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
ON_SPARK = "scale-to-spark.md"


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(
            page,
            id=str(page.relative_to(ROOT)),
            marks=[pytest.mark.spark] if page.name == ON_SPARK else [],
        )
        for page in PAGES
    ],
)
def test_page(
    page: Path,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    blocks = snippets.blocks(page)
    missing = " and ".join(snippets.left_out(blocks))
    elsewhere = (
        f"`make release-check` runs {page.name} where {missing} is: no lock of ours holds it"
    )
    if missing and blocks[0].page != page:
        pytest.skip(f"{elsewhere}; what it goes on from, {blocks[0].page.name}, is run here")
    if any(block.asks_aws for block in blocks):
        decide(request.getfixturevalue("account"))
    folder = tmp_path / "reader"
    folder.mkdir()
    monkeypatch.chdir(folder)
    if page.name == ON_SPARK:
        run_apart(page)
        return
    monkeypatch.setattr(default, "_workspaces", [])
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        snippets.run(blocks)
    if missing:
        pytest.skip(f"{elsewhere}; all else of the page ran")


def run_apart(page: Path) -> None:
    """Run a page in a process of its own: a process has one Spark, and other tests started it."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.docs.snippets", str(page)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
