"""Validation errors of pydantic in the file's words: the place, what is expected, what to do.

pydantic's own error is dropped, not chained: it quotes the values it was given.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import typing
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from headwater.auth.credentials import TokenSource
from headwater.config.problems import Place, Problem, literal, shown, unknown
from headwater.config.secrets import classes_in, is_secret
from headwater.diagnostics import did_you_mean

_HIDING_NAMES: Final = re.compile(
    r"secret|token|passw|passphrase|credential|private|signature|api_?key|access_?key|mfa",
    re.IGNORECASE,
)
_EXPECTED: Final = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "model_type": "a mapping",
    "dataclass_type": "a mapping",
    "model_attributes_type": "a mapping",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "byte_size": "a size in bytes, e.g. 50000000 or 50 MB",
    "byte_size_unit": "a size in bytes, e.g. 50000000 or 50 MB",
    "time_delta_type": "a duration, e.g. 1 day or PT6H",
    "time_delta_parsing": "a duration, e.g. 1 day or PT6H",
    "datetime_type": "a time, e.g. 2026-01-31T12:00:00Z",
    "datetime_parsing": "a time, e.g. 2026-01-31T12:00:00Z",
    "url_parsing": "a URL",
    "none_required": "nothing",
}
_UNKNOWN: Final = ("extra_forbidden", "unexpected_keyword_argument")
_MISSING: Final = ("missing", "missing_argument", "missing_keyword_only_argument")


def problems(
    error: ValidationError, cls: type[BaseModel], place: Place, data: Any, raw: Any
) -> Iterator[Problem]:
    """Yield what pydantic found, one problem for each place.

    Args:
        error: What was raised.
        cls: The class that was to be filled.
        place: Where in the file its data stands.
        data: The data, as it was given to the class.
        raw: The same data as written in the file, which a message may show.
    """
    by_place: dict[Place, list[Any]] = {}
    for detail in error.errors(include_url=False):
        inner = _file_place(detail["loc"], data, missing=detail["type"] in _MISSING)
        by_place.setdefault(inner, []).append(detail)
    written = {
        (*inner[:-1], _near(cls, inner))
        for inner, findings in by_place.items()
        if findings[0]["type"] in _UNKNOWN
    }
    for inner, findings in by_place.items():
        if findings[0]["type"] in _MISSING and inner in written:
            continue  # it is there, misspelled, and that was said
        yield _problem(findings, cls, (*place, *inner), inner, _value_at(raw, inner))


def _near(cls: type[BaseModel], inner: Place) -> str | None:
    near = difflib.get_close_matches(str(inner[-1]), _keys(cls, inner[:-1]), n=1)
    return near[0] if near else None


def _problem(
    findings: list[Any], cls: type[BaseModel], place: Place, inner: Place, raw: Any
) -> Problem:
    first = findings[0]
    kind, context = first["type"], first.get("ctx", {})
    if kind in _UNKNOWN:
        return unknown(place, _keys(cls, inner[:-1]))
    if kind in _MISSING:
        return _lacking(place)
    hidden = _hides(cls, inner)
    value = "something that is not shown here" if hidden else shown(raw)
    expected = list(dict.fromkeys(_EXPECTED[f["type"]] for f in findings if f["type"] in _EXPECTED))
    if expected:
        return Problem(
            place, _expects(" or ".join(expected), value), _advice(expected, raw, hidden)
        )
    if kind in ("literal_error", "enum"):
        # pydantic gives them as a sentence: 'binary', 'regression' or 'ranking'
        words = [a or b for a, b in re.findall(r"'([^']*)'|(\d+)", context["expected"])]
        guess = did_you_mean(raw, words) if isinstance(raw, str) and not hidden else None
        choice = words[0] if len(words) == 1 else f"one of {', '.join(words)}"
        return Problem(place, _expects(choice, value), guess)
    if kind == "is_instance_of":
        return Problem(place, _expects(f"a {context['class']}", value))
    cause = context.get("error")
    if cause is not None:
        # The class's own words; they may quote the value.
        quotes = hidden and str(first["input"]) in str(cause)
        return Problem(place, "{place}: " + literal(value if quotes else str(cause)))
    text = str(first["msg"])
    if text.startswith("Input should "):
        expectation = text.removeprefix("Input should ").removeprefix("be ")
        return Problem(place, _expects(expectation, value))
    return Problem(place, "{place}: " + literal(text[:1].lower() + text[1:]))


def _expects(expected: str, value: str) -> str:
    return "{place}: " + literal(f"expected {expected}, got {value}")


def _lacking(place: Place) -> Problem:
    whole: Mapping[str, str] = {
        "version": "write version: 1, the version of this format",
        "type": "type says which kind it is; `headwater plugins` lists them",
    }
    name = str(place[-1])
    return Problem(place, f"{{around}} needs {literal(name)!r}", whole.get(name))


def _advice(expected: list[str], raw: Any, hidden: bool) -> str | None:
    if "a text" in expected and isinstance(raw, int | float) and not isinstance(raw, bool):
        return "put quotes around it" if hidden else f'put quotes around it: "{raw}"'
    if raw is None:
        return "leave the key out, or give it a value"
    return None


def _file_place(loc: tuple[str | int, ...], data: Any, *, missing: bool) -> Place:
    """Return a pydantic location without the steps that name types instead of keys."""
    place: list[str | int] = []
    for number, step in enumerate(loc):
        last = number == len(loc) - 1
        if isinstance(data, Mapping) and (step in data or (last and missing)):
            place.append(step)
            data = data.get(step)
        elif isinstance(data, list | tuple) and isinstance(step, int) and step < len(data):
            place.append(step)
            data = data[step]
    return tuple(place)


def _value_at(data: Any, place: Place) -> Any:
    for step in place:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _hides(cls: type[BaseModel], place: Place) -> bool:
    """Return whether the value at a place may be a secret: by its type, or by its name."""
    if any(isinstance(step, str) and _HIDING_NAMES.search(step) for step in place):
        return True
    annotation = _annotation(cls, place[:1])
    return is_secret(annotation) or any(issubclass(c, TokenSource) for c in classes_in(annotation))


def _annotation(cls: type, place: Place) -> Any:
    for step in place:
        return _fields(cls).get(str(step))
    return cls


def _keys(cls: type, place: Place) -> list[str]:
    """Return the keys that are known at a place below a class's data."""
    classes = [cls]
    for step in place:
        below = [_fields(c).get(str(step)) for c in classes]
        # A step into a list or a mapping names no field: the classes stay those inside it.
        nested = [c for annotation in below if annotation for c in classes_in(annotation)]
        classes = nested or classes
    return list(dict.fromkeys(key for c in classes for key in _fields(c)))


def _fields(cls: type) -> dict[str, Any]:
    """Return the keys that a class takes from a file, and their types."""
    if issubclass(cls, BaseModel):
        return {f.alias or name: f.annotation for name, f in cls.model_fields.items()}
    if dataclasses.is_dataclass(cls):
        hints = typing.get_type_hints(cls)
        return {f.name: hints[f.name] for f in dataclasses.fields(cls) if f.init}
    return {}
