from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plugins.aws.tests.support import oidc_role, opened

from headwater.errors import AccessDeniedError, ConfigError, SourceError
from headwater_aws import list_files, list_many
from headwater_aws.listing import is_data, parse_uri
from headwater_aws.testing import Emulator


@pytest.fixture
def put(aws: Emulator) -> Callable[..., None]:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="lake")

    def put(*keys: str, body: bytes = b"x") -> None:
        for key in keys:
            s3.put_object(Bucket="lake", Key=key, Body=body)

    return put


def names(objects: Any) -> list[str]:
    return [o.uri.removeprefix("s3://lake/") for o in objects]


def listings(aws: Emulator) -> list[Any]:
    return [r for r in aws.requests if r.action == "ListObjectsV2"]


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        ("s3://b", ("b", "")),
        ("s3://b/", ("b", "")),
        ("s3a://b/a b/ü%20+", ("b", "a b/ü%20+")),
        ("s3n://b/x//y/", ("b", "x//y/")),
    ],
)
def test_uris(uri: str, place: tuple[str, str]) -> None:
    assert parse_uri(uri) == place


@pytest.mark.parametrize("uri", ["", "lake/x", "s3:/lake", "https://lake/x", "s3:///x"])
def test_what_is_no_uri(uri: str) -> None:
    with pytest.raises(ConfigError, match="is not an S3 location"):
        parse_uri(uri)


@pytest.mark.parametrize(
    ("key", "size", "expected"),
    [
        ("t/a.parquet", 1, True),
        ("t/a.parquet", 0, False),
        ("t/d/", 1, False),
        ("t/_SUCCESS", 1, False),
        ("t/.crc", 1, False),
        ("t/_temporary/0/a", 1, False),
        ("t/.hoodie/a", 1, False),
        ("t/_delta_log/0.json", 1, False),
        ("t/_c=1/a", 1, True),
        ("t/dt=1/a", 1, True),
        ("t/a_b.parquet", 1, True),
    ],
)
def test_what_holds_rows(key: str, size: int, expected: bool) -> None:
    assert is_data(key, "t/", size) is expected


def test_hidden_above_the_location_does_not_count() -> None:
    assert is_data("_raw/.x/a", "_raw/.x/", 1)


def test_lists_a_location(aws: Emulator, put: Callable[..., None]) -> None:
    put("t/b.parquet", "t/dt=1/a.parquet", "t/_SUCCESS", "t/.tmp/x", "t2/no", "t/ü +%/x", "top")
    put("t/empty.parquet", "t/dt=2/", body=b"")
    with opened(aws) as session:
        assert names(list_files(session, "s3://lake/t")) == [
            "t/b.parquet",
            "t/dt=1/a.parquet",
            "t/ü +%/x",
        ]
        assert names(list_files(session, "s3a://lake/t/", recursive=False)) == ["t/b.parquet"]
        assert names(list_files(session, "s3://lake/t/ü +%")) == ["t/ü +%/x"]
        assert len(names(list_files(session, "s3://lake"))) == 5
        assert names(list_files(session, "s3://lake/top")) == ["top"]
        assert names(list_files(session, "s3://lake/missing")) == []
        (one,) = list_files(session, "s3://lake/t/dt=1")
    assert one.size == 1
    assert one.modified.tzinfo is not None
    assert one.etag == "9dd4e461268c8034f5c8564e155c67a6"


def test_a_prefix_is_a_directory(aws: Emulator, put: Callable[..., None]) -> None:
    put("t/dt=1/a", "t/dt=10/b")
    with opened(aws) as session:
        assert names(list_files(session, "s3://lake/t/dt=1")) == ["t/dt=1/a"]
        found = list_many(session, ["s3://lake/t/dt=1", "s3://lake/t/dt=10"])
    assert names(found["s3://lake/t/dt=1"]) == ["t/dt=1/a"]
    assert names(found["s3://lake/t/dt=10"]) == ["t/dt=10/b"]


def test_a_missing_bucket_is_named(aws: Emulator) -> None:
    with opened(aws) as session, pytest.raises(SourceError, match="s3://gone/t/") as caught:
        list(list_files(session, "s3://gone/t"))
    assert caught.value.code == "not-found"


def test_a_denied_listing_names_caller_action_and_bucket(
    aws: Emulator, put: Callable[..., None]
) -> None:
    only_here = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "s3:ListBucket",
                "Resource": "arn:aws:s3:::lake",
                "Condition": {"StringLike": {"s3:prefix": ["t/*"]}},
            }
        ],
    }
    role = aws.create_oidc_role(subject="me", policy=only_here)
    with opened(aws, oidc_role(aws, role)) as session:
        assert list(list_files(session, "s3://lake/t")) == []
        with pytest.raises(AccessDeniedError) as caught:
            list(list_files(session, "s3://lake/secret"))
    told = str(caught.value)
    assert "can't list s3://lake/secret/" in told
    assert "assumed-role/monitoring/headwater may not s3:ListBucket on arn:aws:s3:::lake" in told
    assert '"Action": "s3:ListBucket"' in told


