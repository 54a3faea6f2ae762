"""Finding and loading plugins, one at a time: whatever is wrong with one becomes its status."""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

import pluggy

from headwater.diagnostics import did_you_mean
from headwater.interfaces import distributions
from headwater.interfaces.hookspecs import API_VERSION
from headwater.interfaces.specs import Spec
from headwater.plugins import hooks

if TYPE_CHECKING:
    from packaging.requirements import Requirement

GROUP: Final = "headwater.plugins"
"""Entry-point group in which plugins are found."""
CORE: Final = "headwater"
"""Distribution whose plugin is core itself."""

_NAME: Final = re.compile(r"\s*([\w.-]*)")
_OF_AN_EXTRA: Final = re.compile(r"""[^;'"]*;\s*extra\s*==\s*(['"])[\w.-]+\1\s*""")
_OF_A_SERIES: Final = re.compile(rf"{CORE}\s*==\s*((?:(?:0|[1-9]\d*)\.)+)\*\s*")
_RELEASE: Final = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*))*")

Standing = Literal["loaded", "refused", "broken"]


@dataclass(frozen=True, slots=True)
class PluginStatus:
    """The outcome of loading one plugin.

    Args:
        name: The entry point's name, or the module's where it was given by hand.
        module: The entry point's value.
        distribution: The distribution that brought it; None where it was given by hand.
        version: That distribution's version.
        status: `loaded`, `refused` (it does not fit this headwater), `broken` (its code failed).
        reason: Why it is not loaded.
        hint: What to do about that.
        provides: Kinds by what they are, e.g. `{"sources": ("files",)}`.
        observes: Observing hooks that it implements.
        problems: What is wrong with single kinds of a loaded plugin.
    """

    name: str
    module: str
    distribution: str | None = None
    version: str | None = None
    status: Standing = "loaded"
    reason: str | None = None
    hint: str | None = None
    provides: dict[str, tuple[str, ...]] = field(default_factory=dict)
    observes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The plugin by the name that a person knows it by, e.g. `acme 1.0`."""
        if self.distribution is None:
            return f"module {self.module}"
        return f"{self.distribution} {self.version}"

    def to_dict(self) -> dict[str, Any]:
        """Return the status as a JSON-ready dict."""
        return {
            "name": self.name,
            "module": self.module,
            "distribution": self.distribution,
            "version": self.version,
            "status": self.status,
            "reason": self.reason,
            "hint": self.hint,
            "provides": {word: list(kinds) for word, kinds in self.provides.items()},
            "observes": list(self.observes),
            "problems": list(self.problems),
        }


@dataclass(frozen=True, slots=True)
class Plugin:
    """One plugin after loading was tried.

    Args:
        status: The outcome.
        specs: What it registers; empty unless it is loaded.
        manager: Manager by which `hooks` calls it; None unless it is loaded.
        error: What its code raised, if it is broken.
    """

    status: PluginStatus
    specs: tuple[Spec, ...] = ()
    manager: pluggy.PluginManager | None = None
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A plugin that was found and not yet loaded.

    Args:
        status: What is known of it.
        imported: Imports it.
        requires: What its distribution needs.
        to_import: Whether importing it is still to be done.
    """

    status: PluginStatus
    imported: Callable[[], object]
    requires: tuple[str, ...] = ()
    to_import: bool = False


def installed() -> Iterator[Candidate]:
    """Yield the plugins that installed distributions name, by distribution and name."""
    for dist in distributions.naming(GROUP):
        for point in dist.points:
            status = PluginStatus(point.name, point.value, dist.name, dist.version)
            yield Candidate(status, point.load, dist.requires, to_import=True)


def of_namespace(namespace: object) -> Candidate:
    """Return a plugin that is handed over as a module or another object with hooks."""
    name = getattr(namespace, "__name__", type(namespace).__qualname__)
    return Candidate(PluginStatus(name, name), lambda: namespace)


def core() -> Candidate:
    """Return core's own plugin."""
    module = "headwater.plugins.builtin"
    status = PluginStatus("core", module, CORE, core_version())
    return Candidate(status, lambda: importlib.import_module(module))


def loaded_core() -> Plugin:
    """Return core's own plugin, loaded once a process: its hooks give the same whenever asked.

    Where it can't be loaded, e.g. since no more files can be opened, it is tried anew.
    """
    if not _loaded_core:
        plugin = load(core())
        if plugin.status.status != "loaded":
            return plugin
        _loaded_core.append(plugin)
    return _loaded_core[0]


_loaded_core: Final[list[Plugin]] = []


@functools.cache
def core_version() -> str | None:
    """Return the installed version of core, or None in a tree that is not installed."""
    return distributions.version_of(CORE)


