"""Where a token or another secret may lie: a file, a variable, a command, a function."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headwater.auth.credentials import Secret, TokenSource, leaving_no_frames
from headwater.errors import AuthError, ConfigError

_MAX_BYTES = 64 * 1024
"""More than any provider issues; a larger file is not a token."""
_REFERENCES = "file:/path, env:NAME or command:PROGRAM ARGS"


@dataclass(frozen=True, slots=True)
class FileToken:
    """A token in a file, read again at each call, since rotated tokens replace the file.

    Args:
        path: Where it lies; `~` is expanded.
    """

    path: str

    @leaving_no_frames
    def token(self) -> str:
        """Return the file's text, stripped."""
        path = Path(self.path).expanduser()
        try:
            with path.open("rb") as file:
                raw = file.read(_MAX_BYTES + 1)
        except OSError as error:
            raise AuthError(
                f"the token file {path} can't be read: {error.strerror or type(error).__name__}",
                code="token-file",
                hint="check that the file exists, that it is mounted, and who may read it",
            ) from error
        if len(raw) > _MAX_BYTES:
            raise AuthError(f"the token file {path} is over {_MAX_BYTES} bytes: that is no token")
        try:
            text = raw.decode().strip()
        except UnicodeDecodeError:
            # `from None`: the original carries the bytes.
            raise AuthError(f"the token file {path} does not hold text") from None
        if not text:
            raise AuthError(
                f"the token file {path} is empty",
                code="token-file",
                hint="whatever writes it has not written yet, or was cut off while writing",
            )
        return text

    def describe(self) -> str:
        """Return `file PATH`."""
        return f"file {self.path}"


@dataclass(frozen=True, slots=True)
class EnvToken:
    """A token in an environment variable, looked up at each call.

    Args:
        name: The variable.
    """

    name: str

    @leaving_no_frames
    def token(self) -> str:
        """Return the variable's text, stripped."""
        text = os.environ.get(self.name, "").strip()
        if not text:
            state = "empty" if self.name in os.environ else "not set"
            raise AuthError(
                f"the environment variable {self.name} is {state}",
                code="token-env",
                hint=f"export {self.name} in the environment of this process",
            )
        return text

    def describe(self) -> str:
        """Return `environment variable NAME`."""
        return f"environment variable {self.name}"


@dataclass(frozen=True, slots=True)
class CommandToken:
    """A token that a program prints; it is run at each call, without a shell.

    Args:
        arguments: Program and arguments. They are never shown, since they may hold secrets.
        timeout: Seconds after which the program is stopped.
    """

    arguments: tuple[str, ...] = field(repr=False)
    timeout: float = 60.0

    def __post_init__(self) -> None:
        if not self.arguments:
            raise ConfigError("a token command is empty", hint="e.g. command:my-idp print-token")

    @leaving_no_frames
    def token(self) -> str:
        """Run the program and return what it prints, stripped."""
        try:
            process = subprocess.run(
                self.arguments,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=self.timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            # `from None` here and below: the originals carry arguments or output.
            raise AuthError(
                f"the token {self.describe()} did not end within {self.timeout:g} seconds",
                code="token-command",
                retryable=True,
            ) from None
        except OSError as error:
            raise AuthError(
                f"the token {self.describe()} can't be run: {error.strerror}",
                code="token-command",
                hint="check that it is installed and on the PATH of this process",
            ) from None
        text = process.stdout.decode(errors="replace").strip()
        if process.returncode or not text:
            ended = f"exit status {process.returncode}" if process.returncode else "no output"
            raise AuthError(
                f"the token {self.describe()} ended with {ended}",
                code="token-command",
                hint="run it by hand to see why; its output is not shown, it may hold the token",
            )
        return text

    def describe(self) -> str:
        """Return `command PROGRAM`, without its arguments."""
        return f"command {self.arguments[0]}"


@dataclass(frozen=True, slots=True)
class CallableToken:
    """A token that a Python function returns.

    Args:
        function: Called without arguments, from any thread.
    """

    function: Callable[[], str] = field(repr=False)

    @leaving_no_frames
    def token(self) -> str:
        """Call the function."""
        try:
            text: object = self.function()
        except AuthError:
            raise
        except Exception as error:  # noqa: BLE001 - it is the user's code: anything may come
            # `from None`: what a user's function raises may quote the token.
            raise AuthError(
                f"the token {self.describe()} raised {type(error).__name__}",
                code="token-callable",
                hint="call it by hand to see why; its message is not shown, it may hold the token",
            ) from None
        if not isinstance(text, str) or not text.strip():
            returned = "an empty text" if isinstance(text, str) else type(text).__name__
            raise AuthError(
                f"the token {self.describe()} returned {returned}", code="token-callable"
            )
        return text.strip()

    def describe(self) -> str:
        """Return `function NAME`."""
        name = getattr(self.function, "__name__", type(self.function).__name__)
        return f"function {name}"


@dataclass(frozen=True, slots=True)
class LiteralSecret:
    """A secret that was given itself, wrapped in `Secret`: hidden everywhere, never pickled."""

    secret: Secret

    @leaving_no_frames
    def token(self) -> str:
        """Return the secret's text."""
        return self.secret.reveal()

    def describe(self) -> str:
        """Return `a secret given in code`."""
        return "a secret given in code"


def by_reference(reference: str | Callable[[], str] | TokenSource | Secret) -> TokenSource:
    """Return the source that a reference, a callable or a `Secret` means, or a source itself.

    Raises:
        ConfigError: If a text is no reference. It is not repeated: it may be the secret itself.
    """
    if isinstance(reference, Secret):
        return LiteralSecret(reference)
    if isinstance(reference, str):
        return from_text(reference)
    if isinstance(reference, TokenSource):
        return reference
    if callable(reference):
        return CallableToken(reference)
    raise ConfigError(
        f"a token can't be given as {type(reference).__name__}", hint=f"give {_REFERENCES}"
    )


def from_text(text: str, *, words: tuple[str, ...] = ()) -> TokenSource:
    """Return the source that `file:/path`, `env:NAME` or `command:PROGRAM ARGS` means.

    Args:
        text: The reference.
        words: What else could have been written, for the error.

    Raises:
        ConfigError: If it is none of these.
    """
    scheme, _, rest = text.strip().partition(":")
    if rest:
        match scheme:
            case "file":
                # file:///path and file:/path are the same place.
                return FileToken(re.sub(r"^//(?=/)", "", rest))
            case "env":
                return EnvToken(rest)
            case "command":
                return from_command(rest)
    raise ConfigError(
        "a token or secret is given by reference, and this text is none (it is not shown here)",
        hint=f"write {', '.join([_REFERENCES, *words])}; in Python a callable or Secret(...) will "
        "do too",
    )


def from_command(command: str | None = None, **fields: Any) -> CommandToken:
    """Return the source that a command line means, split as a shell would, and run without one."""
    try:
        return CommandToken(tuple(shlex.split(command or "")), **fields)
    except ValueError:
        raise ConfigError("a token command has an unclosed quote") from None
