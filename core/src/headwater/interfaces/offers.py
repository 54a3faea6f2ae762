"""Whether an object of a plugin offers an ability, decided alike on every Python."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from typing_extensions import TypeIs

_A = TypeVar("_A")


def offers(value: object, ability: type[_A]) -> TypeIs[_A]:
    """Return whether an object has all that a protocol names.

    `isinstance` with a protocol looks at classes alone from Python 3.12 on: a session that hands
    what it is asked on to another one (`__getattr__`) would lose its abilities, and nobody say so.

    Args:
        value: An object of a plugin, e.g. a session, or one that stands before another.
        ability: A protocol of `headwater.interfaces`.
    """
    names = (*inspect.get_annotations(ability), *vars(ability))
    return all(hasattr(value, name) for name in names if not name.startswith("_"))
