"""Removing secrets from a bundle: known ones, and what looks like one.

Known are the secrets of the configuration that was examined, and what plugins learned of while it
was. Beyond these, whatever a catalog, a table's metadata or an error message says may hold
somebody's key: what is spelled like one goes, and so does what stands beside a name such as
`password`. A text that packs another one (JSON, a view of Presto) is gone through inside.

Every pattern here is tried on texts that anybody may have written: none looks further ahead than it
says, so that none takes more time than the text is long.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, quote_plus

from headwater.evidence.places import PATHS, without_secrets
from headwater.interfaces.recording import Vocabulary
from headwater.untrusted.texts import json_value

MASK: Final = "***"
_REMEMBERED: Final = 120
_MOST: Final = 50_000
"""Characters of a text, and how many texts, of which what is left is remembered."""
_SHORTEST: Final = 6
"""Characters of a known secret: a shorter one may be a plain word."""
_NAMED: Final = re.compile(
    r"(?i)pass(word|wd|phrase|code)|pswd|(?<![a-z])(pass|pwd|sas|jwt|dsn|hmac|creds?|auth|salt)(?![a-z])|"
    r"(?<=[a-z])Pwd|dbpass|secret|token|credential|private.?key|api.?key|access.?key|"
    r"signature|authorization|bearer|cookie|connection.?string|webhook|"
    r"(session|account|encryption|shared|signing|master).?key"
)
_PAGES: Final = frozenset({"token", "tokens"})
"""Names that speak of a token and mean the stage of a check; a provider has others, of pages."""
_SPELLED: Final = (
    re.compile(
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL
    ),
    re.compile(r"\beyJ[\w-]{6,}\.[\w-]{4,}(?:\.[\w-]*)?"),
    re.compile(
        r"\b(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abprs]-[\w-]{10,}|"
        r"AIza[\w-]{30,}|ya29\.[\w-]{20,}|GOCSPX-[\w-]{16,}|[sr]k_(?:live|test)_\w{16,}|"
        r"sk-[\w-]{20,}|dapi[0-9a-f]{32}|hf_\w{20,}|npm_\w{30,}|pypi-[\w-]{30,}|"
        r"SG\.[\w-]{16,}\.[\w-]{16,}|dop_v1_\w{32,}|shpat_\w{20,})"
    ),
    re.compile(r"(?i)\bhooks\.slack\.com/(?:services|workflows)/[^\s'\"]+"),
    re.compile(r"(?<![\w+/=])[A-Za-z0-9+/]{86}==(?![\w+/=])"),
)
"""PEM keys, JSON web tokens, tokens of known issuers, addresses and keys that are secrets."""
_USER: Final = (
    re.compile(rf"(?i)\b((?!{'|'.join(PATHS)})[a-z][a-z0-9+.-]{{0,30}}://)[^\s'\"]{{0,400}}@"),
    re.compile(r"(?i)\b(jdbc:[\w-]{1,30}:[\w-]{1,30}:)[^\s'\"/@]{1,80}/[^\s'\"@]{1,200}@"),
)
"""Who asks, in an address; a password may hold any sign."""
_PRESTO: Final = re.compile(r"\s{0,99}/\*\s{0,9}Presto View:\s{0,9}([\w+/=]+)\s{0,9}\*/\s{0,99}")
_BY_COLUMN: Final = frozenset(
    {"raw_inputs", "features", "predictions", "labels", "columns", "types"}
)
_QUERIES: Final = frozenset({"query", "sql", "originalSql", "ViewOriginalText"})
PROSE: Final = frozenset({"comment", "Comment", "doc", "description", "Description"})
"""What people wrote about a table: examples of values, too; and no reader needs it."""
_KEY: Final = re.compile(r"(?<![\w/+=])[A-Za-z0-9/+]{40}(?![\w/+=])")
"""How secret keys of clouds are spelled; a path may be, too: it has few capitals and digits."""
_BESIDE: Final = re.compile(
    r"(?i)(?P<name>(?:passw(?:or)?d|passphrase|passcode|pwd|pswd|(?<![a-z])pass(?![a-z])|secret|token|"
    r"credential|api[_.-]?key|access[_.-]?key|account[_.-]?key|(?:encryption|signing|shared)[_.-]?key|"
    r"(?<![a-z])(?:jwt|sas|hmac)(?![a-z]))[\w.-]{0,64}\\?[\"']?\s{0,8}(?:=|:)\s{0,8})"
    r"(?:(?P<quote>\\?[\"'])(?P<quoted>(?:[^\"'\\]|\\.)*)|(?P<value>[^\s\"';&}]*[^\s\"';&},]))"
)
"""A value is hidden to its closing quote, or to what ends a word."""
_HEADER: Final = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}")


class Secrets:
    """Removes secrets from the texts of a bundle.

    Args:
        known: Secrets that are known.
        vocabularies: How to read the calls of plugins, and their own removal of secrets.
        values: Values of rows that may appear where names do.
    """

    def __init__(
        self,
        known: Iterable[str] = (),
        vocabularies: Iterable[Vocabulary] = (),
        values: Iterable[str] = (),
    ) -> None:
        spoken = tuple(vocabularies)
        self._strikes = tuple(v.strike for v in spoken if v.strike is not None)
        self._spelled = (*_SPELLED, *(p for v in spoken for p in v.secrets))
        self._pages = _PAGES.union(*(v.pages for v in spoken))
        self._cleaned: dict[tuple[str, bool], str] = {}
        spelled = {form for k in known if len(k) >= _SHORTEST for form in _spellings(k)}
        # The longest first: one may be part of another.
        self._secrets = sorted(spelled, key=len, reverse=True)
        alternatives = "|".join(map(re.escape, sorted(values, key=len, reverse=True)))
        self._values = re.compile(rf"(?<!\w)(?:{alternatives})(?!\w)") if alternatives else None
        home = str(Path.home())
        self._home = home if len(home) > 3 else None

    def text(self, text: str, *, sql: bool = False) -> str:
        """Return a text without secrets.

        Args:
            text: The text.
            sql: Whether it is a query, in which `token = 'x'` is a condition.
        """
        remembered = self._cleaned.get((text, sql))  # a catalog says the same again and again
        if remembered is not None:
            return remembered
        cleaned = self._clean(text, sql)
        if len(text) <= _REMEMBERED and len(self._cleaned) < _MOST:
            self._cleaned[text, sql] = cleaned
        return cleaned

    def _clean(self, text: str, sql: bool) -> str:
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        if self._values is not None:
            text = self._values.sub(MASK, text)
        for strike in self._strikes:
            text = strike(text)
        if self._home is not None:
            text = text.replace(self._home, "~")
        if "@" in text:
            for users in _USER:
                text = users.sub(rf"\g<1>{MASK}@", text)
        text = without_secrets(text)
        for pattern in self._spelled:
            text = pattern.sub(MASK, text)
        text = _KEY.sub(_without_key, text)
        if not sql:
            text = _BESIDE.sub(_masked_value, text)
            text = _HEADER.sub(rf"\g<1> {MASK}", text)
        return text

    def value(self, value: Any, name: str = "") -> Any:
        """Return plain data without secrets: in texts, and under keys that name a secret.

        Args:
            value: Plain data.
            name: The key under which it stands.
        """
        match value:
            case str() if name not in self._pages and _NAMED.search(name):
                return MASK
            case str() if name in PROSE:
                return "..."
            case str() if value[:1] in ("{", "[") and (inner := _packed(value)) is not None:
                return json.dumps(self.value(inner, name))
            case str() if (view := presto_view(value)) is not None:
                return presto_text(self.value(view, "view"))
            case str():
                return self.text(value, sql=name in _QUERIES)
            case Mapping():
                fields = name not in _BY_COLUMN  # a column may be called `token`
                return {
                    self.text(str(k)): self.value(v, str(k) if fields else "")
                    for k, v in value.items()
                }
            case list() | tuple():
                return [self.value(v, name) for v in value]
        return value


def _spellings(secret: str) -> set[str]:
    """Return the forms in which a secret may be quoted: escaped or encoded."""
    content = secret.encode("utf-8", "surrogatepass")
    packed = base64.b64encode(content).decode().rstrip("=")
    return {
        secret,
        quote(secret, safe="", errors="replace"),
        quote(secret, errors="replace"),
        quote_plus(secret, errors="replace"),
        json.dumps(secret)[1:-1],
        repr(secret)[1:-1],
        packed,
        packed.replace("+", "-").replace("/", "_"),
        content.hex(),
        content.hex(" "),
    }


def _packed(text: str) -> Any:
    try:
        value = json_value(text)
    except ValueError:
        return None
    return value if isinstance(value, dict | list) else None


def presto_view(text: str) -> Any:
    """Return the content of a view's text as Presto and Athena pack it; None for other texts."""
    match = _PRESTO.fullmatch(text)
    if match is None:
        return None
    try:
        return json_value(base64.b64decode(match[1]))
    except ValueError:
        return None


