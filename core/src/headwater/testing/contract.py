"""What all contract suites share: they are subclassed, configured by fixtures, never overridden.

Each `test_...` of a contract is one promise. Its docstring says what is promised, and what to do if
it fails. What a plugin does not declare is skipped, visibly, and must raise `UnsupportedError`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Final, TypeVar
from unittest import mock

import pytest

from headwater.interfaces.abilities import recognised
from headwater.testing.deadlines import HungError, in_time
from headwater.testing.pytest_plugin import ABILITIES

_T = TypeVar("_T")
_TOLD: Final = 8
"""Problems that one failure names."""


class ContractError(Exception):
    """A suite is not set up as a contract wants it; raised when pytest collects it."""


class Contract:
    """Base of the contract suites.

    Attributes:
        known_failures: Test to why it fails, for promises that a plugin is known not to keep yet:
            a name as pytest prints it, e.g. `test_values_come_back_exactly[ratio]`. The test is run
            and must fail: when it passes, the entry must go.
        deadline: Seconds in which each call into the plugin must end. One that does not fails its
            promise, with the place where it hangs; the promises after it are skipped.
    """

    known_failures: ClassVar[Mapping[str, str]] = {}
    deadline: ClassVar[float] = 20.0
    hung: ClassVar[str | None] = None
    """The first promise of a suite in which the plugin hung."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.hung = None
        promises = cls.promises()
        for name, (home, promise) in promises.items():
            if getattr(cls, name, None) is not promise:
                raise ContractError(
                    f"{cls.__name__} overrides {name}, a promise of {home.__name__}: a contract "
                    "is kept as it is. Override its fixtures; a promise that is known to be broken "
                    f"goes to known_failures = {{{name!r}: 'why'}}"
                )
        for name in cls.known_failures:
            if name.partition("[")[0] not in promises:
                raise ContractError(
                    f"{cls.__name__}.known_failures names {name!r}, which is no promise; promises: "
                    + ", ".join(sorted(promises))
                )

    @classmethod
    def promises(cls) -> dict[str, tuple[type, object]]:
        """Return the contract's tests by name, each with the suite that defines it."""
        suites = [c for c in reversed(cls.__mro__) if c.__module__.startswith("headwater.testing.")]
        return {
            name: (suite, value)
            for suite in suites
            for name, value in vars(suite).items()
            if name.startswith("test_")
        }

    @pytest.fixture(autouse=True)
    def _known_failure(self, request: pytest.FixtureRequest) -> None:
        names = (request.node.name, re.sub(r"\[.*", "", request.node.name))
        if self.hung is not None:
            pytest.skip(f"the plugin hung in {self.hung}: nothing more is asked of it")
        reason = next((r for n, r in self.known_failures.items() if n in names), None)
        if reason is not None:
            request.applymarker(pytest.mark.xfail(reason=reason, strict=True))

    @classmethod
    def kept(cls, name: str, promise: Callable[[], object]) -> None:
        """Have a promise kept, in time: it may make several calls, each within `deadline`.

        Args:
            name: The promise, as pytest prints it.
            promise: The test of it.
        """
        __tracebackhide__ = True
        try:
            in_time(f"{cls.__name__}.{name}", 2 * cls.deadline, promise)
        except HungError as error:
            cls.hung = name
            message = str(error)
        else:
            return
        pytest.fail(message, pytrace=False)

    def within(self, what: str, call: Callable[[], _T]) -> _T:
        """Return what one call into the plugin gives, if it does so within `deadline`.

        Args:
            what: The call, as a failure names it.
            call: It.
        """
        return in_time(what, self.deadline, call)


def fitting(
    subject: object, interface: type, record_property: Callable[[str, object], None]
) -> None:
    """Tell which abilities an object was recognised to have; refuse those that nearly fit.

    Args:
        subject: An object of the plugin.
        interface: What it implements.
        record_property: pytest's fixture; `pytest_plugin` shows what it is given.
    """
    abilities = recognised(subject, interface)
    record_property(ABILITIES, f"{interface.__name__} {type(subject).__name__}: {abilities}")
    assert abilities.misfits == (), f"of {type(subject).__name__}: {'; '.join(abilities.misfits)}"


def expect(problems: Sequence[str], advice: str) -> None:
    """Fail where there are problems, with what they are and what to do about it.

    Args:
        problems: What is wrong, each a sentence on its own.
        advice: What the plugin's author should do.
    """
    __tracebackhide__ = True
    if problems:
        listed = "\n".join(f"- {p}" for p in problems[:_TOLD])
        more = f"\n- and {len(problems) - _TOLD} more" if len(problems) > _TOLD else ""
        raise AssertionError(f"{listed}{more}\nWhat to do: {advice}")


@contextmanager
def offline() -> Iterator[None]:
    """Refuse every connection that Python opens inside."""

    def refuse(self: object, address: object) -> None:
        raise AssertionError(f"it connects to {address}, before it is used")

    with (
        mock.patch("socket.socket.connect", refuse),
        mock.patch("socket.create_connection", refuse),
    ):
        yield


def undeclared(plugin: object, capability: str) -> None:
    """Skip a test about something that a plugin does not declare."""
    kind = getattr(plugin, "kind", None) or getattr(plugin, "name", type(plugin).__name__)
    pytest.skip(f"{kind} does not declare {capability!r}; that it refuses is tested elsewhere")


def declared(plugin: object, capability: str) -> None:
    """Skip a test about refusing something that a plugin does declare."""
    kind = getattr(plugin, "kind", None) or getattr(plugin, "name", type(plugin).__name__)
    pytest.skip(f"{kind} declares {capability!r}, so there is nothing to refuse")
