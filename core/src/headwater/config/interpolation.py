"""`${env:NAME}`: values from the environment, on the texts of a file, after it was parsed.

    ${env:NAME}             the variable's value; it must be set
    ${env:NAME:-default}    the default where the variable is not set, or empty
    $${                     the two characters `${`

What a variable holds is a text and stays one: it can't add keys, and a key is never interpolated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from headwater.config.problems import Place, Problem, Problems, literal
from headwater.diagnostics import did_you_mean

_REFERENCE: Final = re.compile(r"\$(?P<escaped>\$\{)|\$\{(?P<inside>[^}]*)(?P<closed>\}?)")
_ENV: Final = re.compile(
    r"env:(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<or>:-(?P<default>.*))?", re.DOTALL
)


@dataclass(slots=True)
class Interpolation:
    """Fills in the references of one file.

    Args:
        environ: The environment.
        problems: Where what is wrong is reported.
        hidden: Filled with each value that came from the environment, and its reference.
    """

    environ: Mapping[str, str] = field(repr=False)
    problems: Problems
    hidden: dict[str, str] = field(default_factory=dict, repr=False)

    def fill(self, data: Any, place: Place = ()) -> Any:
        """Return data with every reference in its texts filled in."""
        match data:
            case dict():
                for key in data:
                    if "${" in key:
                        self.problems.add(
                            Problem((*place, key), "a key can't hold ${{...}}: only values can")
                        )
                return {key: self.fill(value, (*place, key)) for key, value in data.items()}
            case list():
                return [self.fill(value, (*place, i)) for i, value in enumerate(data)]
            case str():
                return _REFERENCE.sub(lambda match: self._value(match, place), data)
            case _:
                return data

    def _value(self, match: re.Match[str], place: Place) -> str:
        if match["escaped"]:
            return "${"
        if not match["closed"]:
            self._add_problem(place, f"{match[0]!r} has no closing brace")
            return ""
        reference = _ENV.fullmatch(match["inside"])
        if reference is None:
            self._add_problem(place, f"{match[0]} is no reference")
            return ""
        value = self.environ.get(reference["name"])
        if reference["or"] is not None:
            value = value or reference["default"]
        if value is None:
            self._unset(place, reference["name"])
            return ""
        if reference["name"] in self.environ and value:
            self.hidden[value] = match[0]
        return value

    def _add_problem(self, place: Place, what: str) -> None:
        hint = "write ${env:NAME} or ${env:NAME:-default}; $${ stands for ${ itself"
        self.problems.add(Problem(place, "{place}: " + literal(what), hint))

    def _unset(self, place: Place, name: str) -> None:
        guess = did_you_mean(name, self.environ, limit=1)
        self.problems.add(
            Problem(
                place,
                f"{{place}}: the environment variable {name} is not set",
                f"export it, or give a default: ${{env:{name}:-default}}"
                + (f"; {guess}" if guess else ""),
            )
        )
