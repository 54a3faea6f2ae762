"""The exception tree. Everything headwater raises on purpose is one of these.

HeadwaterError                    root: message, code, hint, retryable
├── ConfigError                   a configuration or an argument is wrong
├── PluginError                   a plugin is missing, broken or incompatible
├── SourceError                   a data source answered no, or not at all
│   ├── DatabaseNotFoundError
│   ├── TableNotFoundError
│   └── DataChangedError          what was planned is no longer what lies there (retryable)
├── AuthError                     an identity could not be obtained, or may not do a thing
│   ├── CredentialsExpiredError   (retryable)
│   └── AccessDeniedError
├── QueryError                    a query is refused; carries diagnostics
├── MappingError                  a mapping does not fit its source; carries diagnostics
├── PlanError                     a read can't be planned as asked (e.g. over `max_bytes`)
├── LedgerError                   a ledger can't be read or kept
│   └── LedgerMovedError          somebody else handed over the same window (retryable)
├── EvidenceError                 evidence of a read can't be given, or read, or does not hold
├── BundleError                   a support bundle can't be written, or read
├── ProfileError                  profiles can't be merged, or one can't be read
├── EngineError                   an engine failed while reading
│   └── DataError                 a value does not fit its declared field; names the row's id
├── CancelledError                a read was cancelled
├── ReadTimeoutError              a read was not over in the time that it was given (retryable)
└── UnsupportedError              known, and not supported: says what is, and why

Every error pickles, keeps its cause (`raise ... from`), and never holds a secret.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Self, TypeVar

from headwater.diagnostics import Diagnostic, errors_in, render_all
from headwater.display.printable import printable

_E = TypeVar("_E", bound="HeadwaterError")


class HeadwaterError(Exception):
    """Root of all errors that headwater raises on purpose.

    Args:
        message: What happened, and to which object.
        code: Stable kebab-case identifier; each class has a default.
        hint: What to do next.
        retryable: Whether the same call may succeed later, unchanged.
    """

    default_code: ClassVar[str] = "error"
    default_retryable: ClassVar[bool] = False
    diagnostics: tuple[Diagnostic, ...] = ()
    """What was found, where the error is made of findings."""
    refused_path: str | None = None
    """The object that storage did not give, where an engine knows no more than that; empty where it
    does not even know which. Whoever has the session asks it why (`headwater.reading.reader`)."""

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        hint: str | None = None,
        retryable: bool | None = None,
    ) -> None:
        # It may hold names and texts of others, and whoever catches it may print it.
        self.message = printable(message)
        super().__init__(self.message)
        self.code = code or self.default_code
        self.hint = None if hint is None else printable(hint)
        self.retryable = self.default_retryable if retryable is None else retryable

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}" if self.hint else self.message

    @property
    def headline(self) -> str:
        """What happened, in one sentence that says what is wrong."""
        return self.message

    def _render_traceback_(self) -> list[str]:
        """Return what a notebook shows: what is wrong, then the caller's own lines.

        IPython asks an exception for it. Frames of headwater, and of what it calls, are left out;
        `traceback.print_exception(error)` shows them all.
        """
        from headwater.display.tracebacks import rendered

        return rendered(self)

    def noted(self, note: str) -> Self:
        """Return the same error with a `note` behind its message, in brackets."""
        copied = copy.copy(self)
        copied.message = f"{self.message} ({printable(note)})"
        copied.args = (copied.message,)
        return copied

    def __reduce__(self) -> tuple[Callable[..., Self], tuple[Any, ...], dict[str, Any]]:
        # The default rebuilds by positional args, which keyword-only parameters refuse.
        return _rebuild, (type(self), self.message), self.__dict__

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict with keys code, message, hint, retryable."""
        return {
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "retryable": self.retryable,
        }


def _rebuild(cls: type[_E], message: str) -> _E:
    error = cls.__new__(cls)
    Exception.__init__(error, message)
    return error


class ConfigError(HeadwaterError):
    """A configuration file, a definition or an argument is wrong."""

    default_code = "config"


class PluginError(HeadwaterError):
    """A plugin is missing, broken or incompatible; names its distribution and the remedy."""

    default_code = "plugin"


class SourceError(HeadwaterError):
    """A data source answered no, or did not answer."""

    default_code = "source"


class DatabaseNotFoundError(SourceError):
    """A database that was named is not in the catalog."""

    default_code = "database-not-found"


class TableNotFoundError(SourceError):
    """A table that was named is not in the catalog."""

    default_code = "table-not-found"