def load(candidate: Candidate) -> Plugin:
    """Import one plugin and take what it registers; never raises what the plugin raises."""
    status = candidate.status
    refusal = _conflict(candidate) if candidate.requires else None
    if refusal:
        return _refused(status, *refusal)
    try:
        namespace = candidate.imported()
        refusal = _incompatible(status, namespace)
        if refusal:
            return _refused(status, *refusal)
        manager = hooks.manager_for(namespace, status.name)
        refusal = _misspelled(namespace, manager)
        if refusal:
            return _refused(status, *refusal)
        specs = hooks.contributions(manager)
    except pluggy.PluginValidationError as error:
        return _refused(
            status, _signature(error), "hooks are described in headwater.interfaces.hookspecs"
        )
    except (Exception, SystemExit) as error:  # noqa: BLE001 -- a stranger's code, at import
        return Plugin(
            _with(
                status,
                "broken",
                f"{type(error).__name__}: {error}",
                _remedy(status, error),
            ),
            error=error,
        )
    return Plugin(status, specs, manager)


def fits(candidate: Candidate) -> bool:
    """Return whether a plugin's distribution wants this version of core."""
    return _conflict(candidate) is None


def _conflict(candidate: Candidate) -> tuple[str, str] | None:
    """Return why the plugin's distribution does not want this version of core, or None.

    pip leaves such pairs behind when one of the two is changed without the other.
    """
    version = core_version()
    for line in candidate.requires:
        if _plainly_fits(line, version):
            continue
        need = _requirement(line)
        if need is None or need.name.lower() != CORE or version is None:
            continue
        if need.marker is not None and not need.marker.evaluate({"extra": ""}):
            continue
        if not need.specifier.contains(version, prereleases=True):
            return (
                f"it needs {CORE} {need.specifier}, and {CORE} {version} is installed",
                f"pip install --upgrade {candidate.status.distribution} {CORE}",
            )
    return None


def _plainly_fits(line: str, version: str | None) -> bool:
    """Return whether a requirement plainly allows this version of core.

    It is of another distribution, or of an extra, or wants the series of releases that core is of:
    what plugins have. `packaging`, which reads any line, takes longer to import than a small file
    to read.
    """
    name = _NAME.match(line)
    if (name and name[1].lower() != CORE) or _OF_AN_EXTRA.fullmatch(line):
        return True
    series = _OF_A_SERIES.fullmatch(line)
    released = _RELEASE.fullmatch(version or "")
    return bool(series and released and f"{version}.".startswith(series[1]))


@functools.cache
def _requirement(line: str) -> Requirement | None:
    """Parse a line of a distribution's metadata: every workspace asks of the same few."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        return Requirement(line)
    except InvalidRequirement:
        return None


def _incompatible(status: PluginStatus, namespace: object) -> tuple[str, str] | None:
    # Absent in a plugin, it means the first version.
    api_version = getattr(namespace, "HEADWATER_API", 1)
    if api_version == API_VERSION:
        return None
    if not isinstance(api_version, int) or api_version < 1:
        return f"its HEADWATER_API is {api_version!r}", f"write HEADWATER_API = {API_VERSION}"
    older = CORE if api_version > API_VERSION else status.distribution or status.module
    return (
        f"it is written for plugin API {api_version}, and this headwater has API {API_VERSION}",
        f"pip install --upgrade {older}",
    )


def _misspelled(namespace: object, manager: pluggy.PluginManager) -> tuple[str, str] | None:
    hook_names = (*hooks.REGISTRATION, *hooks.OBSERVERS)
    for caller in manager.get_hookcallers(namespace) or ():
        required = [i for i in caller.get_hookimpls() if not i.optionalhook]
        if required and not caller.has_spec():
            guess = did_you_mean(caller.name, hook_names, limit=1)
            return (
                f"it implements {caller.name!r}, which is no hook",
                guess or "hooks: " + ", ".join(hook_names),
            )
    return None


def _signature(error: pluggy.PluginValidationError) -> str:
    # pluggy explains over several lines and shows the module's repr, a path; its last line says it.
    return str(error).strip().splitlines()[-1].strip()


def _remedy(status: PluginStatus, error: BaseException) -> str:
    owner = status.distribution
    if isinstance(error, ModuleNotFoundError) and error.name:
        missing = error.name.partition(".")[0]
        if owner and status.module.partition(".")[0] != missing:
            return f"it needs the module {missing!r}: pip install --upgrade {owner}"
    if owner is None:
        return f"correct {status.module}"
    return f"pip install --force-reinstall {owner}, or pip uninstall {owner}"


def _refused(status: PluginStatus, reason: str, hint: str) -> Plugin:
    return Plugin(_with(status, "refused", reason, hint))


def _with(status_before: PluginStatus, status: Standing, reason: str, hint: str) -> PluginStatus:
    return PluginStatus(
        status_before.name,
        status_before.module,
        status_before.distribution,
        status_before.version,
        status,
        reason,
        hint,
    )
