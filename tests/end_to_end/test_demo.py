"""`headwater demo`, as a newcomer runs it, and the way on from what it leaves behind."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.docs import snippets


def headwater(*words, cwd=None):
    return run([str(Path(sys.executable).with_name("headwater")), *words], cwd)


def run(command, cwd):
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, timeout=300
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "kept"
    done = headwater("demo", "--keep", str(folder))
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def test_it_shows_the_plan_and_every_month(demo):
    _, told = demo
    for part in (
        "partitions 31 of 343",
        "arn:aws:sts::210987654321:assumed-role/monitoring/",
        "pruned by dt from timestamp (window)",
        "verdict: it works",
        "2021-06",
        "0.85",
        "0.28",
        "evidently",
    ):
        assert part in told


def test_the_readme_shows_what_it_prints(demo):
    _, told = demo
    page = Path(__file__).parents[2] / "README.md"
    (shown,) = [b for b in snippets.blocks(page) if b.text.startswith("7. Monitor:")]
    written = told[told.index("7. Monitor:") : told.index("8. Hand it on")]
    snippets.expect(shown.text, written, shown.where)


def test_the_way_on_from_what_it_leaves_behind_works(demo):
    folder, _ = demo
    page = (folder / "headwater-demo.html").read_text(encoding="utf-8")
    assert "Accuracy and label coverage" in page
    told = headwater("plan", "serving", "2021-10-01", "2021-11-01", "--json", cwd=folder)
    assert json.loads(told.stdout)["tables"][0]["partitions_kept"] == 31
    done = headwater("read", "serving", "2021-10-01", "2021-11-01", "--out", "rows/", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert (folder / "rows" / "part-0.parquet").exists()
    assert headwater("check", cwd=folder).returncode == 0


def test_without_a_folder_it_leaves_the_chart_alone(tmp_path):
    done = headwater("demo", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["headwater-demo.html"]


@pytest.mark.slow
def test_evidently_takes_the_same_data(demo):
    folder, _ = demo
    done = run([sys.executable, "evidently_report.py"], folder)
    assert done.returncode == 0, done.stderr
    assert (folder / "drift.html").stat().st_size > 100_000
