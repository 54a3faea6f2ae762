"""Print the interpreters of this machine that are newer than the one that runs this, newest first.

Looked for where machines keep them: on PATH, and where pyenv and uv install. One of each minor
version is printed; a pre-release is none, and neither is one that cannot make an environment.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

_ASK = """
import sys, platform, venv, ensurepip
if platform.python_implementation() == "CPython" and sys.version_info.releaselevel == "final":
    print(*sys.version_info[:3])
"""


def places(environment: Mapping[str, str]) -> Iterator[Path]:
    """Name the folders that may hold interpreters."""
    for folder in environment.get("PATH", "").split(os.pathsep):
        if folder:
            yield Path(folder)
    home = Path(environment.get("HOME", "/"))
    pyenv = Path(environment.get("PYENV_ROOT") or home / ".pyenv")
    uv = Path(environment.get("UV_PYTHON_INSTALL_DIR") or home / ".local/share/uv/python")
    for versions in (pyenv / "versions", uv):
        yield from sorted(versions.glob("*/bin"))


def version(python: Path) -> tuple[int, ...] | None:
    """Ask a program for its version; None is said of what is no usable Python."""
    try:
        answer = subprocess.run(
            [python, "-I", "-c", _ASK], capture_output=True, text=True, timeout=30, check=False
        )
        return tuple(int(part) for part in answer.stdout.split()) or None
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None


def newer(than: tuple[int, int], environment: Mapping[str, str]) -> list[Path]:
    """Find the newest interpreter of each minor version past one."""
    best: dict[tuple[int, ...], tuple[tuple[int, ...], Path]] = {}
    for folder in places(environment):
        for python in sorted(folder.glob("python3.*")):
            minor = python.name.removeprefix("python3.")
            if not minor.isdigit() or (3, int(minor)) <= than:
                continue
            # pyenv's shims are on PATH for every version, and work for the chosen ones only.
            found = version(python)
            if found and found > best.get(found[:2], ((), python))[0]:
                best[found[:2]] = (found, python)
    return [python for _, python in sorted(best.values(), reverse=True)]


if __name__ == "__main__":
    for found in newer(sys.version_info[:2], os.environ):
        print(found)
