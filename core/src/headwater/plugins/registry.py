"""PluginRegistry: what is installed, by kind. Made by whoever needs one; there is no global."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from importlib.resources import files
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

import pluggy

from headwater.diagnostics import hint_for
from headwater.errors import PluginError
from headwater.interfaces.specs import (
    AuthSpec,
    CommandSpec,
    EngineSpec,
    LedgerSpec,
    RewriteSpec,
    SourceSpec,
    Spec,
    ValidatorSpec,
    WriterSpec,
)
from headwater.plugins import loader as plugin_loader
from headwater.plugins.declarations import Declaration
from headwater.plugins.loader import CORE, Candidate, Plugin, PluginStatus

if TYPE_CHECKING:
    from headwater.auth.credentials import AuthStrategy
    from headwater.interfaces.data_source import DataSource

__all__ = ["PluginRegistry", "PluginStatus"]

_S = TypeVar("_S", bound=Spec)
_C = TypeVar("_C")


@dataclass(frozen=True, slots=True)
class _Claim:
    """One plugin's contribution under one kind."""

    owner: Plugin
    spec: Spec


class _LazyPlugin:
    """A plugin that is imported when something of it is needed."""

    def __init__(self, candidate: Candidate, loaded: Plugin | None = None) -> None:
        self.status = candidate.status
        self.loaded = loaded
        self._candidate = candidate

    @cached_property
    def _declaration(self) -> Declaration:
        return Declaration(self.status.module)

    def may_implement(self, hook: str) -> bool:
        """Return whether the plugin may implement a hook."""
        if self.loaded is not None or not self._candidate.to_import:
            return True
        return self._declaration.may_implement(hook)

    def plugin(self) -> Plugin:
        """Return the plugin, loaded or with the reason why not."""
        if self.loaded is None:
            self.loaded = plugin_loader.load(self._candidate)
        return self.loaded

    def commands(self) -> Plugin:
        """Return it with all its commands, without an import if its module writes them out."""
        if self.loaded is None and self._candidate.to_import:
            specs = self._declaration.commands
            if specs == () or (specs and plugin_loader.fits(self._candidate)):
                return Plugin(self.status, specs)
        return self.plugin()


def _rebuilt(modules: Iterable[tuple[str | None, object]], discover: bool) -> PluginRegistry:
    plugins = (value if name is None else import_module(name) for name, value in modules)
    return PluginRegistry(plugins, discover=discover)


