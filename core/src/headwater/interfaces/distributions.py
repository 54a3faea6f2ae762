"""Distributions: what is installed here, as Python's own metadata tells it.

Spark puts its jars on `sys.path`, and importlib opens each of them to look for distributions, again
and again where they are many. A jar holds none: they are passed over.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import Distribution


def version_of(name: str) -> str | None:
    """Return the version of a distribution; None where it is not installed.

    Args:
        name: Its name.
    """
    found = _first(name)
    return None if found is None else found.version


def naming(group: str) -> tuple[Distribution, ...]:
    """Return the distributions that name entry points of a group; of one name, the first.

    Args:
        group: The group.
    """
    from importlib.metadata import distributions

    def names_some(dist: Distribution) -> bool:
        return bool(dist.entry_points.select(group=group))

    names = {dist.name for dist in filter(names_some, distributions(path=_places()))}
    firsts = {dist.name: dist for name in names if (dist := _first(name)) is not None}
    return tuple(filter(names_some, firsts.values()))


def _first(name: str) -> Distribution | None:
    from importlib.metadata import distributions

    return next(iter(distributions(name=name, path=_places())), None)


def _places() -> list[str]:
    return [place for place in sys.path if not place.endswith(".jar")]
