"""The JSON Schema of the configuration file, with the shapes of the plugins that are installed.

Editors complete and check a file by it: `# yaml-language-server: $schema=headwater.schema.json`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import PydanticOmit, core_schema

from headwater.auth.credentials import AuthStrategy, Secret, TokenSource
from headwater.config.shapes import DEFINED_AS, FileShape
from headwater.errors import PluginError
from headwater.plugins.registry import PluginRegistry

_REFERENCE: Final = {"$ref": "#/$defs/EnvReference"}
_DEFINITIONS: Final[Mapping[str, Any]] = {
    "EnvReference": {
        "type": "string",
        "pattern": r"\$\{env:[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}",
        "description": "a value from the environment: ${env:NAME} or ${env:NAME:-default}",
    },
    "SecretReference": {
        "type": "string",
        "pattern": r"^((env|file|command):.+|.*\$\{env:.*)",
        "description": "a secret by reference: env:NAME or file:/path",
    },
    "TokenReference": {
        "anyOf": [
            {"type": "string"},
            {"type": "object", "properties": {"type": {"type": "string"}}, "required": ["type"]},
        ],
        "description": "where a token comes from: file:/path, env:NAME, command:PROGRAM ARGS",
    },
}


class _Generator(GenerateJsonSchema):
    """pydantic's generator, limited to what a file can hold: Python objects are left out."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012

    def is_instance_schema(self, schema: core_schema.IsInstanceSchema) -> JsonSchemaValue:
        cls = schema["cls"]
        if isinstance(cls, type) and issubclass(cls, Secret):
            return {DEFINED_AS: "SecretReference"}
        if isinstance(cls, type) and issubclass(cls, TokenSource):
            return {DEFINED_AS: "TokenReference"}
        raise PydanticOmit

    def callable_schema(self, schema: core_schema.CallableSchema) -> JsonSchemaValue:
        raise PydanticOmit


def json_schema(registry: PluginRegistry) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the configuration file.

    Args:
        registry: Whose sources and strategies are described. One that can't be imported is
            allowed, and not described.
    """
    sources = _classes(registry, "source")
    strategies = _classes(registry, "auth")
    ledgers = _classes(registry, "ledger")
    bases: set[type[BaseModel]] = {
        base
        for cls in strategies.values()
        if cls is not None
        for base in cls.__mro__
        if issubclass(base, AuthStrategy)
    }
    bases.add(AuthStrategy)
    roots: list[type[BaseModel]] = [
        FileShape,
        *filter(None, sources.values()),
        *filter(None, ledgers.values()),
        *bases,
    ]
    inputs: list[tuple[type[BaseModel], Literal["validation"]]] = [
        (cls, "validation") for cls in dict.fromkeys(roots)
    ]
    references, whole = models_json_schema(inputs, schema_generator=_Generator)
    definitions: dict[str, Any] = whole["$defs"]
    names = {cls: _name(references[cls, mode]) for cls, mode in inputs}
    strategy_names = {names[cls] for cls in bases}
    for name, definition in definitions.items():
        definitions[name] = _documented(_adapted(definition, strategy_names))
    definitions["Source"] = _by_type(sources, names, definitions, "data source")
    definitions["Ledger"] = _by_type(ledgers, names, definitions, "ledger store")
    definitions["Auth"] = {
        "anyOf": [
            {"type": "string", "description": "name of a strategy under auth"},
            _by_type(strategies, names, definitions, "authentication strategy"),
        ]
    }
    for base in bases.difference(filter(None, strategies.values())):
        definitions.pop(names[base], None)
    _describe_engines(definitions["EngineShape"], registry)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "headwater.yaml",
        **definitions.pop(names[FileShape]),
        "$defs": {**_DEFINITIONS, **definitions},
    }


def _classes(registry: PluginRegistry, what: str) -> dict[str, type[BaseModel] | None]:
    """Return the class of each kind; None where it can't be imported."""
    specs, imported = {
        "source": (registry.sources, registry.source_class),
        "auth": (registry.auths, registry.auth_class),
        "ledger": (registry.ledgers, registry.ledger_class),
    }[what]
    classes: dict[str, type[BaseModel] | None] = {}
    for spec in specs():
        try:
            classes[spec.kind] = imported(spec.kind)
        except PluginError:
            classes[spec.kind] = None
    return classes