class PluginRegistry:
    """What plugins provide, found when it is first asked for. Thread-safe.

    A plugin is imported when something is asked for that its module may provide, by its text.

    Args:
        modules: Plugins handed over as modules (or other objects with hooks), e.g. in tests.
        discover: Whether to look for installed plugins (entry points of `headwater.plugins`).
            Core's own sources, engines and commands are there in any case.

    A broken plugin never takes the program down: asking for what it would have provided does fail,
    with its reason. `report` tells what became of each.
    """

    def __init__(self, modules: Iterable[object] = (), *, discover: bool = True) -> None:
        self._modules = tuple(modules)
        self._discover = discover
        self._lock = threading.Lock()
        self._lazy_plugins: tuple[_LazyPlugin, ...] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """Let it be sent to another process, where it finds the plugins that are installed there.

        Modules that were handed over go by their names.
        """
        modules = tuple(
            (m.__name__, None) if isinstance(m, ModuleType) else (None, m) for m in self._modules
        )
        return _rebuilt, (modules, self._discover)

    def source(self, kind: str) -> SourceSpec:
        """Return the data source of that `kind`.

        Raises:
            PluginError: If nobody provides it (with what to install, or why the plugin that
                should is not loaded), or if two distributions do.
        """
        return self._one(SourceSpec, kind)

    def sources(self) -> tuple[SourceSpec, ...]:
        """Return all data sources, by kind."""
        return self._all(SourceSpec)

    def auth(self, kind: str) -> AuthSpec:
        """Return the authentication strategy of that kind; raises as `source` does."""
        return self._one(AuthSpec, kind)

    def auths(self) -> tuple[AuthSpec, ...]:
        """Return all authentication strategies, by kind."""
        return self._all(AuthSpec)

    def engine(self, kind: str) -> EngineSpec:
        """Return the engine of that kind; raises as `source` does."""
        return self._one(EngineSpec, kind)

    def engines(self) -> tuple[EngineSpec, ...]:
        """Return all engines, by kind."""
        return self._all(EngineSpec)

    def writer(self, format: str) -> WriterSpec:
        """Return the writer of a format; raises as `source` does."""
        return self._one(WriterSpec, format)

    def writers(self) -> tuple[WriterSpec, ...]:
        """Return all writers that plugins provide, by format."""
        return self._all(WriterSpec)

    def ledger(self, kind: str) -> LedgerSpec:
        """Return the store of ledgers of that kind; raises as `source` does."""
        return self._one(LedgerSpec, kind)

    def ledgers(self) -> tuple[LedgerSpec, ...]:
        """Return all stores of ledgers, by kind."""
        return self._all(LedgerSpec)

    def command(self, kind: str) -> CommandSpec:
        """Return a command of the `headwater` program; raises as `source` does."""
        return self._one(CommandSpec, kind)

    def commands(self) -> tuple[CommandSpec, ...]:
        """Return the commands of the `headwater` program: core's in their order, then the rest."""
        with self._lock:
            plugins = tuple(f.commands() for f in self._all_plugins())
        own = [s for p in plugins if _is_core(p) for s in p.specs]
        return tuple(
            sorted(
                _unique(CommandSpec, plugins),
                key=lambda s: own.index(s) if s in own else len(own),
            )
        )

    def validators(self) -> tuple[ValidatorSpec, ...]:
        """Return the validators that see every query, by kind."""
        return self._all(ValidatorSpec)

    def rewrite_rules(self) -> tuple[RewriteSpec, ...]:
        """Return the rewrite rules that see every query, by phase, then by kind."""
        return tuple(sorted(self._all(RewriteSpec), key=lambda s: (s.phase, s.kind)))

    def report(self) -> tuple[PluginStatus, ...]:
        """Return the status of every plugin: core first, then by distribution."""
        return tuple(
            replace(
                p.status, provides=_provides(p), observes=_observes(p), problems=self._problems(p)
            )
            for p in self._plugins()
        )

    def managers(self, hook: str) -> Iterator[tuple[str, pluggy.PluginManager]]:
        """Yield label and manager of each plugin that may implement `hook`; for `hooks` alone."""
        for plugin in self._plugins(hook):
            if plugin.manager is not None:
                yield plugin.status.label, plugin.manager

    def name(self, spec: Spec) -> str:
        """Return what a contribution's `spec` is called: `source 'shelf' of acme 1.0`."""
        core = self._core()
        plugins = [core] if spec in core.specs else self._plugins(_hook(type(spec)))
        owner = next((p.status.label for p in plugins if spec in p.specs), "no plugin")
        return f"{spec.word} {spec.kind!r} of {owner}"

    def load(self, spec: Spec, place: str | None = None) -> Any:
        """Import what a `spec` names: its factory, or what it has at a `place`.

        Raises:
            PluginError: If it can't be imported: names the distribution, and what to install.
        """
        what = self.name(spec)
        try:
            return spec.load(place)
        except PluginError as error:
            reason = error.__cause__ or error
            raise PluginError(
                f"the {what} can't be imported from {place or spec.factory}: {reason}",
                hint=error.hint,
            ) from error
        except (Exception, SystemExit) as error:  # a stranger's code
            raise PluginError(
                f"the {what} fails while {place or spec.factory} is imported: "
                f"{type(error).__name__}: {error}",
                hint=spec.install and f"install it: {spec.install}",
            ) from error

    def source_class(self, kind: str) -> type[DataSource]:
        """Import the data source of that kind; raises as `source` and `load` do."""
        from headwater.interfaces.data_source import DataSource

        return self._class(self.source(kind), DataSource)

    def auth_class(self, kind: str) -> type[AuthStrategy]:
        """Import the authentication strategy of that kind; raises as `auth` and `load` do."""
        from headwater.auth.credentials import AuthStrategy

        return self._class(self.auth(kind), AuthStrategy)

    def ledger_class(self, kind: str) -> type[Any]:
        """Import the store of ledgers of that kind; raises as `source` and `load` do."""
        from pydantic import BaseModel

        from headwater.interfaces.ledger_store import LedgerStore
        from headwater.interfaces.offers import offers

        spec = self.ledger(kind)
        class_: type[Any] = self._class(spec, BaseModel)
        store: Any = class_
        if not offers(store, LedgerStore):
            raise PluginError(
                f"{spec.factory}, given as the {spec.word} {kind!r}, is no LedgerStore",
                hint="the plugin's author must give it load and save",
            )
        return class_

    def _class(self, spec: Spec, base: type[_C]) -> type[_C]:
        loaded = self.load(spec)
        if not (isinstance(loaded, type) and issubclass(loaded, base)):
            raise PluginError(
                f"{spec.factory}, given as the {spec.word} {spec.kind!r}, is no {base.__name__}",
                hint=f"the plugin's author must derive it from headwater's {base.__name__}",
            )
        return loaded

    def _all_plugins(self) -> tuple[_LazyPlugin, ...]:
        if self._lazy_plugins is None:
            core = _LazyPlugin(plugin_loader.core(), plugin_loader.loaded_core())
            candidates = [*map(plugin_loader.of_namespace, self._modules)]
            if self._discover:
                candidates += plugin_loader.installed()
            self._lazy_plugins = (core, *map(_LazyPlugin, candidates))
        return self._lazy_plugins

    def _plugins(self, hook: str | None = None) -> tuple[Plugin, ...]:
        """Return the loaded plugins that may implement a hook, or all."""
        with self._lock:
            return tuple(
                f.plugin() for f in self._all_plugins() if hook is None or f.may_implement(hook)
            )

    def _core(self) -> Plugin:
        with self._lock:
            return self._all_plugins()[0].plugin()

    def _all(self, cls: type[_S]) -> tuple[_S, ...]:
        """Return every spec whose kind is provided once, by kind."""
        return _unique(cls, self._plugins(_hook(cls)))

    def _one(self, cls: type[_S], kind: str) -> _S:
        # Core's own kinds are nobody else's: for them nobody else is asked.
        claims = _claims([self._core()], cls, kind)
        claims = claims or _claims(self._plugins(_hook(cls)), cls, kind)
        if len(claims) > 1:
            owners = [c.owner.status for c in claims]
            raise PluginError(
                f"the {cls.word} {kind!r} is provided by {_and(s.label for s in owners)}",
                hint="keep one: "
                + _or(f"pip uninstall {s.distribution or s.module}" for s in owners),
            )
        if claims and isinstance(claims[0].spec, cls):
            return claims[0].spec
        raise self._missing(cls, kind)

    def _missing(self, cls: type[Spec], kind: str) -> PluginError:
        failed = [p for p in self._plugins() if p.status.status != "loaded"]
        brings = _published().get(cls.plural, {}).get(kind, "")
        bringer = next(
            (p for p in self._plugins() if p.status.distribution == brings.partition("[")[0]), None
        )
        if bringer is not None:
            hints = [_explain(bringer.status)]
        elif brings:
            hints = [f"pip install '{brings}'" if "[" in brings else f"pip install {brings}"]
        else:
            kinds = [s.kind for s in self._all(cls)]
            hints = [hint_for(kind, kinds, what=cls.plural, most=12)]
            hints += [_explain(p.status) for p in failed]
        error = PluginError(f"no {cls.word} {kind!r} is installed", hint="\n".join(hints))
        error.__cause__ = bringer.error if bringer else None
        return error

    def _problems(self, plugin: Plugin) -> tuple[str, ...]:
        """Return the problems of single kinds of a loaded plugin: those provided twice."""
        problems = []
        for spec in plugin.specs:
            claims = _claims(self._plugins(), type(spec), spec.kind)
            others = [c.owner.status.label for c in claims if c.owner is not plugin]
            if others:
                clash = f"the {spec.word} {spec.kind!r} is also provided by {_and(others)}"
                ours = any(c.owner is plugin for c in claims)
                problems.append(f"{clash}: {'neither can be used' if ours else 'that one is used'}")
        return tuple(problems)


