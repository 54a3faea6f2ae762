"""A script that leaves rows unread ends as it would have, wherever DuckDB's threads are."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import pytest

READS = """
import sys, headwater as hw
source = hw.FileDataSource(
    tables={"t": sys.argv[1]}, columns={"t": {"id": "bigint", "s": "string"}}, format="csv"
)
data = hw.Workspace(engine="embedded").sql("SELECT id, s FROM t", source)
"""
LEFT = {
    "by breaking off": "for batch in data: break",
    "by closing": "batches = iter(data); next(batches); batches.close()",
    "open": "batches = data.reader().__enter__(); batches.read_next_batch()",
    "to the end": "assert sum(b.num_rows for b in data) == 400_000",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compressed text, which Python's threads read for DuckDB's."""
    folder = tmp_path_factory.mktemp("lines")
    lines = "".join(f"{i},{'x' * 40}\n" for i in range(100_000)).encode()
    for number in range(4):
        (folder / f"{number}.csv.gz").write_bytes(gzip.compress(lines, 1))
    return folder


@pytest.mark.parametrize("how", LEFT)
def test_the_process_ends(folder: Path, how: str) -> None:
    script = f"{READS}{LEFT[how]}\nprint('done')"
    ended = subprocess.run(
        [sys.executable, "-c", script, str(folder)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "done\n", "")
