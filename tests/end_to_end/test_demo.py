"""`headwater demo`, as a newcomer runs it, and the way on from what it leaves behind."""

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from tests.docs import snippets

import headwater as hw
from headwater.cli.main import run as run_here
from headwater_glue.demo import tutorial
from headwater_monitor import report


def run(command, cwd=None):
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, timeout=300
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "kept"
    done = run([str(Path(sys.executable).with_name("headwater")), "demo", "--keep", str(folder)])
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


def test_a_month_that_is_not_ripe_says_so_and_a_second_run_reads_only_what_changed(demo):
    _, told = demo
    assert "0.89 provisional" in told
    (april,) = [line for line in told.splitlines() if line.startswith("not final: 2022-04: 38%")]
    assert "37% expected by now; ripening; accuracy 0.895 at this age has been" in april
    assert "too high (sd 0.1" in april
    later = told[told.index("8. A week later") :]
    assert "3 of 12 months were read again" in later
    assert "2022-04  because of files:housing.actuals: labels changed; labels 38% -> 60%" in later
    assert "2021-10" not in later[: later.index("9. Hand it on")]


def test_the_readme_shows_what_it_prints(demo):
    _, told = demo
    page = Path(__file__).parents[2] / "README.md"
    (shown,) = [b for b in snippets.blocks(page) if b.text.startswith("7. Monitor:")]
    written = told[told.index("7. Monitor:") : told.index("9. Hand it on")]
    snippets.expect(shown.text, written, shown.where)


def test_the_way_on_from_what_it_leaves_behind_works(demo, monkeypatch):
    folder, _ = demo
    monkeypatch.chdir(folder)
    page = (folder / "headwater-demo.html").read_text(encoding="utf-8")
    assert "2021-10: Accuracy of expensive is 0.2836" in page
    assert page.count('<tr class="provisional">') == 2
    status, told = snippets.here(["plan", "serving", "2021-10-01", "2021-11-01", "--json"])
    assert status == 0, told
    assert json.loads(told)["tables"][0]["partitions_kept"] == 31
    status, told = snippets.here(["read", "serving", "2021-10-01", "2021-11-01", "--out", "rows/"])
    assert status == 0, told
    assert (folder / "rows" / "part-0.parquet").exists()
    status, told = snippets.here(["check"])
    assert status == 0, told


def test_without_a_folder_it_leaves_the_report_alone(tmp_path, monkeypatch, capsys):
    def quick(stage, *, engine):
        assert engine == "auto"
        log = hw.MemoryDataSource(
            tables={
                "log": pa.table(
                    {"id": ["a"], "x": [1.0], "at": pa.array([0], pa.timestamp("us", "UTC"))}
                )
            }
        )
        with hw.Workspace(engine="embedded") as workspace:
            workspace.create_model("m")
            version = workspace.create_model_version(
                "m", "v", "binary", features={"x": "numeric"}, predictions={}
            )
            found = report(version.connect_serving(log, "id", "at").profile())
            stage.report(found)
            stage.keep(pa.table({"MedInc": [1.0]}), workspace.sql("SELECT id FROM log", log))
        return found

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tutorial, "run", quick)
    assert run_here(["demo"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["headwater-demo.html"]
    assert "--keep DIR leaves the data and a config behind" in capsys.readouterr().out


@pytest.mark.slow
def test_evidently_takes_the_same_data(demo):
    folder, _ = demo
    done = run([sys.executable, "evidently_report.py"], folder)
    assert done.returncode == 0, done.stderr
    assert (folder / "drift.html").stat().st_size > 100_000
