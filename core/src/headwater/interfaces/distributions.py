"""Distributions: what is installed here, as Python's own metadata tells it.

Spark puts its jars on `sys.path`, and importlib opens each of them to look for distributions, again
and again where they are many. A jar holds none: they are passed over. Every workspace asks which
distributions bring plugins, and two hundred files answer: they are read again once a place changed.
"""

from __future__ import annotations

import functools
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

State: TypeAlias = "tuple[str, int | None]"
"""A place of `sys.path`, and when something was last put there or taken away; None if gone."""
_KEPT: Final = 32
"""Answers of a kind that are kept: a process asks for few names, and seldom changes `sys.path`."""


@dataclass(frozen=True, slots=True)
class Named:
    """A distribution that names entry points of a group.

    Args:
        name: Its name.
        version: Its version.
        requires: What it needs, as its metadata says it.
        points: The entry points, by name.
    """

    name: str
    version: str
    requires: tuple[str, ...]
    points: tuple[EntryPoint, ...]


def version_of(name: str) -> str | None:
    """Return the version of a distribution; None where it is not installed.

    Args:
        name: Its name.
    """
    return _version_of(name, states())


@functools.lru_cache(maxsize=_KEPT)
def _version_of(name: str, states: tuple[State, ...]) -> str | None:
    distribution = _first(name, [place for place, _ in states])
    return None if distribution is None else distribution.version


def required_by(name: str) -> tuple[str, ...]:
    """Return what a distribution needs, as its metadata says it; nothing if it is not installed.

    Args:
        name: Its name.
    """
    distribution = _first(name, [place for place, _ in states()])
    return () if distribution is None else tuple(distribution.requires or ())


def naming(group: str) -> tuple[Named, ...]:
    """Return the distributions that name entry points of a group, by name; of one name, the first.

    Args:
        group: The group.
    """
    return _naming(group, states())


@functools.lru_cache(maxsize=_KEPT)
def _naming(group: str, states: tuple[State, ...]) -> tuple[Named, ...]:
    from importlib.metadata import distributions

    def names_some(dist: Distribution) -> bool:
        # Most name no such group: to parse their points takes longer than to read them.
        text = dist.read_text("entry_points.txt") or ""
        return group in text and bool(dist.entry_points.select(group=group))

    places = [place for place, _ in states]
    names = {dist.name for dist in filter(names_some, distributions(path=places))}
    firsts = [dist for name in sorted(names) if (dist := _first(name, places)) is not None]
    return tuple(_named(dist, group) for dist in firsts if names_some(dist))


def _named(dist: Distribution, group: str) -> Named:
    points = sorted(dist.entry_points.select(group=group), key=lambda point: point.name)
    metadata = dist.metadata  # read and parsed for each word that is asked
    name, version = metadata["Name"], metadata["Version"]
    return Named(name, version, tuple(dist.requires or ()), tuple(points))


def states() -> tuple[State, ...]:
    """Return the places where modules and distributions are looked for, and when each changed."""
    return tuple(_state(place) for place in sys.path if not place.endswith(".jar"))


def _state(place: str) -> State:
    where = os.path.abspath(place)  # noqa: PTH100 -- the empty place is the current folder
    try:
        return where, os.stat(where).st_mtime_ns  # noqa: PTH116 -- a Path costs more than the call
    except (OSError, ValueError):
        return where, None


def _first(name: str, places: list[str]) -> Distribution | None:
    from importlib.metadata import distributions

    return next(iter(distributions(name=name, path=places)), None)