def _by_type(
    classes: Mapping[str, type[BaseModel] | None],
    names: Mapping[type[BaseModel], str],
    definitions: dict[str, Any],
    what: str,
) -> dict[str, Any]:
    """Return a schema that branches on `type`: its errors speak of the one branch that is meant."""
    branches = []
    for kind, cls in classes.items():
        if cls is None:
            continue
        definition = definitions[names[cls]]
        definition["properties"] = {"type": {"type": "string"}, **definition.get("properties", {})}
        branches.append(
            {
                "if": {"properties": {"type": {"const": kind}}, "required": ["type"]},
                "then": {"$ref": f"#/$defs/{names[cls]}"},
            }
        )
    schema: dict[str, Any] = {
        "type": "object",
        "required": ["type"],
        "properties": {
            "type": {
                "anyOf": [{"enum": sorted(classes)} if classes else {"type": "string"}, _REFERENCE],
                "description": f"which kind of {what}",
            }
        },
    }
    return {**schema, "allOf": branches} if branches else schema


def _describe_engines(definition: dict[str, Any], registry: PluginRegistry) -> None:
    kinds = ["auto", *(spec.kind for spec in registry.engines())]
    definition["properties"]["type"] = {
        "anyOf": [{"enum": kinds}, _REFERENCE],
        "default": "auto",
        "description": "auto: embedded where the query allows it, else spark",
    }


def _adapted(schema: Any, strategies: set[str]) -> Any:
    """Return a schema in which strategies may be named and values come from the environment."""
    match schema:
        case {"$ref": _} if _name(schema) in strategies:
            return {"$ref": "#/$defs/Auth"}
        case {"format": "password"}:
            return {"$ref": "#/$defs/SecretReference"}
        case {"x-headwater": str(definition), **rest}:
            return {"$ref": f"#/$defs/{definition}", **rest}
        case dict():
            inner = {
                key: _schemas(key, value, strategies)
                for key, value in schema.items()
                if not _needless(key, value)
            }
            for choice in ("anyOf", "oneOf"):
                if len(inner.get(choice, ())) == 1:
                    inner = {**inner.pop(choice)[0], **inner}
            return _or_reference(inner) if _is_scalar(inner) else inner
        case _:
            return schema


def _schemas(key: str, value: Any, strategies: set[str]) -> Any:
    """Return a keyword's value, adapted where it holds schemas."""
    if key in ("properties", "$defs", "patternProperties"):
        return {name: _adapted(inner, strategies) for name, inner in value.items()}
    if key in ("items", "additionalProperties"):
        return _adapted(value, strategies)
    if key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        adapted = [_adapted(inner, strategies) for inner in value]
        # A file leaves a key out where Python says None; without it, editors complain to the point.
        distinct = [inner for i, inner in enumerate(adapted) if inner not in adapted[:i]]
        return [inner for inner in distinct if inner != {"type": "null"}]
    return value


def _needless(key: str, value: Any) -> bool:
    """Return whether to leave a keyword out: titles only repeat the names of the keys."""
    if key in ("title", "discriminator") or (key == "default" and value is None):
        return True
    return key == "format" and value == "duration"  # `1 day` is a duration to pydantic too


def _documented(definition: dict[str, Any]) -> dict[str, Any]:
    """Return a definition whose keys are described by the `Args` of its class's docstring."""
    text, _, arguments = str(definition.get("description", "")).partition("\n\nArgs:\n")
    properties = definition.get("properties", {})
    for name, described in re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", arguments, re.MULTILINE):
        if name in properties:
            properties[name].setdefault("description", " ".join(described.split()))
    return {**definition, "description": text} if text else definition


def _is_scalar(schema: Mapping[str, Any]) -> bool:
    if schema.get("type") in ("integer", "number", "boolean") or "enum" in schema:
        return True
    if "const" in schema:
        return isinstance(schema["const"], str)
    return schema.get("type") == "string" and not {"pattern", "format"}.isdisjoint(schema)


def _or_reference(schema: Mapping[str, Any]) -> dict[str, Any]:
    about = {k: schema[k] for k in ("description", "default") if k in schema}
    rest = {k: v for k, v in schema.items() if k not in about}
    return {**about, "anyOf": [rest, _REFERENCE]}


def _name(reference: Mapping[str, Any]) -> str:
    return str(reference["$ref"]).rpartition("/")[2]
