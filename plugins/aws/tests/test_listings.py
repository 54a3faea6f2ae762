"""Listings of one operation: the same as each place listed anew, in fewer calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plugins.aws.tests.support import opened
from plugins.aws.tests.test_listing import _keys, _places, filled, listing_session, names, put

from headwater.auth.operation_cache import OperationCache
from headwater.lakes.layout import DIRECTORIES
from headwater_aws import list_files
from headwater_aws.lakes.markers import lake_at
from headwater_aws.listings import Listings
from headwater_aws.session import AwsSession
from headwater_aws.testing import Emulator

__all__ = ["listing_session", "put"]


def kept(session: AwsSession, page_size: int = 1000) -> Listings:
    return Listings(session, OperationCache(), "lake", page_size=page_size)


def asked(aws: Emulator) -> list[str]:
    found = [r.parameters["prefix"] for r in aws.requests if r.action == "ListObjectsV2"]
    aws.requests.clear()
    return found


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(keys=_keys, places=_places, page=st.sampled_from([1, 2, 3, 1000]), slash=st.booleans())
def test_they_are_what_each_listing_is(
    keys: list[str], places: list[str], page: int, slash: bool, listing_session: Any
) -> None:
    session, s3 = listing_session
    bucket = filled(s3, keys)
    uris = [f"s3://{bucket}/{place}{'/' if slash else ''}" for place in places]
    each = {uri: tuple(list_files(session, uri)) for uri in uris}
    listings = kept(session, page)
    half = uris[: len(uris) // 2]
    assert listings.files(half) == {uri: each[uri] for uri in half}
    assert listings.files(uris) == each
    assert {uri: tuple(listings.some_files(uri)) for uri in uris} == each
    for prefix in ("", *(f"{place}/" for place in places)):
        whole = listings.whole(bucket, prefix)
        assert whole is None or list(whole) == sorted(k for k in keys if k.startswith(prefix))


def test_a_small_table_takes_one_call_whatever_is_asked_of_it(
    aws: Emulator, put: Callable[..., None]
) -> None:
    put(*(f"t/dt={d}/a.parquet" for d in range(9)), "t/dt=3/_x", "t/_SUCCESS")
    with opened(aws) as session:
        listings = kept(session)
        asked(aws)
        first = listings.files([f"s3://lake/t/dt={d}" for d in (2, 3, 4)])
        assert [names(found) for found in first.values()] == [
            [f"t/dt={d}/a.parquet"] for d in (2, 3, 4)
        ]
        listings.files([f"s3a://lake/t/dt={d}/" for d in range(9)])
        assert names(listings.some_files("s3://lake/t/dt=8/")) == ["t/dt=8/a.parquet"]
        assert len(list(listings.some_files("s3://lake/t/"))) == 9
        assert lake_at(listings, "s3://lake/t", ["s3://lake/t/dt=2"]) is None
        assert asked(aws) == ["t/"]
        kept(session).files(["s3://lake/t/dt=2", "s3://lake/t/dt=3"])
        assert asked(aws) == ["t/"]


def test_a_large_table_is_looked_at_once_and_its_places_are_kept(
    aws: Emulator, put: Callable[..., None]
) -> None:
    put(*(f"t/dt={d:02}/{name}" for d in range(12) for name in "abc"))
    with opened(aws) as session:
        listings = kept(session, page_size=5)
        asked(aws)
        wanted = [f"s3://lake/t/dt={d:02}/" for d in (9, 10)]
        assert [len(found) for found in listings.files(wanted).values()] == [3, 3]
        assert asked(aws)[0] == "t/"
        listings.files(wanted)
        listings.files(wanted[:1])
        assert asked(aws) == []


@pytest.mark.parametrize("marker", DIRECTORIES)
@pytest.mark.parametrize("page_size", [1000, 2])
def test_a_lake_is_told_from_what_was_listed_as_from_a_look(
    aws: Emulator, put: Callable[..., None], marker: str, page_size: int
) -> None:
    put("t/dt=1/a.parquet", "t/dt=2/a.parquet", f"t/{marker}/v1.metadata.json")
    with opened(aws) as session:
        looked = lake_at(kept(session), "s3://lake/t/", ["s3://lake/t/dt=1"])
        listings = kept(session, page_size)
        listings.files(["s3://lake/t/dt=1", "s3://lake/t/dt=2"])
        assert looked is not None
        assert lake_at(listings, "s3://lake/t/", ["s3://lake/t/dt=1"]) == looked
        assert looked.kind == DIRECTORIES[marker]
