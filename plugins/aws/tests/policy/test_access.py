from __future__ import annotations

from typing import Any

import pytest

from headwater.auth.credentials import Permission
from headwater_aws.policy.access import access_policy, sharing, size_note, standing

ROLE = "arn:aws:iam::123456789012:role/monitoring"


def listing(bucket: str, *prefixes: str) -> Permission:
    return Permission(
        "s3:ListBucket", (f"arn:aws:s3:::{bucket}",), {"StringLike": {"s3:prefix": [*prefixes]}}
    )


def objects(*places: str) -> Permission:
    return Permission("s3:GetObject", tuple(f"arn:aws:s3:::{place}" for place in places))


@pytest.mark.parametrize(
    ("places", "locations", "expected"),
    [
        (["lake/w/t/dt=1/*", "lake/w/t/dt=2/*"], ["s3://lake/w/t"], ["lake/w/t/*"]),
        (["lake/w/t/2026/01/*"], ["s3a://lake/w/t/"], ["lake/w/t/*"]),
        (["lake/w/t2/dt=1/*"], ["s3://lake/w/t"], ["lake/w/t2/*"]),
        (["lake/w/t/a=1/b=2/*"], [], ["lake/w/t/*"]),
        (["lake/w/t/2026/*"], [], ["lake/w/t/2026/*"]),
        (["lake/*"], ["s3://lake/"], ["lake/*"]),
        (["other/x/dt=1/*"], ["s3://lake/w/t"], ["other/x/*"]),
    ],
)
def test_prefixes_are_those_of_tables(
    places: list[str], locations: list[str], expected: list[str]
) -> None:
    assert standing([objects(*places)], locations) == (objects(*expected),)


def test_listing_follows_its_bucket() -> None:
    wanted = [listing("lake", "w/t/dt=1/*", "w/t/dt=2/*"), listing("lake", "w/t/dt=3/*")]
    assert standing(wanted, ["s3://lake/w/t"]) == (listing("lake", "w/t/*"),)


def test_the_same_permissions_give_the_same_policy() -> None:
    wanted = [listing("lake", "a/*"), objects("lake/a/*"), objects("lake/b/*")]
    assert access_policy(wanted) == access_policy(reversed(wanted))
    assert access_policy(wanted)["Statement"][0] == {
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": ["arn:aws:s3:::lake/a/*", "arn:aws:s3:::lake/b/*"],
    }


@pytest.mark.parametrize(
    ("count", "says"), [(10, None), (150, "attach it inline"), (300, "split it")]
)
def test_large_policies_are_told(count: int, says: str | None) -> None:
    policy = access_policy(
        [objects(*(f"lake/a-rather-long-prefix/{n:04}/*" for n in range(count)))]
    )
    note = size_note(policy)
    assert (note is None) if says is None else (says in (note or ""))


class TestSharing:
    def test_another_accounts_catalog(self) -> None:
        table = "arn:aws:glue:us-east-1:210987654321:table/db/t"
        own = "arn:aws:glue:us-east-1:123456789012:catalog"
        (shared,) = sharing([Permission("glue:GetTable", (own, table))], ROLE)
        assert shared.what == "Glue catalog of account 210987654321"
        assert "put-resource-policy" in shared.how
        assert shared.document["Statement"] == [
            {
                "Effect": "Allow",
                "Principal": {"AWS": ROLE},
                "Action": "glue:GetTable",
                "Resource": table,
            }
        ]

    def test_buckets_and_keys(self) -> None:
        key = "arn:aws:kms:us-east-1:210987654321:key/k"
        wanted = [listing("lake", "a/*"), objects("lake/a/*"), Permission("kms:Decrypt", (key,))]
        on_key, on_bucket = sharing(wanted, ROLE)
        assert on_key.when.startswith("always: the key belongs to another account")
        assert on_key.document["Statement"][0]["Resource"] == "*"
        assert on_bucket.what == "bucket lake"
        actions: list[Any] = [s["Action"] for s in on_bucket.document["Statement"]]
        assert actions == ["s3:GetObject", "s3:ListBucket"]
        assert on_bucket.to_dict()["policy"] == on_bucket.document

    def test_nothing_to_share(self) -> None:
        own = Permission("glue:GetDatabase", ("arn:aws:glue:us-east-1:123456789012:catalog",))
        assert sharing([own], ROLE) == ()
