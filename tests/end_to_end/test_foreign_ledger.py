"""A ledger in an S3 that is not ours: ministack's conditional writes, as `S3LedgerStore` asks them.

Our emulator answers 412, 404 and 409 as S3's documentation has them; that it was read rightly is
what another reader of the same pages says here.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from core.tests.ledger.entries import entry
from tests.foreign_servers import ForeignServer, ministack, needs_ministack

import headwater as hw
from headwater.auth.credentials import Secret
from headwater.errors import LedgerMovedError
from headwater.interfaces.ledger_store import LedgerStore
from headwater.testing import LedgerStoreContract
from headwater_aws import StaticKeys
from headwater_s3 import S3LedgerStore

pytestmark = [pytest.mark.slow, needs_ministack]
REGION = "us-east-1"
RUNNERS, WINDOWS = 2, 25


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForeignServer]:
    with ministack(tmp_path_factory.mktemp("ministack")) as started:
        started.client("s3").create_bucket(Bucket="state")
        yield started


def store_of(server: ForeignServer, uri: str | None = None) -> S3LedgerStore:
    return S3LedgerStore(
        uri=uri or f"s3://state/{uuid.uuid4()}",
        region=REGION,
        auth=StaticKeys(access_key_id="test", secret_access_key=Secret("test")),
        endpoint_url=server.endpoint_url,
    )


class TestElsewhere(LedgerStoreContract):
    @pytest.fixture
    def store(self, elsewhere: ForeignServer) -> LedgerStore:
        return store_of(elsewhere)

    @pytest.fixture
    def hidden_store(self, elsewhere: ForeignServer) -> LedgerStore:
        return store_of(elsewhere, "s3://nobody-made-this/ledger")


def test_only_what_was_loaded_is_replaced(elsewhere: ForeignServer) -> None:
    store = store_of(elsewhere)
    assert store.load() == (b"", None)
    first = store.save(b"one\n", None)
    with pytest.raises(LedgerMovedError):
        store.save(b"two\n", None)  # If-None-Match: *, and it is there: 412
    second = store.save(b"two\n", first)
    assert store.load() == (b"two\n", second)
    with pytest.raises(LedgerMovedError):
        store.save(b"three\n", first)  # If-Match of what it was: 412
    bucket, key = store.uri.removeprefix("s3://").split("/")
    elsewhere.client("s3").delete_object(Bucket=bucket, Key=key)
    with pytest.raises(LedgerMovedError):
        store.save(b"three\n", second)  # If-Match, and nothing is there: 404
    assert store.load() == (b"", None)


def test_what_is_known_of_files_is_kept_beside(elsewhere: ForeignServer) -> None:
    store = store_of(elsewhere)
    assert store.load_files() == b""
    store.save_files(b"known\n")
    assert store.load_files() == b"known\n"
    assert store.load() == (b"", None)


def test_two_runners_at_once_end_with_one_right_ledger(elsewhere: ForeignServer) -> None:
    store = store_of(elsewhere)

    def run(number: int) -> None:
        ledger = hw.Ledger.load(store)
        for day in range(number, RUNNERS * WINDOWS, RUNNERS):
            ledger.commit(entry(day, 1), None)

    with ThreadPoolExecutor(RUNNERS) as pool:
        list(pool.map(run, range(RUNNERS)))
    kept = hw.Ledger.load(store)
    assert len(kept) == kept.version == RUNNERS * WINDOWS


def test_of_two_runners_over_one_window_the_second_is_told(elsewhere: ForeignServer) -> None:
    store = store_of(elsewhere)
    one, two = hw.Ledger.load(store), hw.Ledger.load(store)
    one.commit(entry(1, 1), None)
    with pytest.raises(LedgerMovedError):
        two.commit(entry(1, 1, end=entry(1).end + timedelta(days=1)), None)
    assert hw.Ledger.load(store).keys() == one.keys()
