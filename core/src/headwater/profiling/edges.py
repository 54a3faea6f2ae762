"""Edges: what the profiles of a model's data have in common, fixed once, from its training set."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise
from math import isfinite
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from headwater.display.printable import printable
from headwater.errors import ConfigError, ProfileError
from headwater.interfaces.schema import ACTUAL_PREFIX, ModelType, Role
from headwater.profiling.sql_pieces import LARGEST_SCALE
from headwater.types import FieldType
from headwater.untrusted import limits
from headwater.untrusted.texts import ForeignTextError, json_value

FORMAT: Final = 1
_SCALES: Final = ("scale", "square_scale", "error_scale", "error_square_scale")
_SCORES: Final = tuple(k / 200 for k in range(1, 200))
"""Edges of scores: 200 bins of the same width."""


@dataclass(frozen=True, slots=True)
class FieldEdges:
    """What the profiles of one field have in common.

    Args:
        type: The field's type.
        role: What it is to the model.
        edges: Where its histogram is cut: of a numeric field its values, of a datetime microseconds
            since 1970, of text, arrays, vectors, tensors and dicts their lengths. A bin is
            [edge, next edge); the first and the last one are open.
        vocabulary: The values (of a dict, the keys) that are counted one by one.
        scale: The power of ten that values are multiplied by before they are summed, so that 6
            digits behind the point tell enough of them.
        square_scale: Likewise, before they are squared and summed.
        errors: Where the histogram of its errors is cut, of a regression's prediction.
        error_scale: As `scale`, of its errors.
        error_square_scale: As `square_scale`, of its errors.
    """

    type: FieldType
    role: Role
    edges: tuple[float, ...] = ()
    vocabulary: tuple[str, ...] = ()
    scale: int = 0
    square_scale: int = 0
    errors: tuple[float, ...] = ()
    error_scale: int = 0
    error_square_scale: int = 0

    def __post_init__(self) -> None:
        number: type = float if self.type is FieldType.NUMERIC else int
        object.__setattr__(self, "edges", _rising(self.edges, number, "edges"))
        object.__setattr__(self, "errors", _rising(self.errors, float, "errors"))
        object.__setattr__(self, "vocabulary", tuple(self.vocabulary))
        if not all(isinstance(v, str) for v in self.vocabulary):
            raise ConfigError("a vocabulary is made of texts", hint="name each value as a text")
        if len(set(self.vocabulary)) != len(self.vocabulary):
            raise ConfigError("a vocabulary names a value twice", hint="name each value once")
        for name in _SCALES:
            value = getattr(self, name)
            if type(value) is not int or abs(value) > LARGEST_SCALE:
                raise ConfigError(
                    f"{name} is {value!r}", hint="it is an exponent of ten, e.g. 3 for 1,000"
                )

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON-ready dict, without what is empty."""
        document: dict[str, Any] = {"type": str(self.type), "role": str(self.role)}
        for name in ("edges", "vocabulary", "errors"):
            if getattr(self, name):
                document[name] = list(getattr(self, name))
        for name in _SCALES:
            if getattr(self, name):
                document[name] = getattr(self, name)
        return document


