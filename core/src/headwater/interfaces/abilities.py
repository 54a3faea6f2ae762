"""Abilities: optional protocols that an object of a plugin may offer beside its interface.

Each ability is a protocol. Whoever uses one asks with `offers`, which looks at names alone; the
contract suites (`headwater.testing`) look closer: they tell which abilities they recognised, and
fail for one that would be missed or called wrongly. Those of catalogs stand in
`headwater.tables.table`, those of engines and their streams in `headwater.interfaces.engine`; those
of sessions are here, for they speak of files.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from io import RawIOBase
from types import FunctionType
from typing import Any, Final, Protocol, runtime_checkable

from headwater.auth.credentials import Session
from headwater.errors import HeadwaterError
from headwater.interfaces.data_source import DataSource
from headwater.interfaces.engine import (
    ArrowStream,
    Closing,
    Compiling,
    Engine,
    FarWriting,
    Noting,
    Remarking,
    SparkFrames,
)
from headwater.interfaces.ledger_store import Appending, KeepingFiles, LedgerStore
from headwater.tables.relation import DataFile
from headwater.tables.table import Catalog, Measurable, Sampled, Surveyable


@runtime_checkable
class Confirming(Protocol):
    """A session whose storage marks versions: it finds files overwritten since the plan."""

    def changes(self, files: Iterable[DataFile]) -> Mapping[str, str]:
        """Return the planned files that changed: path to what happened to the file.

        Args:
            files: As they were planned, with the storage's marks.
        """
        ...


@runtime_checkable
class Explaining(Protocol):
    """A session that says why its storage gives no object, where an engine knew only a status."""

    def refusal(self, path: str, doing: str) -> HeadwaterError | None:
        """Ask for the object again and return why it is refused; None if it is given.

        Args:
            path: The object.
            doing: What was tried, as the words after "can't".
        """
        ...


@runtime_checkable
class Streaming(Protocol):
    """A session that streams objects itself, in bounded memory, for an engine that can't."""

    def content(self, file: DataFile, doing: str) -> RawIOBase:
        """Return the bytes of a planned file, of the version that was planned.

        Args:
            file: The file.
            doing: What it is opened for, after "can't".
        """
        ...


@runtime_checkable
class Parting(Protocol):
    """A session that streams parts of objects, which an engine fetches several at once."""

    def part(self, file: DataFile, first: int, last: int, doing: str) -> RawIOBase:
        """Return some bytes of a planned file, of the version that was planned.

        Args:
            file: The file; it has a version mark.
            first: The first of them, counted from 0.
            last: The one behind the last.
            doing: What it is opened for, after "can't".
        """
        ...


@runtime_checkable
class Ending(Protocol):
    """A session that reads the end of an object: for a support bundle, the footers of files."""

    def ending(self, file: DataFile, length: int, doing: str) -> bytes:
        """Return the last bytes of a planned file, of the version that was planned.

        Args:
            file: The file.
            length: How many bytes, at most.
            doing: What it is opened for, after "can't".
        """
        ...


@runtime_checkable
class Narrowing(Protocol):
    """A session that may ask to be narrowed (`Session.narrowed`) to each plan that is read."""

    narrows_to_plan: bool


@runtime_checkable
class Widened(Protocol):
    """A narrowed session that says where it may do more than was requested."""

    @property
    def collapsed(self) -> Sequence[str]:
        """The permissions that were widened to fit the provider's limits, one sentence each."""
        ...


ABILITIES: Final[Mapping[type, tuple[type, ...]]] = {
    Session: (Confirming, Explaining, Streaming, Parting, Ending, Narrowing, Widened),
    Catalog: (Sampled, Surveyable, Measurable),
    Engine: (Compiling, Remarking, SparkFrames, FarWriting, Closing),
    ArrowStream: (Noting,),
    LedgerStore: (Appending, KeepingFiles),
}
"""What each interface may be offered with. A `DataSource` has methods that may be overridden."""

