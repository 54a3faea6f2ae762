"""What is wrong with a configuration file: collected, so that every problem is shown at once.

A problem never quotes the file's text around it (a secret may stand beside it); it names the place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from headwater.diagnostics import hint_for
from headwater.errors import ConfigError, HeadwaterError, PluginError

Place: TypeAlias = tuple[str | int, ...]
"""Where in a file: the keys and indexes that lead there."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Args:
        place: Where.
        message: What, with `{place}` standing for the place's name, and `{around}` for that of
            the place around it.
        hint: What to do next.
        error: Which kind of error it is when it is alone.
        cause: What raised a plugin's problem; nothing else is chained, it might quote a secret.
    """

    place: Place
    message: str
    hint: str | None = None
    error: type[HeadwaterError] = ConfigError
    cause: BaseException | None = None

    @classmethod
    def of(cls, place: Place, error: HeadwaterError) -> Problem:
        """Return an error of headwater as a problem at a place."""
        message = "{place}: " + literal(error.message)
        if isinstance(error, PluginError):
            return cls(place, message, error.hint, PluginError, error.__cause__)
        return cls(place, message, error.hint)


@dataclass(slots=True)
class Problems:
    """The problems of one file.

    Args:
        file: The file, as the user named it.
        lines: 1-based line of each place, where the format has lines.
        hidden: Resolved value to the reference that gave it: never shown, not even inside a
            message that somebody else wrote.
    """

    file: str
    lines: Mapping[Place, int] = field(default_factory=dict)
    hidden: Mapping[str, str] = field(default_factory=dict, repr=False)
    entries: list[Problem] = field(default_factory=list)

    def add(self, problem: Problem) -> None:
        """Add a problem; only the first one of a place is kept."""
        if all(p.place != problem.place for p in self.entries):
            self.entries.append(problem)

    def raise_any(self) -> None:
        """Raise the problems, in the order of the file.

        Raises:
            ConfigError: If there is a problem.
            PluginError: If all problems are those of plugins.
        """
        if not self.entries:
            return
        ranked = sorted(self.entries, key=lambda p: self._line(p.place) or 0)
        kinds = {p.error for p in ranked}
        kind = kinds.pop() if len(kinds) == 1 else ConfigError
        if len(ranked) == 1:
            [only] = ranked
            line = self._line(only.place)
            where = f"{self.file}, line {line}" if line else self.file
            text = f"{where}: {self._text(only)}"
            raise kind(text, hint=self._scrubbed(only.hint)) from only.cause
        rows = [f"{self.file} has {len(ranked)} problems"]
        for problem in ranked:
            line = self._line(problem.place)
            rows.append(
                f"  line {line}: {self._text(problem)}" if line else f"  {self._text(problem)}"
            )
            hint = self._scrubbed(problem.hint)
            rows += [f"    {part}" for part in hint.splitlines()] if hint else []
        raise kind("\n".join(rows))

    def _line(self, place: Place) -> int | None:
        """Return the line of a place, or of the nearest place around it."""
        for length in range(len(place), 0, -1):
            if place[:length] in self.lines:
                return self.lines[place[:length]]
        return None

    def _text(self, problem: Problem) -> str:
        # The place is put in last: it is made of keys, which hold no resolved value.
        text = self._scrubbed(problem.message, literal) or ""
        return text.format(place=named(problem.place), around=named(problem.place[:-1]))

    def _scrubbed(
        self, text: str | None, write: Callable[[str], str] = lambda reference: reference
    ) -> str | None:
        for value, reference in self.hidden.items():
            if text and len(value) > 3:
                text = text.replace(write(value), write(reference))
        return text


def named(place: Place) -> str:
    """Return a place as a person writes it: `models.insurance.versions.v1`, `steps[0]`."""
    if not place:
        return "the file"
    text = ""
    for key in place:
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            plain = re.fullmatch(r"[\w-]+", key)
            text += ("." if text else "") + (key if plain else json.dumps(key, ensure_ascii=False))
    return text


def shown(value: Any) -> str:
    """Return a value of the file as a message may show it."""
    match value:
        case None:
            return "nothing"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case str():
            return repr(value if len(value) <= 60 else value[:57] + "...")
        case bool():
            return str(value).lower()
        case _:
            return str(value)


def literal(text: str) -> str:
    """Return a text that may hold braces as (a part of) a problem's message."""
    return text.replace("{", "{{").replace("}", "}}")


def unknown(place: Place, known: Iterable[str]) -> Problem:
    """Return the problem of an unknown key."""
    return Problem(
        place, "unknown key {place}", hint_for(str(place[-1]), known, what="keys", most=20)
    )
