"""Running the program inside the test's own process."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from headwater.cli.main import run
from headwater.plugins import PluginRegistry


@dataclass(frozen=True)
class Outcome:
    """What a run of the program left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Program:
    """The program in a folder of its own, with core's plugins and those that are given."""

    def __init__(self, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
        self._capsys = capsys
        self.folder = folder
        self.modules: list[object] = []

    def __call__(self, *arguments: str) -> Outcome:
        self._capsys.readouterr()
        code = run(arguments, PluginRegistry(self.modules, discover=False))
        captured = self._capsys.readouterr()
        return Outcome(code, captured.out, captured.err)
