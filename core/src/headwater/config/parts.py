"""Sources and strategies: from what the file says to the objects of their classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from headwater.auth.credentials import AuthStrategy
from headwater.config import messages
from headwater.config.problems import Place, Problem, Problems, literal, named
from headwater.config.secrets import by_reference, classes_in, is_secret, mentions
from headwater.diagnostics import hint_for
from headwater.errors import ConfigError, HeadwaterError, PluginError
from headwater.interfaces.data_source import DataSource
from headwater.interfaces.ledger_store import LedgerStore
from headwater.plugins.registry import PluginRegistry

_M = TypeVar("_M", bound=BaseModel)


def source_of(kind: str, options: Mapping[str, Any], registry: PluginRegistry) -> DataSource:
    """Return a source that is described by its kind and options alone, without a file.

    Args:
        kind: Its word, e.g. `files`.
        options: What would stand beside `type` in a file; `auth` inline, secrets by reference.
        registry: Where its class comes from.

    Raises:
        ConfigError: If an option is wrong.
        PluginError: If no plugin provides the kind.
    """
    data = {"type": kind, **options}
    problems = Problems(f"source {kind}")
    parts = Parts(registry, problems, Path.cwd(), {}, {kind: data})
    source = parts.source(data, (kind,))
    problems.raise_any()
    if source is None:
        raise ConfigError(f"source {kind}: it can't be made of these options")
    return source


@dataclass(slots=True)
class Parts:
    """Builds the sources and strategies of one file; each named strategy once.

    Args:
        registry: Where their classes come from.
        problems: Where what is wrong is reported.
        folder: The file's folder, given to classes as `context["folder"]`, so that a relative
            path in the file may mean a path beside the file.
        named: The file's `auth`, as it was interpolated.
        raw: The whole file, as it is written.
    """

    registry: PluginRegistry
    problems: Problems
    folder: Path
    named: Mapping[str, Any]
    raw: Any = field(repr=False)
    _built: dict[str, AuthStrategy | None] = field(default_factory=dict)
    _opening: list[str] = field(default_factory=list)

    def source(self, data: Mapping[str, Any], place: Place) -> DataSource | None:
        """Return the source that stands at a place, or None if something is wrong with it."""
        kind = self._kind(data, place)
        if kind is None:
            return None
        try:
            cls = self.registry.source_class(kind)
        except PluginError as error:
            self.problems.add(Problem.of((*place, "type"), error))
            return None
        return self._instance(cls, data, place)

    def ledger(self, data: Mapping[str, Any], place: Place) -> LedgerStore | None:
        """Return the store that stands at a place, or None if something is wrong with it."""
        kind = self._kind(data, place)
        if kind is None:
            return None
        try:
            cls = self.registry.ledger_class(kind)
        except PluginError as error:
            self.problems.add(Problem.of((*place, "type"), error))
            return None
        store: LedgerStore | None = self._instance(cls, data, place)
        return store

    def strategy(self, name: str) -> AuthStrategy | None:
        """Return the strategy that the file calls `name`, or None if something is wrong with it."""
        if name not in self._built:
            self._opening.append(name)
            self._built[name] = self._strategy(self.named[name], ("auth", name))
            self._opening.pop()
        return self._built[name]

    def _strategy(self, data: Any, place: Place) -> AuthStrategy | None:
        if isinstance(data, str):
            return self._by_name(data, place)
        kind = self._kind(data, place)
        if kind is None:
            return None
        try:
            cls = self.registry.auth_class(kind)
        except PluginError as error:
            self.problems.add(Problem.of((*place, "type"), error))
            return None
        return self._instance(cls, data, place)

    def _by_name(self, name: str, place: Place) -> AuthStrategy | None:
        if name in self._opening:
            circle = " -> ".join([*self._opening[self._opening.index(name) :], name])
            self.problems.add(
                Problem(
                    place, "{place}: strategies refer to each other in a circle: " + literal(circle)
                )
            )
            return None
        if name in self.named:
            return self.strategy(name)
        hint = hint_for(name, self.named, what="strategies under auth")
        if any(spec.kind == name for spec in self.registry.auths()):
            hint = f"to use that kind without a name, write {{type: {name}}}"
        self.problems.add(
            Problem(place, f"{{place}}: the file names no strategy {literal(name)!r}", hint)
        )
        return None

    def _kind(self, data: Any, place: Place) -> str | None:
        match data:
            case {"type": str(kind)} if kind:
                return kind
            case {"type": _}:
                self.problems.add(Problem((*place, "type"), "{place}: expected the name of a kind"))
            case dict():
                self.problems.add(
                    Problem(
                        place,
                        "{place} needs 'type'",
                        "`headwater plugins` lists the kinds there are",
                    )
                )
            case _:
                what = "a mapping with 'type'"
                self.problems.add(Problem(place, f"{{place}}: expected {what}"))
        return None

    def _instance(self, cls: type[_M], data: Mapping[str, Any], place: Place) -> _M | None:
        """Return an object of a class, filled from the file, or None if that can't be."""
        before = len(self.problems.entries)
        own = {key: value for key, value in data.items() if key != "type"}
        prepared = self._prepared(cls, own, place)
        if len(self.problems.entries) > before:
            # What is prepared has gaps now: pydantic would complain of those too. Its complaints
            # about the other fields are still worth hearing.
            prepared = {k: v for k, v in prepared.items() if v is not None or own[k] is None}
        try:
            part = cls.model_validate(prepared, context={"folder": self.folder})
        except ValidationError as error:
            problems = list(messages.problems(error, cls, place, prepared, self._raw(place)))
        except HeadwaterError as error:
            problems = [Problem.of(place, error)]
        except Exception as error:
            raise PluginError(
                f"{named(place)}: {cls.__name__} fails with {type(error).__name__}",
                hint=f"the file may be right: this is a fault in {cls.__module__}",
            ) from error
        else:
            return part if len(self.problems.entries) == before else None
        for problem in problems:
            self.problems.add(problem)
        return None

    def _prepared(
        self, cls: type[BaseModel], data: Mapping[str, Any], place: Place
    ) -> dict[str, Any]:
        """Return the data with its secrets and strategies put in as objects."""
        annotations = {f.alias or name: f.annotation for name, f in cls.model_fields.items()}
        return {
            key: self._value(annotations.get(key), value, (*place, key))
            for key, value in data.items()
        }

    def _value(self, annotation: Any, value: Any, place: Place) -> Any:
        if value is None:
            return None
        if mentions(annotation, AuthStrategy):
            if isinstance(value, list):
                return [self._strategy(v, (*place, i)) for i, v in enumerate(value)]
            return self._strategy(value, place)
        if is_secret(annotation):
            try:
                return by_reference(value, annotation)
            except HeadwaterError as error:
                self.problems.add(Problem.of(place, error))
                return None
        inner = [c for c in classes_in(annotation) if issubclass(c, BaseModel)]
        if isinstance(value, dict) and len(inner) == 1:
            return self._prepared(inner[0], value, place)
        if isinstance(value, list) and inner:
            return [self._value(annotation, v, (*place, i)) for i, v in enumerate(value)]
        return value

    def _raw(self, place: Place) -> Any:
        raw = self.raw
        for step in place:
            raw = raw[step]
        return raw
