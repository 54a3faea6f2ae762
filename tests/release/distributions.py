"""The distributions as their `pyproject.toml` say, and what must be true of all of them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).parents[2]
LICENSE: Final = "Apache-2.0"
TYPED: Final = "Typing :: Typed"


@dataclass(frozen=True, slots=True)
class Distribution:
    """One of ours.

    Args:
        folder: Where it is.
        project: Its `[project]` table.
    """

    folder: Path
    project: Mapping[str, Any]

    @property
    def name(self) -> str:
        return canonicalize_name(self.project["name"])

    @property
    def version(self) -> str:
        return str(self.project["version"])

    @property
    def module(self) -> str:
        return self.name.replace("-", "_")

    @property
    def extras(self) -> Mapping[str, Sequence[str]]:
        found: Mapping[str, Sequence[str]] = self.project.get("optional-dependencies", {})
        return found

    @property
    def requirements(self) -> list[Requirement]:
        """What it needs, with what its extras bring."""
        lines = [*self.project.get("dependencies", ())]
        for extra in self.extras.values():
            lines += extra
        return [Requirement(line) for line in lines]


def distributions(root: Path = ROOT) -> list[Distribution]:
    """Return the distributions of the workspace, each after those it stands on."""
    found = {}
    for place in sorted(root.glob("core/pyproject.toml")) + sorted(
        root.glob("plugins/*/pyproject.toml")
    ):
        project = tomllib.loads(place.read_text(encoding="utf-8"))["project"]
        one = Distribution(place.parent, project)
        found[one.name] = one
    ordered: list[Distribution] = []
    while waiting := [one for one in found.values() if one not in ordered]:
        ready = [
            one
            for one in waiting
            if all(
                found[name] in ordered
                for name in {canonicalize_name(r.name) for r in one.requirements} - {one.name}
                if name in found
            )
        ]
        if not ready:
            raise ValueError(f"{' and '.join(one.name for one in waiting)} need each other")
        ordered += ready
    return ordered


def faults(ours: Sequence[Distribution]) -> list[str]:
    """Return what keeps these from being released together, one sentence each."""
    found: list[str] = []
    names = {one.name: one for one in ours}
    versions = {one.version for one in ours}
    if len(versions) > 1:
        told = ", ".join(f"{one.name} {one.version}" for one in ours)
        found.append(f"they are released together, under one version: {told}")
    for one in ours:
        say = f"{one.name}: ".__add__
        if not (one.folder / "src" / one.module / "py.typed").is_file():
            found.append(say(f"src/{one.module}/py.typed is missing: it says that it is typed"))
        if TYPED not in one.project.get("classifiers", ()):
            found.append(say(f"the classifier {TYPED!r} is missing"))
        if one.project.get("license") != LICENSE:
            found.append(say(f"its license is not {LICENSE}"))
        wanted = ("readme", "description", "requires-python")
        found += [say(f"{name} is missing") for name in wanted if not one.project.get(name)]
        for requirement in one.requirements:
            other = names.get(canonicalize_name(requirement.name))
            if other is None:
                continue
            if not requirement.specifier.contains(other.version):
                found.append(say(f"wants {requirement}, and {other.name} is {other.version}"))
            unknown = requirement.extras - set(other.extras)
            found += [say(f"{other.name} has no extra {extra!r}") for extra in sorted(unknown)]
        for dependency in one.project.get("dependencies", ()):
            requirement = Requirement(dependency)
            other = names.get(canonicalize_name(requirement.name))
            if other is not None and not requirement.specifier:
                found.append(say(f"takes any version of {other.name}, which moves with it"))
        readme = one.folder / str(one.project.get("readme", ""))
        if readme.is_file():
            found += [say(fault) for fault in dead_links(readme.read_text(encoding="utf-8"))]
    return found


def dead_links(readme: str) -> list[str]:
    """Return the links of a README that lead nowhere where a registry shows it: relative ones."""
    links = re.findall(r"\]\(([^)\s]+)\)", readme)
    dead = [link for link in links if not re.match(r"(https?:|mailto:|#)", link)]
    return [f"its README links to {link}, which a package registry does not have" for link in dead]
