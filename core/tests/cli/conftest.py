from pathlib import Path

import pytest
from core.tests.cli.support import Program


@pytest.fixture
def headwater(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Program:
    """The program, run in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return Program(capsys, tmp_path)
