"""Options: what a SparkEngine may be given, and what contradicts what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headwater.errors import ConfigError


def check_options(
    session: object,
    master: str | None,
    remote: str | None,
    packages: Sequence[str] | None,
    conf: Mapping[str, str] | None,
) -> None:
    """Fail if options contradict each other; they are those of `SparkEngine`.

    Raises:
        ConfigError: Says which, and where to set them instead.
    """
    own = {"master": master, "remote": remote, "packages": packages, "conf": conf}
    if session is not None and (extra := [k for k, v in own.items() if v]):
        raise ConfigError(
            f"SparkEngine(session=...) takes the session as it is, not {', '.join(extra)}",
            hint="set them where the session is built",
        )
    if remote is not None and (extra := [k for k in ("master", "packages") if own[k]]):
        raise ConfigError(
            f"SparkEngine(remote=...) uses a running server; {', '.join(extra)} can't be given",
            hint="the server's own configuration decides",
        )
    if isinstance(packages, str):
        raise ConfigError("packages is one text, not a list", hint=f"packages=[{packages!r}]")


def check_word(name: str, value: str, words: tuple[str, ...]) -> None:
    """Fail unless an option is one of its words."""
    if value not in words:
        raise ConfigError(f"{name}={value!r}", hint=f"{name} is one of {', '.join(words)}")