_NEAR: Final = 0.8
"""From which likeness on a name is taken for a misspelt one: `sampel` for `sample`."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """The abilities of an object beyond its interface.

    Args:
        names: The abilities that were recognised.
        misfits: What looks like an ability but is misspelt or unusable, one sentence each.
    """

    names: tuple[str, ...]
    misfits: tuple[str, ...]

    def __str__(self) -> str:
        return ", ".join(self.names) or "none"


def recognised(subject: object, interface: type) -> Recognised:
    """Return which abilities of an `interface` an object has, and which it nearly has.

    Args:
        subject: An object of a plugin.
        interface: What it implements: a key of `ABILITIES`, or `DataSource`.
    """
    optional = dict(_optional(interface))
    offered = {
        n for n, definition in optional.items() if _offers(subject, interface, n, definition)
    }
    misfits = [m for n in sorted(offered) if (m := _misfit(subject, n, optional[n]))]
    own = {n for n in dir(subject) if not n.startswith("_")} - set(dir(interface)) - set(optional)
    for name in sorted(own):
        for ability in sorted(set(optional) - offered):
            method = isinstance(optional[ability], FunctionType)
            if _alike(name, ability) and (not method or callable(_static(subject, name))):
                misfits.append(
                    f"{name} looks like the ability {ability}, misspelt: it is never used"
                )
    return Recognised(tuple(sorted(offered)), tuple(misfits))


def _optional(interface: type) -> Iterator[tuple[str, object]]:
    """Yield the names that an object may offer, each with its definition."""
    if interface is DataSource:
        for name, definition in vars(DataSource).items():
            optional = isinstance(definition, FunctionType | property)
            if optional and not name.startswith("_") and name not in DataSource.__abstractmethods__:
                yield name, definition
    for ability in ABILITIES.get(interface, ()):
        for name in (*inspect.get_annotations(ability), *vars(ability)):
            if not name.startswith("_") and name not in dir(interface):
                yield name, vars(ability).get(name)


def _offers(subject: object, interface: type, name: str, definition: object) -> bool:
    attribute = _static(subject, name)
    return attribute is not definition if interface is DataSource else attribute is not None


def _static(subject: object, name: str) -> object:
    """Return an attribute as defined in the class; of a delegating object, the delegate's."""
    written = inspect.getattr_static(subject, name, None)
    return getattr(subject, name, None) if written is None else written


def _misfit(subject: object, name: str, definition: object) -> str | None:
    """Return why an ability that an object seems to have can't be used; None if it can."""
    attribute = _static(subject, name)
    if isinstance(attribute, staticmethod | classmethod):
        attribute = attribute.__func__
    if not isinstance(definition, FunctionType):
        if callable(attribute):
            return f"{name} must be an attribute or a property, and is a method"
        return None
    if not callable(attribute):
        return f"{name} must be a method, and is a {type(attribute).__name__}"
    if inspect.iscoroutinefunction(attribute) or inspect.isasyncgenfunction(attribute):
        return f"{name} is async: nobody awaits it"
    bound: Callable[..., Any] = getattr(subject, name)
    try:
        signature = inspect.signature(bound)
    except (TypeError, ValueError):
        return None  # a builtin that does not say
    if any(not _takes(signature, args, named) for args, named in _calls(definition)):
        expected = _signature_text(_signature(definition))
        return f"{name}{_signature_text(signature)} can't be called as {name}{expected}"
    return None


def _calls(definition: FunctionType) -> Iterator[tuple[list[str], dict[str, str]]]:
    """Yield ways to call a method: with all arguments, by position and by name; with the fewest.

    >>> def survey(self, databases=None): ...
    >>> list(_calls(survey))
    [(['databases'], {}), ([], {'databases': 'databases'}), ([], {})]
    """
    parameters = _signature(definition).parameters.values()
    by_name = {p.name: p.name for p in parameters if p.kind is p.KEYWORD_ONLY}
    placed = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    yield placed, by_name
    yield [], {**{name: name for name in placed}, **by_name}
    least = [p for p in parameters if p.default is p.empty]
    yield (
        [p.name for p in least if p.kind is p.POSITIONAL_OR_KEYWORD],
        {p.name: p.name for p in least if p.kind is p.KEYWORD_ONLY},
    )


def _signature(definition: FunctionType) -> inspect.Signature:
    whole = inspect.signature(definition)
    return whole.replace(parameters=list(whole.parameters.values())[1:])


def _signature_text(signature: inspect.Signature) -> str:
    plain = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    return str(inspect.Signature(plain))


def _takes(signature: inspect.Signature, args: list[str], named: Mapping[str, str]) -> bool:
    try:
        signature.bind(*args, **named)
    except TypeError:
        return False
    return True


def _alike(name: str, ability: str) -> bool:
    """Return whether a name is perhaps a misspelt ability, or one in another style."""
    one, two = (n.replace("_", "").casefold() for n in (name, ability))
    return one[0] == two[0] and SequenceMatcher(None, one, two).ratio() >= _NEAR