def presto_text(view: Any) -> str:
    """Return a view's text as Presto and Athena write it."""
    return f"/* Presto View: {base64.b64encode(json.dumps(view).encode()).decode()} */"


def _masked_value(match: re.Match[str]) -> str:
    return f"{match['name']}{match['quote'] or ''}{MASK}"


def _without_key(match: re.Match[str]) -> str:
    text = match[0]
    capitals = sum(c.isupper() for c in text)
    small = sum(c.islower() for c in text)
    digits = sum(c.isdigit() for c in text)
    return MASK if capitals >= 5 and small >= 5 and digits >= 2 else text


_QUOTED: Final = re.compile(r"'(?:[^'\\]|\\.|''|'(?=\w))*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`", re.DOTALL)


_CONVERTED: Final = re.compile(r"(?s)(?<=string )'.*'(?= to )")
"""What DuckDB could not convert: it escapes no quotes."""


def without_values(text: str, names: frozenset[str]) -> str:
    """Return a message about rows without the values that it quotes; names may stay.

    Args:
        text: The message.
        names: Names of fields, columns and tables, which may stay.
    """
    text = _CONVERTED.sub(f"'{MASK}'", text)

    def replacement(match: re.Match[str]) -> str:
        quote, content = match[0][0], match[0][1:-1]
        return match[0] if content.casefold() in names else f"{quote}{MASK}{quote}"

    return _QUOTED.sub(replacement, text)
