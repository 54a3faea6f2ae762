"""Locations: where in S3 an input's files lie, as its author writes it.

s3://bucket/prefix/                     everything below, hive partitions understood
s3://bucket/prefix/*/part-*.parquet     glob: * within a directory, ** across, ? [..] {a,b}
s3://bucket/logs/%Y/%m/%d/*.json        dates: strftime's %Y %m %d %H become partition keys
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from headwater.errors import ConfigError
from headwater_aws.listing import parse_uri

DATES: Final = {
    "Y": ("year", r"\d{4}", "yyyy"),
    "m": ("month", r"\d{2}", "MM"),
    "d": ("day", r"\d{2}", "dd"),
    "H": ("hour", r"\d{2}", "HH"),
}
"""strftime directive to partition key, what it matches, and its pattern in a `TimePartition`."""

_GLOB: Final = re.compile(r"\*\*/|\*\*|\*|\?|\[[!^]?[^\]/]+\]|\{[^{}/]*,[^{}/]*\}|%(.)")


@dataclass(frozen=True, slots=True)
class Location:
    """A location that was read.

    Args:
        bucket: The bucket.
        prefix: What all keys begin with: the key itself, or up to the last `/` before anything
            that varies.
        pattern: What a whole key must match; its named groups are the date keys.
        date_keys: Partition keys that come from strftime directives, outermost first.
        template: The key as it was written, for turning dates into prefixes.
        globbed: Whether anything of it varies but dates.
    """

    bucket: str
    prefix: str
    pattern: re.Pattern[str]
    date_keys: tuple[str, ...]
    template: str
    globbed: bool = False

    @property
    def written(self) -> str:
        """The location as it was written."""
        return f"s3://{self.bucket}/{self.template}"

    @property
    def root(self) -> str:
        """The prefix as a URI."""
        return f"s3://{self.bucket}/{self.prefix}"

    def date_patterns(self) -> dict[str, str]:
        """Return the date keys with their patterns, as a `TimePartition` takes them."""
        return {key: pattern for key, _, pattern in DATES.values() if key in self.date_keys}

    def within(self, dates: dict[str, str]) -> str:
        """Return the URI that all files of a date begin with: the template up to its first glob.

        Args:
            dates: Value of each date key that is known; the prefix ends before the first other.
        """
        values = {letter: dates[key] for letter, (key, _, _) in DATES.items() if key in dates}
        text = ""
        position = 0
        for match in _GLOB.finditer(self.template):
            text += self.template[position : match.start()]
            position = match.end()
            if match[1] == "%":
                text += "%"
            elif match[1] in values:
                text += values[match[1]]
            else:
                break
        else:
            text += self.template[position:]
        return f"s3://{self.bucket}/{text[: text.rfind('/') + 1]}"


def parse_location(path: str, regex: str | None = None) -> Location:
    """Return the location that a path names.

    Args:
        path: `s3://bucket/...`, with globs or strftime directives in the key.
        regex: What the rest of each key, behind the path, must match as a whole.

    Raises:
        ConfigError: On a path that is none, or a directive or regular expression that is unknown.
    """
    bucket, key = parse_uri(path)
    expression, keys, fixed = _expression(path, key)
    if regex is not None:
        expression += _regex(path, regex)
    elif key.endswith("/") or not key:
        expression += ".*"
    elif fixed == len(key):
        expression += "(?:/.*)?"  # one object, or a directory written without its slash
    whole = fixed == len(key) and (regex is None or key.endswith("/"))
    prefix = (key if whole else key[: key.rfind("/", 0, fixed) + 1]).replace("%%", "%")
    globbed = regex is not None or any(f[1] is None for f in _GLOB.finditer(key))
    try:
        pattern = re.compile(expression, re.DOTALL)
    except re.error as error:
        raise ConfigError(
            f"{path}: the path{' with its regex' if regex else ''} can't be read: {error}",
            hint="is a range such as [a-z] reversed, or a group named twice?",
        ) from error
    return Location(bucket, prefix, pattern, tuple(keys), key, globbed)


def _expression(path: str, key: str) -> tuple[str, list[str], int]:
    """Return a key's regular expression, its date keys, and how much of it is fixed."""
    parts: list[str] = []
    keys: list[str] = []
    position, fixed = 0, len(key)
    for match in _GLOB.finditer(key):
        parts.append(re.escape(key[position : match.start()]))
        position = match.end()
        token = match[0]
        if token == "%%":
            parts.append("%")
            continue
        fixed = min(fixed, match.start())
        if match[1] is not None:
            parts.append(_date(path, match[1], keys))
        elif token == "**/":
            parts.append("(?:.*/)?")
        elif token == "**":
            parts.append(".*")
        elif token == "*":
            parts.append("[^/]*")
        elif token == "?":
            parts.append("[^/]")
        elif token[0] == "{":
            parts.append(f"(?:{'|'.join(map(re.escape, token[1:-1].split(',')))})")
        else:
            parts.append(_class(token[1:-1]))
    parts.append(re.escape(key[position:]))
    return "".join(parts), keys, fixed


def _class(members: str) -> str:
    """Return what one character of a glob's [..] matches; never a slash."""
    negated = members[0] in "!^" and len(members) > 1
    inside = (members[1:] if negated else members).replace("\\", "\\\\").replace("[", "\\[")
    return f"[^/{inside}]" if negated else f"[{inside}]"


def _date(path: str, letter: str, keys: list[str]) -> str:
    if letter not in DATES:
        directives = ", ".join(f"%{directives}" for directives in DATES)
        raise ConfigError(
            f"{path}: unknown date directive %{letter}", hint=f"known: {directives}, %%"
        )
    key, matches, _ = DATES[letter]
    if key in keys:
        return f"(?P={key})"
    keys.append(key)
    return f"(?P<{key}>{matches})"


def _regex(path: str, regex: str) -> str:
    try:
        re.compile(regex)
    except re.error as error:
        raise ConfigError(f"{path}: regex {regex!r} can't be read: {error}") from error
    return f"(?:{regex})"
