"""What is in a wheel and in a source distribution: all that is needed, and nothing else."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from tests.release.distributions import Distribution

LARGEST: Final = 2_000_000
"""Bytes of the largest archive that is no accident: ours is source text."""
STRAY: Final = frozenset({"tests", "__pycache__", ".venv", ".mypy_cache", ".git", "conftest.py"})
SECRET: Final = frozenset({".env", ".pem", ".key", ".pypirc"})


@dataclass(frozen=True, slots=True)
class Archive:
    """A built file.

    Args:
        name: Its file's name.
        members: Paths in it.
        size: Its bytes.
    """

    name: str
    members: frozenset[str]
    size: int

    @property
    def is_wheel(self) -> bool:
        return self.name.endswith(".whl")


def opened(path: Path) -> Archive:
    """Look into a wheel or a source distribution; the latter's own folder is left out."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            members: Iterable[str] = wheel.namelist()
    else:
        with tarfile.open(path) as source:
            members = [m.name.partition("/")[2] for m in source.getmembers() if m.isfile()]
    return Archive(path.name, frozenset(members), path.stat().st_size)


def faults(one: Distribution, archives: Iterable[Archive]) -> list[str]:
    """Return what is wrong with what was built of a distribution, one sentence each."""
    found: list[str] = []
    stem = f"{one.module}-{one.version}"
    built = {archive.name: archive for archive in archives}
    wheel, source = f"{stem}-py3-none-any.whl", f"{stem}.tar.gz"
    found += [f"{one.name}: {name} was not built" for name in (wheel, source) if name not in built]
    info = f"{stem}.dist-info"
    package = {
        path.relative_to(one.folder / "src").as_posix()
        for path in (one.folder / "src").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    }
    for archive in built.values():
        if archive.is_wheel:
            wanted = package | {f"{info}/METADATA", f"{info}/licenses/LICENSE"}
            foreign = {
                m for m in archive.members if m not in package and not m.startswith(f"{info}/")
            }
            found += [f"{archive.name} holds {m}, which is not its package's" for m in foreign]
        else:
            wanted = {f"src/{name}" for name in package}
            wanted |= {"pyproject.toml", "README.md", "LICENSE", "PKG-INFO"}
        found += [f"{archive.name} lacks {name}" for name in sorted(wanted - archive.members)]
        for member in sorted(archive.members):
            path = PurePosixPath(member)
            inside = path.parts[: 3 if not archive.is_wheel else 1]
            if path.suffix in SECRET or path.name in SECRET:
                found.append(f"{archive.name} holds {member}: is that meant for everybody?")
            elif archive.is_wheel and STRAY.intersection(inside):
                found.append(f"{archive.name} holds {member}, which nobody needs")
        if archive.size > LARGEST:
            found.append(
                f"{archive.name} has {archive.size / 1e6:.1f} MB, more than {LARGEST / 1e6:.0f}"
            )
    return found
