from __future__ import annotations

import pickle
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from plugins.aws.tests.support import Clock

from headwater.auth.credentials import Secret
from headwater.errors import AuthError, CredentialsExpiredError
from headwater_aws.renewal import Keys, RenewingCredentials


class Issuer:
    """Issues keys of a given lifetime; may be told to fail, or to wait."""

    def __init__(self, clock: Clock, seconds: float = 3600) -> None:
        self.clock = clock
        self.seconds = seconds
        self.count = 0
        self.broken = False
        self.gate: threading.Event | None = None

    def __call__(self) -> Keys:
        self.count += 1
        if self.gate:
            assert self.gate.wait(10)
        if self.broken:
            raise AuthError(f"no keys, attempt {self.count}", code="broken")
        ends = self.clock() + timedelta(seconds=self.seconds)
        return Keys(f"KEY{self.count}", Secret("canary-key"), Secret("token"), ends)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def credentials(issuer: Callable[[], Keys], clock: Clock) -> RenewingCredentials:
    return RenewingCredentials(issuer, name="role", clock=clock)


def test_nothing_is_issued_before_the_first_use(clock: Clock) -> None:
    issuer = Issuer(clock)
    held = credentials(issuer, clock)
    assert issuer.count == 0
    assert held.cached is None
    assert held.get_frozen_credentials().access_key == "KEY1"
    assert held.get_frozen_credentials().token == "token"
    assert issuer.count == 1


@pytest.mark.parametrize("seconds", [900, 3600, 43200])
def test_twenty_signatures_cost_one_call(clock: Clock, seconds: int) -> None:
    # With 900 seconds, botocore's own would call STS for each.
    issuer = Issuer(clock, seconds)
    held = credentials(issuer, clock)
    for _ in range(20):
        held.get_frozen_credentials()
    early = min(300, seconds / 4)
    clock.move(seconds=seconds - early - 1)
    held.get_frozen_credentials()
    assert issuer.count == 1
    clock.move(seconds=2)
    held.get_frozen_credentials()
    assert issuer.count == 2


def test_a_short_session_is_renewed_in_its_last_quarter(clock: Clock) -> None:
    issuer = Issuer(clock, 8)
    held = credentials(issuer, clock)
    held.keys()
    clock.move(seconds=5.9)
    held.keys()
    assert issuer.count == 1
    clock.move(seconds=0.2)
    held.keys()
    assert issuer.count == 2


def test_an_early_failure_leaves_the_old_keys_and_is_not_repeated_at_once(clock: Clock) -> None:
    issuer = Issuer(clock)
    held = credentials(issuer, clock)
    held.keys()
    issuer.broken = True
    clock.move(seconds=3400)
    assert [held.keys().access_key_id for _ in range(5)] == ["KEY1"] * 5
    assert issuer.count == 2
    clock.move(seconds=16)
    held.keys()
    assert issuer.count == 3
    issuer.broken = False
    clock.move(seconds=16)
    assert held.keys().access_key_id == "KEY4"


def test_an_early_failure_of_a_short_session_does_not_stretch_its_keys(clock: Clock) -> None:
    issuer = Issuer(clock, 8)
    held = credentials(issuer, clock)
    held.keys()
    issuer.broken = True
    clock.move(seconds=6.1)
    assert held.keys().access_key_id == "KEY1"
    clock.move(seconds=1.2)
    with pytest.raises(AuthError, match="no keys"):
        held.keys()


def test_a_late_failure_is_raised(clock: Clock) -> None:
    issuer = Issuer(clock)
    held = credentials(issuer, clock)
    held.keys()
    issuer.broken = True
    clock.move(seconds=3541)
    with pytest.raises(AuthError, match="no keys"):
        held.keys()


def test_one_thread_issues_for_all(clock: Clock) -> None:
    issuer = Issuer(clock)
    issuer.gate = threading.Event()
    held = credentials(issuer, clock)
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(held.keys) for _ in range(8)]
        issuer.gate.set()
        assert {future.result().access_key_id for future in waiting} == {"KEY1"}
    assert issuer.count == 1


def test_threads_that_waited_for_a_failure_share_it(clock: Clock) -> None:
    issuer = Issuer(clock)
    issuer.gate, issuer.broken = threading.Event(), True
    held = credentials(issuer, clock)
    clock.asked = 0

    def ask() -> str:
        with pytest.raises(AuthError) as caught:
            held.keys()
        return str(caught.value)

    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(ask) for _ in range(8)]
        while clock.asked < 8:  # each looks at the clock once before it asks or waits
            threading.Event().wait(0.001)
        issuer.gate.set()
        assert {future.result() for future in waiting} == {"no keys, attempt 1"}
    assert issuer.count == 1


def test_during_an_early_renewal_others_go_on(clock: Clock) -> None:
    issuer = Issuer(clock)
    held = credentials(issuer, clock)
    held.keys()
    clock.move(seconds=3400)
    issuer.gate = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        renewing = pool.submit(held.keys)
        while issuer.count < 2:
            threading.Event().wait(0.001)
        assert held.keys().access_key_id == "KEY1"
        issuer.gate.set()
        assert renewing.result().access_key_id == "KEY2"


def test_refused_keys_are_replaced_once(clock: Clock) -> None:
    issuer = Issuer(clock)
    held = credentials(issuer, clock)
    held.keys()
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda _: held.renew("KEY1"), range(8)))
    assert issuer.count == 2
    assert held.keys().access_key_id == "KEY2"


def test_keys_that_do_not_change_are_not_worth_a_retry(clock: Clock) -> None:
    fixed = Keys("AKIA", Secret("secret"))
    held = credentials(lambda: fixed, clock)
    held.keys()
    clock.move(days=1000)
    assert held.keys() == fixed
    assert held.renew("AKIA") is False


def test_a_wrong_clock_is_named(clock: Clock) -> None:
    issuer = Issuer(clock, -10)
    with pytest.raises(CredentialsExpiredError, match="just issued ended at") as caught:
        credentials(issuer, clock).keys()
    assert "clock" in (caught.value.hint or "")


def test_hidden_and_not_pickled(clock: Clock) -> None:
    held = credentials(Issuer(clock), clock)
    held.keys()
    assert "canary" not in repr(held) + repr(held.keys()) + str(held.keys())
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(held)
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(held.keys())