def _hook(cls: type[Spec]) -> str:
    """Return the hook that gives specs of a class."""
    return f"headwater_{cls.plural}"


def _claims(plugins: Iterable[Plugin], cls: type[Spec], kind: str) -> list[_Claim]:
    """Return the plugins that provide a kind; core's kinds belong to core alone."""
    claims = [_Claim(p, s) for p in plugins for s in p.specs if type(s) is cls and s.kind == kind]
    return [c for c in claims if _is_core(c.owner)] or claims


def _unique(cls: type[_S], plugins: Sequence[Plugin]) -> tuple[_S, ...]:
    """Return every spec of a class whose kind is provided once, by kind."""
    by_kind: dict[str, _S] = {}
    for plugin in plugins:
        for spec in plugin.specs:
            if isinstance(spec, cls) and len(_claims(plugins, cls, spec.kind)) == 1:
                by_kind.setdefault(spec.kind, spec)
    return tuple(by_kind[kind] for kind in sorted(by_kind))


def _published() -> dict[str, dict[str, str]]:
    """Return the distribution that would provide a missing kind, for a hint.

    Data, by what the kinds are of, that a test compares with what the plugins declare.
    """
    text = files("headwater.plugins").joinpath("published.json").read_text(encoding="utf-8")
    published: dict[str, dict[str, str]] = json.loads(text)
    return published


def _is_core(plugin: Plugin) -> bool:
    return plugin.status.distribution == CORE


def _provides(plugin: Plugin) -> dict[str, tuple[str, ...]]:
    grouped: dict[str, tuple[str, ...]] = {}
    for spec in plugin.specs:
        grouped[spec.plural] = (*grouped.get(spec.plural, ()), spec.kind)
    return grouped


def _observes(plugin: Plugin) -> tuple[str, ...]:
    from headwater.plugins.hooks import observed

    return observed(plugin.manager) if plugin.manager is not None else ()


def _explain(status: PluginStatus) -> str:
    if status.status == "loaded":
        return (
            f"{status.label} is installed and does not provide it "
            f"(pip install --upgrade {status.distribution})"
        )
    remedy = f" ({status.hint})" if status.hint else ""
    return f"{status.label} is installed and {status.status}: {status.reason}{remedy}"


def _and(names: Iterable[str]) -> str:
    return " and by ".join(names)


def _or(names: Iterable[str]) -> str:
    return ", or ".join(names)