class DataChangedError(SourceError):
    """Files or tables changed between the plan and the read; plan again."""

    default_code = "data-changed"
    default_retryable = True


class AuthError(HeadwaterError):
    """An identity could not be obtained."""

    default_code = "auth"


class CredentialsExpiredError(AuthError):
    """Credentials expired and could not be refreshed."""

    default_code = "credentials-expired"
    default_retryable = True


class AccessDeniedError(AuthError):
    """An identity was obtained, and may not do what was asked.

    Args:
        message: What happened, and to which object.
        action: The provider's word for what was refused, e.g. `GetTable`.
        resource: What it was refused on, e.g. an ARN.
        caller: Whom it was refused to, e.g. the ARN of a role session.
        code: As for every error.
        hint: What to do next.
        retryable: Whether the same call may succeed later, unchanged.
    """

    default_code = "access-denied"

    def __init__(
        self,
        message: str,
        *,
        action: str | None = None,
        resource: str | None = None,
        caller: str | None = None,
        code: str | None = None,
        hint: str | None = None,
        retryable: bool | None = None,
    ) -> None:
        super().__init__(message, code=code, hint=hint, retryable=retryable)
        self.action = action
        self.resource = resource
        self.caller = caller

    def explained(self, message: str | None = None, hint: str | None = None) -> AccessDeniedError:
        """Return the same refusal, told with more words."""
        return AccessDeniedError(
            message or self.message,
            action=self.action,
            resource=self.resource,
            caller=self.caller,
            code=self.code,
            hint=hint or self.hint,
            retryable=self.retryable,
        )


class _DiagnosedError(HeadwaterError):
    """An error made of diagnostics: its message is their rendering."""

    def __init__(
        self,
        message: str,
        diagnostics: Iterable[Diagnostic] = (),
        *,
        code: str | None = None,
        hint: str | None = None,
        retryable: bool | None = None,
    ) -> None:
        super().__init__(message, code=code, hint=hint, retryable=retryable)
        self.diagnostics = tuple(diagnostics)

    @property
    def headline(self) -> str:
        """What is wrong: the first finding, and how many there are beside it."""
        errors = errors_in(self.diagnostics)
        if not errors:
            return self.message
        first, others = errors[0].message.splitlines()[0], len(errors) - 1
        more = f" (and {others} more)" if others else ""
        return f"{self.message}: {first}{more}"

    def __str__(self) -> str:
        rendered = render_all(self.diagnostics)
        text = f"{self.headline}\n  hint: {self.hint}" if self.hint else self.headline
        return f"{text}\n{rendered}" if rendered else text

    def to_dict(self) -> dict[str, Any]:
        return {**super().to_dict(), "diagnostics": [d.to_dict() for d in self.diagnostics]}


class QueryError(_DiagnosedError):
    """A query is refused; `diagnostics` holds every finding."""

    default_code = "query"


class MappingError(_DiagnosedError):
    """A mapping does not fit its source; `diagnostics` holds every finding."""

    default_code = "mapping"


class PlanError(HeadwaterError):
    """A read can't be planned as it was asked for."""

    default_code = "plan"


class LedgerError(HeadwaterError):
    """A ledger is no ledger, is damaged, or can't be kept where it is."""

    default_code = "ledger"


class LedgerMovedError(LedgerError):
    """What lies in a store is not what was expected: somebody else saved since.

    A store raises it for the whole ledger, which is then loaded again; it reaches a program only
    where somebody else handed over the very window that is being handed over.
    """

    default_code = "ledger-moved"
    default_retryable = True


class EvidenceError(HeadwaterError):
    """Evidence of a read can't be given, is damaged, or is not borne out by what was recorded."""

    default_code = "evidence"


class BundleError(HeadwaterError):
    """A support bundle can't be written, or what should be one is none."""

    default_code = "bundle"


class ProfileError(HeadwaterError):
    """Profiles can't be merged, or what should be a profile or its edges is none."""

    default_code = "profile"


class EngineError(HeadwaterError):
    """An engine failed while it prepared or ran a read."""

    default_code = "engine"


class DataError(EngineError):
    """A value does not fit its declared field; names the field and the row's id."""

    default_code = "data"


class CancelledError(HeadwaterError):
    """A read was cancelled, or its workspace was closed, before all of its rows were taken."""

    default_code = "cancelled"


class ReadTimeoutError(HeadwaterError):
    """A read was not over in the time that it was given."""

    default_code = "timeout"
    default_retryable = True


class UnsupportedError(HeadwaterError):
    """Something known that headwater does not support; says what is supported, and why."""

    default_code = "unsupported"
