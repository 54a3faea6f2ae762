"""What a notebook shows: status in colour and words, to the left; errors by their message first."""

from __future__ import annotations

import logging
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import headwater as hw
from headwater.errors import HeadwaterError
from headwater.reading.dataset import EmptyReadWarning
from headwater.workspace.model import Connection


@pytest.fixture
def serving() -> Connection:
    log = pa.table(
        {
            "pid": ["a", "<b>"],
            "at": pa.array([1767225600] * 2, pa.timestamp("s", "UTC")),
            "score": [0.5, 0.25],
        }
    )
    workspace = hw.Workspace(engine="embedded")
    workspace.create_model("m", "<i>Model</i>")
    version = workspace.create_model_version(
        "m", "v1", "regression", predictions={"score": "numeric"}
    )
    return version.connect_serving(hw.MemoryDataSource(tables={"log": log}), "pid", "at")


def shown(value: Any) -> str:
    text: str = value._repr_html_()
    assert "<i>Model" not in text, "texts of others are escaped"
    assert text.count("<th>") == text.count("<td>") == 0, "all cells are set to the left"
    return text


def test_everything_that_a_notebook_ends_a_cell_with_is_shown(serving: Connection) -> None:
    data = serving.read()
    data.to_arrow()
    wanted: list[tuple[Any, list[str]]] = [
        (serving.version._workspace, ["m/v1/serving", "regression", "memory"]),
        (serving.version.model, ["Model m", "&lt;i&gt;Model&lt;/i&gt;"]),
        (serving.version, ["Version v1 of model m"]),
        (serving, ["Connection m/v1/serving", "pid", "at"]),
        (serving.source, ["MemoryDataSource", "memory"]),
        (serving.schema, ["score"]),
    ]
    for value, told in wanted:
        text = shown(value)
        assert [t for t in told if t not in text] == []
    assert "2026-01-01T00:00:00+00:00" in shown(data.stats)
    assert "m/v1/serving" in shown(data)
    assert "m/v1/serving" in shown(data.plan)


def test_a_status_is_a_word_in_its_colour(serving: Connection) -> None:
    text = shown(serving.check())
    assert '<span style="color:#1a7f37;font-weight:bold">ok</span>' in text
    broken = serving.version.connect_training(serving.source, "pid", predictions={"score": "x"})
    text = shown(broken.check())
    assert '<span style="color:#cf222e;font-weight:bold">failed</span>' in text
    assert ">skipped</span>" in text


def test_an_error_says_first_what_is_wrong_and_hides_our_frames(serving: Connection) -> None:
    with pytest.raises(HeadwaterError) as caught:
        serving.version.connect_serving(serving.source, "pid", "then").plan()
    lines = caught.value._render_traceback_()
    assert lines[0].startswith("ConfigError: m/v1/serving is defined already")
    text = "\n".join(lines)
    assert "connect_serving(serving.source" in text, "the caller's own line"
    assert "headwater/workspace" not in text
    assert "print_exception" in lines[-1]


def test_the_reason_of_another_is_told(serving: Connection) -> None:
    def asked() -> None:
        try:
            int("x")
        except ValueError as error:
            raise hw.HeadwaterError("no number", hint="write one") from error

    with pytest.raises(HeadwaterError) as caught:
        asked()
    lines = caught.value._render_traceback_()
    assert lines[0] == "HeadwaterError: no number\n  hint: write one"
    assert lines[1].startswith("caused by ValueError: invalid literal")


SCRIPT = """
import pyarrow as pa, headwater as hw
log = pa.table({"pid": ["a"], "at": pa.array([1767225600], pa.timestamp("s", "UTC")), "y": [0.5]})
ws = hw.Workspace(engine="embedded")
ws.create_model("m")
v = ws.create_model_version("m", "v1", "regression", predictions={"y": "numeric"})
serving = v.connect_serving(hw.MemoryDataSource(tables={"log": log}), "pid", "at")
serving.read("2027-01-01", "2027-01-02").to_arrow()
"""


def test_an_empty_read_says_it_once(serving: Connection, tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert ran.stderr.count("no rows") + ran.stderr.count("outside") <= 2, ran.stderr
    assert ran.stderr.count("EmptyReadWarning") == 1
    assert "m/v1/serving: no rows" not in ran.stderr


def test_whoever_set_up_a_log_has_it_there(
    serving: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), warnings.catch_warnings():
        warnings.simplefilter("ignore", EmptyReadWarning)
        serving.read("2027-01-01", "2027-01-02").to_arrow()
    assert [r.levelname for r in caplog.records if "no rows" in r.message] == ["WARNING"]
