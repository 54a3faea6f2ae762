"""Striking secrets out of what a bundle tells: those that are known, and what looks like one.

Known are the secrets of the configuration that was examined, and what plugins learned of while it
was. Beyond these, whatever a catalog, a table's metadata or an error message says may hold
somebody's key: what is spelled like one goes, and so does what stands beside a name such as
`password`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from headwater.evidence.places import without_secrets
from headwater.interfaces.recording import Vocabulary

MASK: Final = "***"
_SHORTEST: Final = 6
"""Characters of a known secret: a shorter one may be a plain word."""
_NAMED: Final = re.compile(
    r"(?i)pass(word|wd|phrase)|\bpwd\b|secret|token|credential|private.?key|api.?key|access.?key|"
    r"signature|\bauth(orization)?\b|bearer|cookie|session.?key|account.?key|connection.?string"
)
_PAGES: Final = frozenset({"token", "tokens"})
"""Names that speak of a token and mean the stage of a check; a provider has others, of pages."""
_SPELLED: Final = (
    re.compile(
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL
    ),
    re.compile(r"\beyJ[\w-]{6,}\.[\w-]{4,}(?:\.[\w-]*)?"),
    re.compile(r"\b(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|xox[abprs]-[\w-]{10,}|AIza[\w-]{30,})"),
)
"""PEM keys, JSON web tokens, tokens of known issuers."""
_KEY: Final = re.compile(r"(?<![\w/+=])[A-Za-z0-9/+]{40}(?![\w/+=])")
"""How secret keys of clouds are spelled; a path may be, too: it has few capitals and digits."""
_BESIDE: Final = re.compile(
    r"(?i)(?P<name>[\w.-]*(?:passw(?:or)?d|passphrase|pwd|secret|token|credential|api[_.-]?key|"
    r"access[_.-]?key|account[_.-]?key)[\w.-]*[\"']?\s*(?:=|:)\s*)(?P<quote>[\"']?)"
    r"(?P<value>[^\s\"',;&}]+)"
)
_HEADER: Final = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}")


class Secrets:
    """What is struck out of every text of a bundle.

    Args:
        known: Secrets that are known.
        vocabularies: How calls are told, with what strikes out the secrets that their plugins know.
    """

    def __init__(self, known: Iterable[str] = (), vocabularies: Iterable[Vocabulary] = ()) -> None:
        spoken = tuple(vocabularies)
        self._strikes = tuple(v.strike for v in spoken if v.strike is not None)
        self._spelled = (*_SPELLED, *(p for v in spoken for p in v.secrets))
        self._pages = _PAGES.union(*(v.pages for v in spoken))
        # The longest first: one may be part of another.
        self._known = sorted({k for k in known if len(k) >= _SHORTEST}, key=len, reverse=True)
        home = str(Path.home())
        self._home = home if len(home) > 3 else None

    def text(self, text: str, *, sql: bool = False) -> str:
        """Return a text without secrets.

        Args:
            text: The text.
            sql: Whether it is a query, in which `token = 'x'` is a condition.
        """
        for secret in self._known:
            text = text.replace(secret, MASK)
        for strike in self._strikes:
            text = strike(text)
        if self._home is not None:
            text = text.replace(self._home, "~")
        text = without_secrets(text)
        for pattern in self._spelled:
            text = pattern.sub(MASK, text)
        text = _KEY.sub(_without_key, text)
        if not sql:
            text = _BESIDE.sub(rf"\g<name>\g<quote>{MASK}", text)
            text = _HEADER.sub(rf"\g<1> {MASK}", text)
        return text

    def value(self, value: Any, name: str = "") -> Any:
        """Return plain data without secrets: its texts, and all that stands under a name of one.

        Args:
            value: Plain data.
            name: The name that it stands under.
        """
        match value:
            case str() if name not in self._pages and _NAMED.search(name):
                return MASK
            case str():
                return self.text(value, sql=name in ("query", "sql"))
            case Mapping():
                return {self.text(str(k)): self.value(v, str(k)) for k, v in value.items()}
            case list() | tuple():
                return [self.value(v, name) for v in value]
        return value


def _without_key(match: re.Match[str]) -> str:
    text = match[0]
    capitals = sum(c.isupper() for c in text)
    small = sum(c.islower() for c in text)
    digits = sum(c.isdigit() for c in text)
    return MASK if capitals >= 5 and small >= 5 and digits >= 2 else text


_QUOTED: Final = re.compile(r"'(?:[^'\\]|\\.|''|'(?=\w))*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`", re.DOTALL)


def without_values(text: str, names: frozenset[str]) -> str:
    """Return a message about rows without what it quotes of them; names it may quote.

    Args:
        text: The message.
        names: What is no value: names of fields, columns, tables.
    """

    def shown(match: re.Match[str]) -> str:
        quote, content = match[0][0], match[0][1:-1]
        return match[0] if content.casefold() in names else f"{quote}{MASK}{quote}"

    return _QUOTED.sub(shown, text)
