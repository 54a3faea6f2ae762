"""The reference of public names: what a package's `__all__` promises, from its docstrings."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final

from pydantic import BaseModel

PACKAGES: Final = (
    "headwater.errors",
    "headwater",
    "headwater.interfaces",
    "headwater.testing",
    "headwater_aws",
    "headwater_aws.testing",
    "headwater_glue",
    "headwater_glue.testing",
    "headwater_s3",
    "headwater_openlineage",
    "headwater_monitor",
    "headwater.adapters.evidently",
    "headwater.adapters.mlflow",
)
"""Modules whose names have a place in the reference; a name is described where it comes first."""


def reference_of(package: str) -> str:
    """Return the directives that render the names of a module, in its own order."""
    before = [importlib.import_module(p) for p in PACKAGES[: PACKAGES.index(package)]]
    told = {id(value) for module in before for value in documented(module)}
    here = documented(importlib.import_module(package))
    elsewhere = [f"- [`{v.__name__}`][{_path(v)}]" for v in here if id(v) in told]
    entries = ["\n".join(_entry(v)) for v in here if id(v) not in told]
    if elsewhere:
        entries.append("\n".join(["## Described elsewhere", "", *elsewhere]))
    return "\n\n".join(entries)


def documented(module: Any) -> list[Any]:
    """Return what a module offers that has a docstring: of its `__all__`, or of its own."""
    told = getattr(module, "__all__", None) or [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]
    found = (getattr(module, name) for name in told)
    return [
        value
        for value in found
        if (inspect.isclass(value) or inspect.isfunction(value)) and inspect.getdoc(value)
    ]


def _entry(value: Any) -> Iterator[str]:
    yield f"::: {_path(value)}"
    if inspect.isclass(value) and issubclass(value, BaseModel) and value.model_fields:
        # Its parameters are pydantic's doing, so their types are not in its text.
        yield "\n| field | type | default |\n| --- | --- | --- |"
        for name, field in value.model_fields.items():
            default = "required" if field.is_required() else f"`{_default(field)}`"
            yield f"| `{name}` | `{_type(value, name)}` | {default} |"


def _path(value: Any) -> str:
    return f"{value.__module__}.{value.__qualname__}"


def _type(model: type[BaseModel], name: str) -> str:
    """Return a field's type as its class spells it."""
    for cls in model.__mro__:
        if name in (told := inspect.get_annotations(cls)):
            return re.sub(r"\s+", " ", str(told[name])).replace("|", "\\|")
    return str(model.model_fields[name].annotation)


def _default(field: Any) -> str:
    return repr(field.get_default(call_default_factory=True))


GENERATORS: Final[Mapping[str, Callable[[], str]]] = {
    f"names-of-{re.sub(r'[._]', '-', package)}": partial(reference_of, package)
    for package in PACKAGES
}
"""By the name of the mark: `names-of-headwater-errors`."""
