"""The only caller of hooks.

Each plugin has a manager of its own, so that what one plugin raises stays that plugin's affair, and
the order of calls is the order of names: never that of registration.
"""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import pluggy

from headwater.interfaces import hookspecs
from headwater.interfaces.specs import KINDS, Spec

if TYPE_CHECKING:
    from headwater.interfaces.plan import Plan
    from headwater.interfaces.read_stats import ReadStats
    from headwater.plugins.registry import PluginRegistry

_log = logging.getLogger(__name__)

REGISTRATION: Final[Mapping[str, type[Spec]]] = {f"headwater_{k.plural}": k for k in KINDS}
"""The hooks that return data, and what each returns."""

OBSERVERS: Final = ("headwater_plan_created", "headwater_read_finished")
"""The hooks that only look on."""


def manager_for(namespace: object, name: str) -> pluggy.PluginManager:
    """Return a manager that holds exactly one plugin.

    Raises:
        pluggy.PluginValidationError: If a hook's signature is not that of its spec.
    """
    manager = _Manager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(namespace, name)
    return manager


class _Manager(pluggy.PluginManager):
    """A manager that has looked once for what is a hook among the names of `hookspecs`.

    Every workspace makes managers, and to look takes longer than to parse its query.
    """

    def parse_hookspec_opts(self, module_or_class: Any, name: str) -> Any:
        """Return how a hook is specified, or None where the name is no hook's."""
        return _specified(name)


@functools.cache
def _specified(name: str) -> Any:
    return pluggy.PluginManager(hookspecs.PROJECT).parse_hookspec_opts(hookspecs, name)


def contributions(manager: pluggy.PluginManager) -> tuple[Spec, ...]:
    """Return everything that one plugin registers.

    Raises:
        TypeError: If a hook returns something else than its specs.
        ValueError: If a spec is malformed, or a kind is given twice.
        Exception: Whatever the plugin's own code raises.
    """
    specs: dict[tuple[type[Spec], str], Spec] = {}
    for hook, kind_of_spec in REGISTRATION.items():
        for answer in getattr(manager.hook, hook)():
            for spec in answer:
                if not isinstance(spec, kind_of_spec):
                    raise TypeError(f"{hook} must return {kind_of_spec.__name__}s, got {spec!r}")
                module, _, attribute = spec.factory.partition(":")
                if not (spec.kind and module and attribute):
                    raise ValueError(
                        f"{hook}: a spec needs a kind and 'module:attribute': {spec!r}"
                    )
                if (kind_of_spec, spec.kind) in specs:
                    raise ValueError(f"{hook} gives {spec.kind!r} twice")
                specs[kind_of_spec, spec.kind] = spec
    return tuple(specs.values())


def observed(manager: pluggy.PluginManager) -> tuple[str, ...]:
    """Return the names of the observing hooks that one plugin implements."""
    return tuple(hook for hook in OBSERVERS if getattr(manager.hook, hook).get_hookimpls())


def plan_created(registry: PluginRegistry, plan: Plan) -> None:
    """Show a new plan to every observer; their exceptions are logged, not raised."""
    _show(registry, "headwater_plan_created", lambda hook: hook(plan=plan))


def read_finished(
    registry: PluginRegistry, plan: Plan, stats: ReadStats, error: BaseException | None
) -> None:
    """Show the end of a read to every observer; their exceptions are logged, not raised."""
    _show(
        registry,
        "headwater_read_finished",
        lambda hook: hook(plan=plan, stats=stats, error=error),
    )


def _show(registry: PluginRegistry, name: str, call: Callable[[Any], object]) -> None:
    if sys.is_finalizing():  # nothing can be imported any more
        return
    for plugin, manager in registry.managers(name):
        try:
            call(getattr(manager.hook, name))
        except Exception:  # noqa: BLE001 -- anybody's code; the read belongs to the user
            _log.exception("plugin %s: %s failed; the read goes on", plugin, name)
