"""A third party's plugin to begin with: files of a project whose tests pass at once."""

from __future__ import annotations

import re
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path, PurePosixPath
from string import Template
from typing import Final

from headwater.errors import ConfigError
from headwater.interfaces import API_VERSION
from headwater.reading.file_writer import complete

_FILES: Final = {
    "pyproject.toml": "pyproject.toml.txt",
    "README.md": "README.md.txt",
    "src/{package}/__init__.py": "init.py.txt",
    "src/{package}/plugin.py": "plugin.py.txt",
    "src/{package}/source.py": "source.py.txt",
    "tests/test_contract.py": "test_contract.py.txt",
    "tests/test_source.py": "test_source.py.txt",
    ".github/workflows/test.yml": "ci.yml.txt",
}
"""File of the project to its template beside this module."""


def project(kind: str) -> dict[PurePosixPath, str]:
    """Return the files of a plugin's project, by their paths in it.

    Args:
        kind: Word by which configuration will name its source, e.g. `acme` or `acme-lake`.

    Raises:
        ConfigError: If that is no such word.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", kind):
        raise ConfigError(
            f"{kind!r} can't name a plugin", hint="lower-case words with hyphens, e.g. acme-lake"
        )
    words = kind.split("-")
    series = ".".join(version("headwater").split(".")[:2])
    names = {
        "kind": kind,
        "title": " ".join(w.capitalize() for w in words),
        "cls": "".join(w.capitalize() for w in words),
        "distribution": f"headwater-{kind}",
        "module": kind.replace("-", "_"),
        "package": f"headwater_{kind.replace('-', '_')}",
        "series": f"{series}.*",
        "api": str(API_VERSION),
    }
    return {
        PurePosixPath(path.format(**names)): Template(
            files(__name__).joinpath(template).read_text(encoding="utf-8")
        ).substitute(names)
        for path, template in _FILES.items()
    }


def write_project(kind: str, folder: Path) -> list[Path]:
    """Write a plugin's project into a folder that is empty or not there yet.

    Args:
        kind: As for `project`.
        folder: The folder.

    Returns:
        What was written.

    Raises:
        ConfigError: If the folder holds anything or can't be written to, or `kind` is no name.
    """
    texts = {folder / path: text for path, text in project(kind).items()}
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{folder} is not empty", hint="name another with --folder")
    written: list[Path] = []
    try:
        for path, text in texts.items():
            with complete(path) as file:
                file.write(text.encode())
            written.append(path)
    except BaseException:
        for path in written:
            path.unlink()
        raise
    return written
