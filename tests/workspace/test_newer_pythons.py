"""The interpreters that CI finds beside its own."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci" / "newer_pythons.py"


def interpreter(folder: Path, minor: int, answers: str) -> Path:
    """A program that answers as an interpreter of this version would."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / f"python3.{minor}"
    program.write_text(f"#!/bin/sh\n{answers}\n")
    program.chmod(0o755)
    return program


def found(tmp_path: Path, **environment: str) -> list[str]:
    told = {"PATH": "", "HOME": str(tmp_path / "home"), **environment}
    ended = subprocess.run(
        [sys.executable, "-I", SCRIPT], capture_output=True, text=True, env=told, check=True
    )
    return ended.stdout.splitlines()


def test_the_newest_comes_first_and_each_minor_version_once(tmp_path):
    system, other = tmp_path / "system", tmp_path / "other"
    interpreter(system, 98, "echo 3 98 0")
    newest = interpreter(system, 99, "echo 3 99 1")
    patched = interpreter(other, 98, "echo 3 98 4")
    assert found(tmp_path, PATH=f"{system}:{other}") == [str(newest), str(patched)]


@pytest.mark.parametrize("kept", ["pyenv", "pyenv at home", "uv"])
def test_they_are_found_where_installers_keep_them(tmp_path, kept):
    folders = {
        "pyenv": "elsewhere/versions/3.98.0/bin",
        "pyenv at home": "home/.pyenv/versions/3.98.0/bin",
        "uv": "home/.local/share/uv/python/cpython-3.98.0-linux/bin",
    }
    program = interpreter(tmp_path / folders[kept], 98, "echo 3 98 0")
    more = {"PYENV_ROOT": str(tmp_path / "elsewhere")} if kept == "pyenv" else {}
    assert found(tmp_path, **more) == [str(program)]


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param("echo pyenv: python3.98: command not found >&2; exit 127", id="pyenv's shim"),
        pytest.param("exit 0", id="a pre-release, or no CPython"),
        pytest.param("echo usage: python", id="no interpreter"),
    ],
)
def test_what_cannot_run_the_tests_is_passed_over(tmp_path, answers):
    interpreter(tmp_path / "bin", 98, answers)
    assert found(tmp_path, PATH=str(tmp_path / "bin")) == []


def test_the_one_that_asks_and_older_ones_are_not_newer(tmp_path):
    here = sys.version_info.minor
    interpreter(tmp_path / "bin", here, f"echo 3 {here} 99")
    interpreter(tmp_path / "bin", here - 1, f"echo 3 {here - 1} 0")
    assert found(tmp_path, PATH=str(tmp_path / "bin")) == []
