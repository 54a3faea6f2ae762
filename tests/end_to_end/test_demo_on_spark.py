"""The demo and the configuration that it leaves behind run unchanged on Spark."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

pytestmark = [
    pytest.mark.spark,
    pytest.mark.slow,
    pytest.mark.timeout(1500),
    pytest.mark.usefixtures("spark_engine"),  # fetches the packages
]


def headwater(*words: str, cwd: Path) -> dict[str, Any]:
    program = str(Path(sys.executable).with_name("headwater"))
    done = subprocess.run(
        [program, *words, "--json"], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def demos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, dict[str, Any]]]:
    found = {}
    for engine in ("embedded", "spark"):
        folder = tmp_path_factory.mktemp(engine)
        found[engine] = folder, headwater("demo", "--keep", ".", "--engine", engine, cwd=folder)
    return found


def test_the_monthly_table_is_the_same(demos: dict[str, tuple[Path, dict[str, Any]]]) -> None:
    months = {engine: told["months"] for engine, (_, told) in demos.items()}
    assert len(months["spark"]) == len(months["embedded"]) > 10
    for ours, theirs in zip(months["spark"], months["embedded"], strict=True):
        assert ours.pop("drift") == pytest.approx(theirs.pop("drift"))
        assert ours == pytest.approx(theirs)
    accuracy = {m["start"][:7]: round(m["accuracy"], 2) for m in months["spark"] if m["accuracy"]}
    assert (accuracy["2021-06"], accuracy["2021-10"]) == (0.85, 0.28)


def test_the_config_that_it_leaves_reads_the_same_rows(
    demos: dict[str, tuple[Path, dict[str, Any]]],
) -> None:
    folder, _ = demos["spark"]
    tables = []
    for engine in ("embedded", "spark"):
        window = ("serving", "2021-10-01", "2021-11-01")
        told = headwater("read", *window, "--out", engine, "--engine", engine, cwd=folder)
        assert told["engine"] == engine
        tables.append(pq.read_table(folder / told["path"]).sort_by("id"))
    assert tables[0].num_rows == 744
    assert tables[0].equals(tables[1])
