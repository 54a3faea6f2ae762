"""Places: what is surely of a store, what is looked at, and what is refused."""

from __future__ import annotations

import re

import pytest

from headwater.errors import UnsupportedError
from headwater.lakes.places import Store, odd, store_of

S3 = Store("s3")
LOCAL = Store("file", root="/data/t")
HDFS = Store("hdfs", "nn:8020")


@pytest.mark.parametrize(
    ("store", "uri", "path"),
    [
        (S3, "s3://lake/a/b.parquet", "lake/a/b.parquet"),
        (S3, "s3a://lake/a b/é%3A.parquet", "lake/a b/é%3A.parquet"),
        (S3, "s3n://my.old_bucket/k", "my.old_bucket/k"),
        (S3, "s3://lake/a//b", "lake/a//b"),
        (S3, "s3://lake/..a/b..", "lake/..a/b.."),
        (LOCAL, "/data/t/x", "/data/t/x"),
        (LOCAL, "file:///data/t/x", "/data/t/x"),
        (LOCAL, "file:/data/t/x", "/data/t/x"),
        (HDFS, "hdfs://nn:8020/x", "/x"),
    ],
)
def test_what_is_of_a_store(store: Store, uri: str, path: str) -> None:
    assert store.path(uri, "a file", "db.t") == path


ELSEWHERE = [
    (S3, "file:///x"),
    (S3, "/x"),
    (S3, "S3://lake/x"),
    (S3, "s3://la..ke/x"),
    (S3, "s3://a/x"),
    (S3, "s3://lake@evil/x"),
    (S3, "s3://lake:80/x"),
    (S3, "s3://lake/a?b"),
    (S3, "s3://lake/a#b"),
    (S3, "s3://lake/%2e%2e/b"),
    (S3, "s3://lake/%252e%252e/b"),
    (S3, "s3://lake/a\\..\\b"),
    (S3, "s3://lake/a%00"),
    (S3, "s3://lake\n/a"),
    (S3, " s3://lake/a"),
    (S3, ""),
    (LOCAL, "/data/t"),
    (LOCAL, "/data/tt/x"),
    (LOCAL, "/etc/passwd"),
    (LOCAL, "/data/t/../x"),
    (LOCAL, "file://host/data/t/x"),
    (LOCAL, "FILE:///data/t/x"),
    (LOCAL, "s3://data/t/x"),
    (HDFS, "hdfs://other:8020/x"),
    (HDFS, "hdfs:///x"),
    (HDFS, "file:///x"),
]


@pytest.mark.parametrize(("store", "uri"), ELSEWHERE)
def test_what_is_not(store: Store, uri: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        store.path(uri, "a file", "db.t")
    assert caught.value.code == "foreign-place"
    assert "table db.t: a file is" in caught.value.message
    assert not re.fullmatch(store.plain, uri)


def test_what_is_surely_of_a_store_is_of_it() -> None:
    pieces = ["a", "b.c", "..", ".", "%2e", "%2E%2e", "%5c", "", "é", "a b", "\\", "?", "#", "%3A"]
    sure = 0
    for store, start in ((S3, "s3://lake"), (LOCAL, "file:///data/t"), (HDFS, "hdfs://nn:8020")):
        for one in pieces:
            for two in pieces:
                uri = f"{start}/{one}/{two}"
                if re.fullmatch(store.plain, uri):
                    sure += 1
                    store.path(uri, "a file", "db.t")
    assert sure > 60


@pytest.mark.parametrize(
    ("place", "store"),
    [
        ("s3a://lake/t/metadata/1.json", S3),
        ("/data/t/metadata/1.json", LOCAL),
        ("file:///data/t/metadata/1.json", LOCAL),
        ("/data/t/1.json", LOCAL),
        ("hdfs://nn:8020/t/metadata/1.json", HDFS),
    ],
)
def test_a_tables_store_follows_from_its_metadatas_place(place: str, store: Store) -> None:
    assert store_of(place) == store


def test_a_long_place_is_cut_in_messages() -> None:
    with pytest.raises(UnsupportedError) as caught:
        S3.path("file:///" + "x" * 10_000, "a file", "db.t")
    assert len(caught.value.message) < 400


def test_steps_and_control_characters_are_odd_in_any_spelling() -> None:
    assert [odd(p) is None for p in ("a/b", "a/..b", "a/%2e%2eb", "a%20b", "..")] == [
        True, True, True, True, False,
    ]  # fmt: skip
