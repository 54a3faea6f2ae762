"""A third party's plugin to begin with: files of a project whose tests pass at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path, PurePosixPath
from string import Template
from typing import Final

from headwater.errors import ConfigError
from headwater.interfaces import API_VERSION
from headwater.interfaces.specs import (
    AuthSpec,
    CommandSpec,
    EngineSpec,
    LedgerSpec,
    RewriteSpec,
    SourceSpec,
    Spec,
    WriterSpec,
)
from headwater.plugins.registry import PluginRegistry
from headwater.reading.file_writer import complete


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of plugin; its templates lie in the folder of its name.

    Args:
        spec: What its hook returns.
        module: The module of the project in which it stands.
        object: What it is called there, with `{cls}` for the plugin's name.
        gives: What the hook returns, for a person.
        registered: Gives the specs that are there already.
    """

    spec: type[Spec]
    module: str
    object: str
    gives: str
    registered: Callable[[PluginRegistry], Sequence[Spec]]


KINDS: Final = {
    "source": Kind(
        SourceSpec, "source", "{cls}DataSource", "a data source", PluginRegistry.sources
    ),
    "database": Kind(
        SourceSpec, "source", "{cls}DataSource", "a data source", PluginRegistry.sources
    ),
    "auth": Kind(AuthSpec, "login", "{cls}Login", "a login", PluginRegistry.auths),
    "engine": Kind(EngineSpec, "engine", "{cls}Engine", "an engine", PluginRegistry.engines),
    "writer": Kind(WriterSpec, "writer", "write", "a format to write", PluginRegistry.writers),
    "rule": Kind(
        RewriteSpec, "rule", "rewrite", "a rule for queries", PluginRegistry.rewrite_rules
    ),
    "command": Kind(CommandSpec, "command", "run", "a command", PluginRegistry.commands),
    "ledger": Kind(
        LedgerSpec, "store", "{cls}LedgerStore", "a place for ledgers", PluginRegistry.ledgers
    ),
}
"""What `headwater new-plugin --kind` takes."""

_COMMON: Final = {
    "pyproject.toml": "pyproject.toml.txt",
    "README.md": "README.md.txt",
    "src/{package}/__init__.py": "init.py.txt",
    "src/{package}/plugin.py": "plugin.py.txt",
    ".github/workflows/test.yml": "ci.yml.txt",
}
"""File of every project to its template beside this module."""


def project(name: str, kind: str = "source") -> dict[PurePosixPath, str]:
    """Return the files of a plugin's project, by their paths in it.

    Args:
        name: Word by which configuration will name what it gives, e.g. `acme` or `acme-lake`.
        kind: What it gives, one of `KINDS`.

    Raises:
        ConfigError: If the name is no such word, or there is no such kind.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise ConfigError(
            f"{name!r} can't name a plugin", hint="lower-case words with hyphens, e.g. acme-lake"
        )
    kind_ = kind_of(kind)
    words = name.split("-")
    cls = "".join(w.capitalize() for w in words)
    series = ".".join(version("headwater").split(".")[:2])
    names = {
        "kind": name,
        "title": " ".join(w.capitalize() for w in words),
        "cls": cls,
        "distribution": f"headwater-{name}",
        "module": name.replace("-", "_"),
        "package": f"headwater_{name.replace('-', '_')}",
        "series": f"{series}.*",
        "api": str(API_VERSION),
        "spec": kind_.spec.__name__,
        "hook": f"headwater_{kind_.spec.plural}",
        "module_name": kind_.module,
        "object": kind_.object.format(cls=cls),
        "gives": kind_.gives,
    }
    folder = files(__name__)
    own = {t.name.removesuffix(".txt"): t for t in folder.joinpath(kind).iterdir()}
    names["about"] = _substituted(own.pop("about").read_text(encoding="utf-8"), names).strip()
    texts = {path: folder.joinpath(template) for path, template in _COMMON.items()}
    for file in sorted(own):
        home = "tests" if file.startswith("test_") else "src/{package}"
        texts[f"{home}/{file}"] = own[file]
    return {
        PurePosixPath(path.format(**names)): _substituted(text.read_text(encoding="utf-8"), names)
        for path, text in texts.items()
    }


def _substituted(text: str, names: dict[str, str]) -> str:
    return Template(text).substitute(names)


def kind_of(kind: str) -> Kind:
    """Return a kind of plugin by its name.

    Args:
        kind: Its name.

    Raises:
        ConfigError: If there is none of that name.
    """
    if kind not in KINDS:
        raise ConfigError(f"there is no kind of plugin {kind!r}", hint=f"one of {', '.join(KINDS)}")
    return KINDS[kind]


def write_project(name: str, folder: Path, kind: str = "source") -> list[Path]:
    """Write a plugin's project into a folder that is empty or not there yet.

    Args:
        name: As for `project`.
        folder: The folder.
        kind: As for `project`.

    Returns:
        What was written.

    Raises:
        ConfigError: If the folder holds anything or can't be written to, or `name` is no name.
    """
    texts = {folder / path: text for path, text in project(name, kind).items()}
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
