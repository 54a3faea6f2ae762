"""A ledger in S3: what S3 answers, and what becomes of it."""

from __future__ import annotations

import pickle
from datetime import timedelta

import pytest
from core.tests.ledger.entries import entry
from plugins.s3.tests.conftest import REGION, Bucket

import headwater as hw
from headwater.errors import AccessDeniedError, ConfigError, LedgerMovedError, UnsupportedError
from headwater_aws.auth.static import StaticKeys
from headwater_s3 import S3LedgerStore


def allow(*actions: str, resource: str = "arn:aws:s3:::lake/*") -> dict[str, object]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource}


@pytest.fixture
def store(bucket: Bucket) -> S3LedgerStore:
    return of(
        bucket, allow("s3:GetObject", "s3:PutObject"),
        allow("s3:ListBucket", resource="arn:aws:s3:::lake"),
    )  # fmt: skip


def of(bucket: Bucket, *statements: dict[str, object]) -> S3LedgerStore:
    keys = bucket.keys({"Version": "2012-10-17", "Statement": list(statements)})
    return S3LedgerStore(
        uri="s3://lake/state/headwater.ledger", region=REGION, auth=keys,
        endpoint_url=bucket.aws.endpoint_url,
    )  # fmt: skip


def commit(ledger: hw.Ledger, day: int, generation: int = 1) -> None:
    new = entry(day, generation)
    ledger.commit(new, ledger.entries.get(new.window_key))


def puts(bucket: Bucket) -> int:
    return len(bucket.aws.requests.select("s3:PutObject"))


def test_a_ledger_is_kept_in_an_object(store: S3LedgerStore, bucket: Bucket) -> None:
    ledger = hw.Ledger.load(store)
    commit(ledger, 1)
    commit(ledger, 0)
    content = bucket.s3.get_object(Bucket="lake", Key="state/headwater.ledger")["Body"].read()
    assert hw.Ledger.from_bytes(content).keys() == ledger.keys()
    assert hw.Ledger.load(store).version == 2


def test_windows_handed_over_together_are_one_request(store: S3LedgerStore, bucket: Bucket) -> None:
    ledger = hw.Ledger.load(store)
    before = puts(bucket)
    with ledger.batch():
        for day in range(50):
            commit(ledger, day)
    assert puts(bucket) == before + 1
    assert len(hw.Ledger.load(store)) == 50


def test_a_ledger_is_sent_as_its_store_and_keys_stay_here(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = bucket.everything()
    key, secret = everything["AWS_ACCESS_KEY_ID"], everything["AWS_SECRET_ACCESS_KEY"]
    auth = StaticKeys(access_key_id=key, secret_access_key=hw.Secret(secret))
    store = S3LedgerStore(
        uri="s3://lake/state/headwater.ledger", region=REGION, auth=auth,
        endpoint_url=bucket.aws.endpoint_url,
    )  # fmt: skip
    ledger = hw.Ledger.load(store)
    commit(ledger, 1)
    with pytest.raises(UnsupportedError, match="a Secret is not pickled") as caught:
        pickle.dumps(ledger)
    assert secret not in f"{caught.value} {caught.value.hint} {caught.value.__cause__!r}"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    sent = pickle.dumps(hw.Ledger.load(store.model_copy(update={"auth": None})))
    assert secret.encode() not in sent
    commit(ledger, 2)
    there = pickle.loads(sent)
    assert there.keys() == ledger.keys(), "it is loaded there, as it is by then"
    commit(there, 3)
    assert len(hw.Ledger.load(store)) == 3


def test_two_runners_take_turns(store: S3LedgerStore) -> None:
    one, two = hw.Ledger.load(store), hw.Ledger.load(store)
    commit(one, 1)
    commit(two, 2)
    commit(one, 3)
    assert len(hw.Ledger.load(store)) == 3
    with pytest.raises(LedgerMovedError):
        two.commit(entry(3, 1, end=entry(3).end + timedelta(days=1)), None)


def test_a_save_that_meets_another_is_tried_again(store: S3LedgerStore, bucket: Bucket) -> None:
    """409: S3 had a deletion or another write under way."""
    ledger = hw.Ledger.load(store)
    commit(ledger, 1)
    bucket.aws.faults.fail("s3:PutObject", 409, 2, code="ConditionalRequestConflict")
    commit(ledger, 2)
    assert len(hw.Ledger.load(store)) == 2


def test_a_save_whose_answer_is_lost_is_not_taken_for_somebody_elses(
    store: S3LedgerStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client tries again by itself, and S3 says that somebody was faster: it was itself."""
    save = S3LedgerStore.save

    def twice(self: S3LedgerStore, content: bytes, expected_mark: str | None) -> str:
        save(self, content, expected_mark)
        return save(self, content, expected_mark)

    ledger = hw.Ledger.load(store)
    monkeypatch.setattr(S3LedgerStore, "save", twice)
    commit(ledger, 0)
    commit(ledger, 1)
    monkeypatch.undo()
    assert hw.Ledger.load(store).keys() == ledger.keys()
    assert len(ledger) == ledger.version == 2


def test_an_object_that_somebody_deleted_is_told_and_loaded_again(
    store: S3LedgerStore, bucket: Bucket
) -> None:
    ledger = hw.Ledger.load(store)
    commit(ledger, 1)
    bucket.s3.delete_object(Bucket="lake", Key="state/headwater.ledger")
    with pytest.raises(LedgerMovedError):
        commit(ledger, 1, 2)
    commit(ledger, 2)
    assert list(hw.Ledger.load(store).keys()) == [entry(2).window_key]


def test_who_may_not_list_is_not_told_that_nothing_is_there(bucket: Bucket) -> None:
    with pytest.raises(AccessDeniedError):
        hw.Ledger.load(of(bucket, allow("s3:GetObject", "s3:PutObject")))


def test_who_may_not_write_is_told_what_for(bucket: Bucket) -> None:
    listed = allow("s3:ListBucket", resource="arn:aws:s3:::lake")
    ledger = hw.Ledger.load(of(bucket, allow("s3:GetObject"), listed))
    with pytest.raises(AccessDeniedError, match=r"save the ledger s3://lake/state") as caught:
        commit(ledger, 1)
    assert caught.value.action == "s3:PutObject"
    assert ledger.keys() == {}


@pytest.mark.parametrize("uri", ["s3://lake", "s3://lake/", "s3://lake/state/", "lake/ledger"])
def test_a_place_that_is_no_object_is_refused(uri: str) -> None:
    with pytest.raises(ConfigError):
        S3LedgerStore(uri=uri)