@dataclass(frozen=True, slots=True)
class Edges(Mapping[str, FieldEdges]):
    """What the profiles of a model's data have in common: edges of histograms, vocabularies.

    A value: make it once, from training (`training.profile().edges()`), save it beside the model's
    version, and give it to every profile. Profiles merge, and are comparable, only where they have
    the same edges, so that no window's own rows decide where its bins are.

    Args:
        model_type: What the model answers.
        fields: The edges of each field, by name.

    Example:
        >>> from headwater.types import FieldType
        >>> age = FieldEdges(FieldType.NUMERIC, Role.FEATURE, (30.0, 50.0))
        >>> edges = Edges(ModelType.BINARY, {"age": age})
        >>> Edges.from_json(edges.to_json()) == edges
        True
    """

    model_type: ModelType
    fields: Mapping[str, FieldEdges] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "fields", MappingProxyType(dict(self.fields)))

    @property
    def digest(self) -> str:
        """SHA-256 of all but the fields' order: what tells whether profiles may be merged."""
        in_order = Edges(self.model_type, dict(sorted(self.fields.items())))
        return sha256(in_order.to_json().encode()).hexdigest()

    def bins(self, name: str, statistic: str) -> tuple[float, ...]:
        """Return where a statistic is cut that is counted by bin.

        Args:
            name: A field, or the actual of one.
            statistic: `histogram`, `length`, `error`, `score` or `score_sum`.

        Raises:
            ConfigError: If there is no such field, or the statistic has no bins.
        """
        edges = self.of(name)
        match statistic:
            case "histogram" | "length":
                return edges.edges
            case "error":
                return edges.errors
            case "score" | "score_sum":
                return _SCORES
        raise ConfigError(
            f"{statistic!r} is not counted by bin",
            hint="histogram, length, error, score and score_sum are",
        )

    def of(self, name: str) -> FieldEdges:
        """Return the edges of a field; those of an actual are its prediction's.

        Args:
            name: Name of a column of a read: `income`, `actual_will_buy`.

        Raises:
            ConfigError: If there is no such field.
        """
        edges = self.fields.get(name) or self.fields.get(name.removeprefix(ACTUAL_PREFIX))
        if edges is None:
            from headwater.diagnostics import hint_for

            raise ConfigError(
                f"the edges know no field {name!r}",
                hint=hint_for(name, self.fields, what="fields"),
            )
        return edges

    def __getitem__(self, name: str) -> FieldEdges:
        return self.fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Edges):
            return NotImplemented
        return self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __reduce__(self) -> tuple[Any, ...]:
        return Edges.from_dict, (self.to_dict(),)

    def to_dict(self) -> dict[str, Any]:
        """Return them as a JSON-ready dict."""
        return {
            "headwater": "edges",
            "format": FORMAT,
            "model_type": str(self.model_type),
            "fields": {name: edges.to_dict() for name, edges in self.fields.items()},
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Edges:
        """Return the edges that `to_dict` gave.

        Args:
            document: It.

        Raises:
            ProfileError: With code `profile-damaged` or `profile-newer`, if it is none.
        """
        return _from_document(document, "the edges")

    def to_json(self) -> str:
        """Return them as JSON on one line, the fields in their order."""
        return json.dumps(self.to_dict(), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes) -> Edges:
        """Return the edges that `to_json` gave.

        Args:
            text: It.

        Raises:
            ProfileError: With code `profile-damaged` or `profile-newer`, if it is none.
        """
        return _from_document(_parsed(text, "the edges"), "the edges")

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write them to a JSON file, replacing what is there.

        Args:
            path: The file.

        Returns:
            Its path.
        """
        place = Path(path)
        try:
            place.write_text(self.to_json() + "\n", encoding="utf-8")
        except OSError as error:
            raise ConfigError(
                f"the edges can't be written to {place}: {error.strerror or error}",
                hint="name a file in a directory that exists and may be written to",
            ) from error
        return place

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Edges:
        """Return the edges of a JSON file.

        Args:
            path: The file.

        Raises:
            ConfigError: If it can't be read.
            ProfileError: With code `profile-damaged` or `profile-newer`, if it holds no edges.
        """
        place = Path(path)
        try:
            with place.open("rb") as file:
                content = file.read(limits.EDGES_BYTES + 1)
        except OSError as error:
            raise ConfigError(
                f"the edges can't be read from {place}: {error.strerror or error}",
                hint="training.profile().edges().save(path) writes them",
            ) from error
        return _from_document(_parsed(content, str(place)), str(place))

    def __repr__(self) -> str:
        return f"<Edges of {len(self.fields)} fields, {self.digest[:12]}>"


def _parsed(text: str | bytes, name: str) -> Any:
    if len(text) > limits.EDGES_BYTES:
        raise damaged(name, f"it has more than {limits.EDGES_BYTES:,} bytes")
    try:
        return json_value(text)
    except ForeignTextError as error:
        raise damaged(name, str(error)) from None
    except ValueError:
        raise damaged(name, "it is no JSON") from None


def _from_document(document: Any, name: str) -> Edges:
    if not isinstance(document, Mapping) or document.get("headwater") != "edges":
        raise damaged(name, "it does not say that it is edges of profiles")
    number = document.get("format")
    if type(number) is not int:
        raise damaged(name, "it tells no format")
    if number > FORMAT:
        raise newer(name, number, FORMAT)
    try:
        fields = document["fields"]
        if not isinstance(fields, Mapping):
            raise ValueError("fields is no mapping")
        return Edges(
            ModelType(document["model_type"]),
            {str(field): _field(edges) for field, edges in fields.items()},
        )
    except ConfigError as error:
        raise damaged(name, error.message) from None
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise damaged(name, f"it tells no edges ({printable(str(error))[:200]})") from None


def _field(document: Mapping[str, Any]) -> FieldEdges:
    for name in ("edges", "vocabulary", "errors"):
        if not isinstance(document.get(name, []), list):
            raise ValueError(f"{name} is no list")
    return FieldEdges(
        FieldType(document["type"]),
        Role(document["role"]),
        tuple(document.get("edges", [])),
        tuple(document.get("vocabulary", [])),
        document.get("scale", 0),
        document.get("square_scale", 0),
        tuple(document.get("errors", [])),
        document.get("error_scale", 0),
        document.get("error_square_scale", 0),
    )


def _rising(values: Sequence[Any], number: type, name: str) -> tuple[float, ...]:
    """Return numbers, each of them larger than the one before."""
    allowed = (int, float) if number is float else (int,)
    if len(values) > limits.EDGES or any(type(v) not in allowed for v in values):
        raise ConfigError(
            f"{name}: no list of at most {limits.EDGES:,} {number.__name__}s",
            hint="give the values at which the histogram is cut",
        )
    # -0.0 + 0 is 0.0, which is written otherwise and means the same.
    numbers = tuple(number(v) + 0 for v in values)
    if not all(isfinite(v) for v in numbers) or any(a >= b for a, b in pairwise(numbers)):
        raise ConfigError(
            f"{name}: not finite numbers, each larger than the one before",
            hint="sort them, and leave out repeated ones",
        )
    return numbers


def damaged(name: str, what: str) -> ProfileError:
    """Return the error of edges or a profile that can't be read.

    Args:
        name: What it is called.
        what: What is wrong with it.
    """
    return ProfileError(
        f"{name}: not what headwater wrote: {what}",
        code="profile-damaged",
        hint="take a copy of it, or make it again: profile() and its edges() can be repeated",
    )


def newer(name: str, number: int, known: int) -> ProfileError:
    """Return the error of a format that is not known here.

    Args:
        name: What is in it.
        number: The format.
        known: The newest one that is known.
    """
    return ProfileError(
        f"{name}: written in format {number}, and this headwater reads up to {known}",
        code="profile-newer",
        hint="pip install --upgrade headwater",
    )