class TestMany:
    def test_a_years_partitions_cost_few_calls(
        self, aws: Emulator, put: Callable[..., None]
    ) -> None:
        keys = [f"t/year=2021/month={m:02}/day={d:02}/a" for m in range(1, 13) for d in (1, 2, 3)]
        put(*keys)
        uris = [f"s3://lake/{key[:-2]}" for key in keys]
        with opened(aws) as session:
            found = list_many(session, uris, threads=4)
            # One page holds them all, where listing one by one took 36 calls.
            assert len(listings(aws)) == 1
            # Where one does not, a walk for each thread goes on.
            assert list_many(session, uris, threads=4, page_size=10) == found
            assert len(listings(aws)) == 1 + 1 + 4
        assert list(found) == uris
        assert [names(files) for files in found.values()] == [[key] for key in keys]
        assert {r.parameters["prefix"] for r in listings(aws)} >= {"t/year=2021/"}

    def test_few_of_many_jumps_over_the_rest(self, aws: Emulator, put: Callable[..., None]) -> None:
        put(*(f"t/dt={d:02}/{f}" for d in range(12) for f in "abc"))
        uris = [f"s3://lake/t/dt={d:02}/" for d in (1, 2, 9, 11)]
        with opened(aws) as session:
            found = list_many(session, uris, threads=1, page_size=4)
        assert [len(files) for files in found.values()] == [3, 3, 3, 3]
        assert len(listings(aws)) <= 5

    def test_where_little_is_wanted_it_lists_one_by_one(
        self, aws: Emulator, put: Callable[..., None]
    ) -> None:
        put(*(f"t/dt={d:03}/a" for d in range(120)))
        uris = [f"s3://lake/t/dt={d:03}/" for d in (0, 60, 119)]
        with opened(aws) as session:
            found = list_many(session, uris, threads=1, page_size=50)
        assert [len(files) for files in found.values()] == [1, 1, 1]
        assert [r.parameters["prefix"] for r in listings(aws)] == [
            "t/",
            "t/dt=060/",
            "t/dt=119/",
        ]

    def test_a_policy_for_each_partition_is_enough(
        self, aws: Emulator, put: Callable[..., None]
    ) -> None:
        put("t/dt=1/a", "t/dt=2/b")
        each = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": "s3:ListBucket",
                    "Resource": "arn:aws:s3:::lake",
                    "Condition": {"StringLike": {"s3:prefix": ["t/dt=1/*", "t/dt=2/*"]}},
                }
            ],
        }
        role = aws.create_oidc_role(subject="me", policy=each)
        uris = ["s3://lake/t/dt=1", "s3://lake/t/dt=2"]
        with opened(aws, oidc_role(aws, role)) as session:
            found = list_many(session, uris, threads=1)
            assert [names(files) for files in found.values()] == [["t/dt=1/a"], ["t/dt=2/b"]]
            with pytest.raises(AccessDeniedError, match="t/dt=3"):
                list_many(session, [*uris, "s3://lake/t/dt=3"], threads=1)

    def test_missing_files_buckets_and_spellings(
        self, aws: Emulator, put: Callable[..., None]
    ) -> None:
        put("t/dt=1/a", "t/dt=1/deep/b", "t/one.csv")
        aws.client("s3").create_bucket(Bucket="other")
        uris = [
            "s3://lake/t/dt=1",
            "s3a://lake/t/dt=1/",
            "s3://lake/t/dt=1/deep",
            "s3://lake/t/dt=9",
            "s3://lake/t/one.csv",
            "s3://other/x",
            "s3://lake",
        ]
        with opened(aws) as session:
            found = list_many(session, uris, threads=2)
            assert list_many(session, []) == {}
        assert [names(found[uri]) for uri in uris] == [
            ["t/dt=1/a", "t/dt=1/deep/b"],
            ["t/dt=1/a", "t/dt=1/deep/b"],
            ["t/dt=1/deep/b"],
            [],
            ["t/one.csv"],
            [],
            ["t/dt=1/a", "t/dt=1/deep/b", "t/one.csv"],
        ]

    def test_a_failure_stops_it(self, aws: Emulator, put: Callable[..., None]) -> None:
        put("t/dt=1/a")
        with opened(aws) as session, pytest.raises(SourceError, match="s3://gone/"):
            list_many(session, ["s3://lake/t/dt=1", "s3://gone/x", "s3://lake/t/dt=2"])

    def test_expiry_in_the_middle(self, aws: Emulator, put: Callable[..., None]) -> None:
        put(*(f"t/dt={d:02}/{f}" for d in range(10) for f in "ab"))
        with opened(aws) as session:
            session.client("s3").list_objects_v2(Bucket="lake")
            aws.faults.expire_now()
            uris = [f"s3://lake/t/dt={d:02}" for d in range(10)]
            found = list_many(session, uris, threads=3, page_size=5)
        assert sum(map(len, found.values())) == 20


_segment = st.sampled_from(["a", "b", "a=1", "a=10", "_x", ".y", "z!", "ü"])
_keys = st.lists(st.lists(_segment, min_size=1, max_size=4).map("/".join), max_size=25, unique=True)
_places = st.lists(
    st.lists(_segment, min_size=1, max_size=3).map("/".join), min_size=1, max_size=6, unique=True
)


def filled(s3: Any, keys: list[str]) -> str:
    """Return the name of a new bucket that holds these keys."""
    bucket = f"lake-{uuid4()}"
    s3.create_bucket(Bucket=bucket)
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    return bucket


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(keys=_keys, places=_places, page=st.sampled_from([1, 2, 3, 1000]), threads=st.integers(1, 3))
def test_many_is_the_same_as_each(
    keys: list[str], places: list[str], page: int, threads: int, listing_session: Any
) -> None:
    session, s3 = listing_session
    bucket = filled(s3, keys)
    uris = [f"s3://{bucket}/{place}" for place in places]
    found = list_many(session, uris, threads=threads, page_size=page)
    assert found == {uri: tuple(list_files(session, uri)) for uri in uris}


@pytest.fixture
def listing_session(aws: Emulator, put: Callable[..., None]) -> Any:
    with opened(aws) as session:
        yield session, aws.client("s3")
