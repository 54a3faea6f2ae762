"""Loading a configuration file: read, interpolate, check, build. Every problem is shown at once."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import ValidationError

from headwater.config import messages
from headwater.config.document import read
from headwater.config.interpolation import Interpolation
from headwater.config.parts import Parts
from headwater.config.problems import Place, Problem, Problems, literal, unknown
from headwater.config.shapes import FileShape, VersionShape, WindowsShape
from headwater.config.values import (
    Config,
    EngineConfig,
    ModelConfig,
    Purpose,
    VersionConfig,
)
from headwater.display.language import of_files
from headwater.errors import ConfigError, PluginError
from headwater.interfaces.definition import Definition
from headwater.interfaces.mapping import Mapping as FieldMapping
from headwater.interfaces.schema import Schema
from headwater.plugins.registry import PluginRegistry
from headwater.windows.settings import WindowSettings

_GROUPS: Final = ("raw_inputs", "features", "predictions")
_MAPPED: Final = (*_GROUPS, "labels")


def load(
    path: str | Path, registry: PluginRegistry, *, environ: Mapping[str, str] | None = None
) -> Config:
    """Load a YAML, TOML or JSON file. Connects to nothing, reads no secret.

    Args:
        path: The file; its ending tells the format.
        registry: Where the classes of its sources and strategies come from.
        environ: What `${env:NAME}` looks up; default: this process's environment.

    Raises:
        ConfigError: If something is wrong; names each place, its line (YAML), what is expected
            and what to do. Shows no value that came from the environment.
        PluginError: If all that is wrong is that no plugin provides a kind.
    """
    with of_files():
        return _load(path, registry, environ)


def _load(path: str | Path, registry: PluginRegistry, environ: Mapping[str, str] | None) -> Config:
    document = read(path)
    problems = Problems(str(path), document.lines)
    filling = Interpolation(os.environ if environ is None else environ, problems)
    data = filling.fill(document.data)
    problems.hidden = filling.hidden
    problems.raise_any()

    shape = _shape(data, document.data, problems)
    parts = Parts(
        registry, problems, document.path.resolve().parent, data.get("auth") or {}, document.data
    )
    _check_engine(shape.engine, registry, problems)
    strategies = {name: parts.strategy(name) for name in shape.auth}
    ledger = None if shape.ledger is None else parts.ledger(shape.ledger, ("ledger",))
    models = {}
    for model_id, model in shape.models.items():
        place = ("models", model_id, "versions")
        _check_name(model_id, place[:2], problems)
        versions = {
            version_id: _version(version, (*place, version_id), parts, problems)
            for version_id, version in model.versions.items()
        }
        models[model_id] = ModelConfig(model_id, model.name, versions)
    problems.raise_any()
    return Config(
        Path(path),
        {name: strategy for name, strategy in strategies.items() if strategy is not None},
        EngineConfig(shape.engine.type, dict(shape.engine.model_extra or {})),
        models,
        ledger,
    )


def _shape(data: Any, raw: Any, problems: Problems) -> FileShape:
    try:
        return FileShape.model_validate(data)
    except ValidationError as error:
        for problem in messages.problems(error, FileShape, (), data, raw):
            problems.add(problem)
    problems.raise_any()
    raise ConfigError(f"{problems.file} does not have the shape of a configuration file")


def _check_engine(shape: Any, registry: PluginRegistry, problems: Problems) -> None:
    """Check that the engine exists and takes the options in the file."""
    if shape.type == "auto":
        return
    try:
        spec = registry.engine(shape.type)
        options = dict(shape.model_extra or {})
        parameters = inspect.signature(registry.load(spec)).parameters if options else {}
    except PluginError as error:
        problems.add(Problem.of(("engine", "type"), error))
        return
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return
    by_name = [
        n for n, p in parameters.items() if p.kind not in (p.POSITIONAL_ONLY, p.VAR_POSITIONAL)
    ]
    for name in options:
        if name not in by_name:
            problems.add(unknown(("engine", name), ["type", *by_name]))


def _check_name(name: str, place: Place, problems: Problems) -> None:
    if not name or "/" in name:
        what = f"{name!r} is no name: names of connections are parted by '/'"
        problems.add(Problem(place, f"{{around}}: {literal(what)}", "choose one without '/'"))


def _version(
    shape: VersionShape, place: tuple[str, ...], parts: Parts, problems: Problems
) -> VersionConfig:
    _check_name(place[-1], place, problems)
    _check_rivals(shape, place, problems)
    fields = {group: dict(getattr(shape, group)) for group in _GROUPS}
    schema = _schema(shape.model_type, fields, place, problems)
    windows = _windows(shape.windows, (*place, "windows"), problems)
    connections: dict[Purpose, Definition] = {}
    for purpose in get_args(Purpose):
        connection = getattr(shape, purpose)
        if connection is None:
            continue
        where = (*place, purpose)
        if schema is not None:
            _check_mapping(connection, schema, where, problems)
        source = parts.source(connection.source, (*where, "source"))
        if source is not None:
            arguments = {**dict(connection), "source": source, "windows": windows}
            try:
                connections[purpose] = Definition.of(**arguments)
            except ConfigError as error:
                problems.add(Problem.of((*where, "horizon"), error))
    return VersionConfig(shape.model_type, **fields, connections=connections)


def _check_rivals(shape: VersionShape, place: Place, problems: Problems) -> None:
    """Refuse two sources of the same actual: the log's own column, and a table of actuals."""
    if shape.serving is None or shape.actuals is None:
        return
    for name in shape.actuals.labels:
        if name in shape.serving.labels:
            problems.add(
                Problem(
                    (*place, "actuals", "labels", name),
                    "{place}: serving has labels for it already",
                    "an actual has one source: leave it out of one of the two",
                )
            )


def _windows(shape: WindowsShape | None, place: Place, problems: Problems) -> WindowSettings | None:
    """Return the settings; each is checked alone, so that each problem has its place."""
    if shape is None:
        return None
    settings = {key: getattr(shape, key) for key in shape.model_fields_set}
    for key, value in settings.items():
        try:
            WindowSettings.of({key: value})
        except ConfigError as error:
            problems.add(Problem.of((*place, key), error))
            return None
    return WindowSettings.of(settings)


def _schema(
    model_type: str, fields: Mapping[str, Mapping[str, Any]], place: Place, problems: Problems
) -> Schema | None:
    """Return the schema, or None; each field is checked alone, so that each gets its place."""
    before = len(problems.entries)
    for group, declared in fields.items():
        for name, declaration in declared.items():
            try:
                Schema.define(model_type, **{group: {name: declaration}})
            except ConfigError as error:
                problems.add(Problem.of((*place, group, name), error))
    if len(problems.entries) > before:
        return None
    try:
        return Schema.define(model_type, **fields)
    except ConfigError as error:
        problems.add(Problem.of(place, error))
        return None


def _check_mapping(connection: Any, schema: Schema, place: Place, problems: Problems) -> None:
    settings = dict(connection)
    label_time = settings.get("label_timestamp_column")
    if label_time is not None and not connection.labels:
        try:
            FieldMapping(label_timestamp_column=label_time).check(schema)
        except ConfigError as error:
            problems.add(Problem.of((*place, "label_timestamp_column"), error))
    for group in _MAPPED:
        for name, column in settings.get(group, {}).items():
            one: dict[str, Any] = {group: {name: column}}
            try:
                FieldMapping(**one).check(schema)
            except ConfigError as error:
                problems.add(Problem.of((*place, group, name), error))
