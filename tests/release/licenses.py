"""Licenses of what an installation brings: which ones we take, and what each package has.

A package says its license by `License-Expression` (PEP 639), by classifiers, or in words; the first
of these that it has counts. Where there is none of them, `SAID` has what its own files say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.utils import canonicalize_name

ALLOWED: Final = frozenset(
    {
        *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "HPND"),
        *(
            "ISC",
            "MIT",
            "MIT-0",
            "MIT-CMU",
            "PSF-2.0",
            "Python-2.0",
            "Unlicense",
            "Zlib",
            "bzip2-1.0.6",
        ),
        # Copyleft of their own files alone: whoever ships them unchanged owes nothing more.
        "MPL-2.0",
    }
)
"""SPDX names of licenses under which anybody may use and ship what stands on headwater."""

EXCEPTIONS: Final = frozenset({"LLVM-exception", "GCC-exception-3.1"})
"""What may stand behind WITH: it allows more, never less."""

WORDS: Final[Mapping[str, str]] = {
    "apache": "Apache-2.0",
    "apache 2": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "apache software license 2.0": "Apache-2.0",
    "boost software license 1.0 bsl-1.0": "BSL-1.0",
    "bsd": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "bsd-3": "BSD-3-Clause",
    "3-clause bsd license": "BSD-3-Clause",
    "new bsd": "BSD-3-Clause",
    "new bsd license": "BSD-3-Clause",
    "isc license": "ISC",
    "isc license iscl": "ISC",
    "mit license": "MIT",
    "the mit license": "MIT",
    "mit no attribution license mit-0": "MIT-0",
    "mozilla public license 2.0 mpl 2.0": "MPL-2.0",
    "psf": "PSF-2.0",
    "python software foundation license": "PSF-2.0",
    "the unlicense unlicense": "Unlicense",
    "zlib/libpng license": "Zlib",
}
"""Licenses as classifiers and people write them, without commas and brackets, in small letters."""

SAID: Final[Mapping[str, str]] = {}
"""Licenses that a package's metadata does not say: what its own LICENSE file does, by its name."""


@dataclass(frozen=True, slots=True)
class Package:
    """An installed package.

    Args:
        name: Its normalized name.
        version: Its version.
        license: An SPDX expression, or what it says of itself where that is no license we know.
        bytes: Size of its files.
    """

    name: str
    version: str
    license: str
    bytes: int


def package(told: Mapping[str, Any]) -> Package:
    """Return a package of an `inventory`."""
    name = canonicalize_name(told["name"])
    return Package(name, told["version"], license_of(name, told), told["bytes"])


def license_of(name: str, told: Mapping[str, Any]) -> str:
    """Return what a package says of its license; empty if it says nothing."""
    if expression := told.get("expression"):
        return spdx(str(expression)) or str(expression)
    heads = [c.split(" :: ") for c in told.get("classifiers", ()) if c.startswith("License :: ")]
    classified = [head[-1] for head in heads if head[-1] != "OSI Approved"]
    words = str(told.get("license") or "").strip().partition("\n")[0].strip()
    # "BSD License" as a classifier does not say which; the words may.
    if spdx(words) is not None and classified in ([], ["BSD License"]):
        return spdx(words) or words
    if classified:
        return " AND ".join(spdx(one) or f'"{one}"' for one in classified)
    return SAID.get(name, words)


def spdx(words: str) -> str | None:
    """Return the SPDX expression that these words mean; None if nothing says."""
    try:
        return str(canonicalize_license_expression(words))
    except InvalidLicenseExpression:
        return WORDS.get(" ".join(re.sub(r"[(),\"]|\bv(?=\d)", " ", words.lower()).split()))


def allows(expression: str) -> bool:
    """Whether we may take what is under this license: each part of AND, one of OR."""
    tokens = re.findall(r"[()]|[^\s()]+", expression)
    place = 0

    def peek() -> str | None:
        return tokens[place] if place < len(tokens) else None

    def take() -> str:
        nonlocal place
        place += 1
        return str(tokens[place - 1])

    def any_of() -> bool:
        answer = all_of()
        while peek() == "OR":
            take()
            answer = all_of() or answer
        return answer

    def all_of() -> bool:
        answer = one()
        while peek() == "AND":
            take()
            answer = one() and answer
        return answer

    def one() -> bool:
        if peek() is None:
            return False
        if peek() == "(":
            take()
            answer = any_of()
            return peek() is not None and take() == ")" and answer
        answer = take() in ALLOWED
        if peek() == "WITH":
            take()
            return peek() is not None and take() in EXCEPTIONS and answer
        return answer

    return any_of() and place == len(tokens)


def faults(packages: Sequence[Package]) -> list[str]:
    """Return what is under a license that is not on the list, one sentence each."""
    return [
        f"{one.name} {one.version} is under {one.license or 'no license that it names'!r}, which is"
        " not on the list of tests/release/licenses.py"
        for one in packages
        if not allows(one.license)
    ]
