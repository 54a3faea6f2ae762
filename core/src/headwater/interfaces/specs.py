"""Specs: what a plugin contributes, named now and imported when it is used."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from headwater.errors import PluginError


@dataclass(frozen=True, slots=True)
class Spec:
    """A contribution by name.

    Args:
        kind: The word by which users ask for it, e.g. `files`, `spark`.
        factory: Where it lives, as `module:attribute`.
        summary: One line for a person.
        install: What to install when the import fails, e.g. `pip install headwater[spark]`.
    """

    kind: str
    factory: str
    summary: str = ""
    install: str | None = None

    word: ClassVar[str]
    plural: ClassVar[str]
    """What a person calls one, and many; the hook that gives them is `headwater_{plural}`."""

    def load(self, place: str | None = None) -> Any:
        """Import and return the factory, or what else of the plugin stands at a `place`.

        Raises:
            PluginError: If it can't be imported; says what to install.
        """
        place = place or self.factory
        module, _, attribute = place.partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise PluginError(
                f"{self.kind!r} can't be loaded from {place}: {error}",
                hint=self.install and f"install it: {self.install}",
            ) from error


@dataclass(frozen=True, slots=True)
class StartingPoint:
    """What `headwater init` writes for a kind of source, as YAML that is valid as it stands.

    Args:
        source: The source's own keys, commented; its table feeds the model of the example.
        auth: Identities that it names, under `auth:`; empty if it needs none.
        table: What a table of it is called, e.g. `my_db.model_predictions`: shown where one is
            asked for.
    """

    source: str
    auth: str = ""
    table: str = ""


@dataclass(frozen=True, slots=True)
class SourceSpec(Spec):
    """A `DataSource` class.

    Args:
        starting_point: Where its `StartingPoint` lives, as `module:attribute`; None leaves the kind
            out of `headwater init`.
    """

    word, plural = "source", "sources"

    starting_point: str | None = None


class AuthSpec(Spec):
    """An `AuthStrategy` class."""

    word, plural = "auth strategy", "auth"


class EngineSpec(Spec):
    """A callable that takes an engine's options as keywords and returns an `Engine`."""

    word, plural = "engine", "engines"


class WriterSpec(Spec):
    """A callable `(dataset, path, **options) -> None`; `kind` is the format that it writes."""

    word, plural = "writer", "writers"


class LedgerSpec(Spec):
    """A `LedgerStore` class, a frozen pydantic model: a configuration file fills its fields."""

    word, plural = "ledger store", "ledgers"


class ValidatorSpec(Spec):
    """A callable `(analysis) -> Iterable[Diagnostic]` that looks at every query."""

    word, plural = "validator", "validators"


class CommandSpec(Spec):
    """A typer command or app that joins the `headwater` program under the name `kind`."""

    word, plural = "command", "commands"


@dataclass(frozen=True, slots=True)
class RewriteSpec(Spec):
    """A `RewriteRule` that sees every query.

    Args:
        phase: Rules run by phase, then by kind: never in the order of registration.
    """

    word, plural = "rewrite rule", "rewrite_rules"

    phase: int = 50


KINDS: Final[tuple[type[Spec], ...]] = (
    SourceSpec,
    AuthSpec,
    EngineSpec,
    ValidatorSpec,
    RewriteSpec,
    WriterSpec,
    LedgerSpec,
    CommandSpec,
)
"""The kinds of contributions, in the order of reports."""
