"""Spark's own lines go to a file; where it can't be started, an error shows some of them."""

from __future__ import annotations

import gc
import stat
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyspark")

from headwater.display.progress import heard_by
from headwater.engines.spark.session import own_lines


@pytest.fixture
def no_jvm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """As in a process that has not started a JVM; its temporary files lie here."""
    from pyspark import SparkContext

    monkeypatch.setattr(SparkContext, "_gateway", None)
    monkeypatch.delenv("PYSPARK_GATEWAY_PORT", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_jvm_that_ends_leaves_its_reasons(
    no_jvm: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    home = no_jvm / "spark" / "bin"
    home.mkdir(parents=True)
    script = home / "spark-submit"
    script.write_text(
        "#!/bin/sh\necho ':: loading settings :: url = x'\n"
        "echo ':: UNRESOLVED DEPENDENCIES: a#b;1' >&2\nexit 1\n"
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("SPARK_HOME", str(home.parent))
    heard: list[str | None] = []
    with heard_by(heard.append), pytest.raises(Exception, match="JAVA_GATEWAY_EXITED") as caught:
        own_lines.launch({"spark.master": "local"})
    assert capfd.readouterr() == ("", "")
    path = own_lines.of(caught.value)
    assert path is not None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600, "nobody else reads it"
    assert heard == [f"starting Spark; its own lines go to {path}", None]
    told = own_lines.reasons(path)
    assert str(path) in told
    assert "UNRESOLVED DEPENDENCIES: a#b;1" in told
    assert "loading settings" not in told
    # PySpark leaves the pipe of a process that failed to the collector.
    del caught
    gc.collect()


def test_a_jvm_that_is_there_keeps_its_streams(
    no_jvm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyspark import SparkContext

    gateway: Any = object()
    monkeypatch.setattr(SparkContext, "_gateway", gateway)
    assert own_lines.launch({}) is None
    assert list(no_jvm.iterdir()) == []
    assert "standard error" in own_lines.reasons(None)
