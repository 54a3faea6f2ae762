"""Addresses in evidence: what they carry beside a place is hidden, and places stay as they are."""

from __future__ import annotations

import pytest

from headwater.evidence.places import without_secrets

CANARY = "canary0123"
CARRIED = (
    f"https://b.s3.amazonaws.com/k?X-Amz-Algorithm=AWS4&X-Amz-Signature={CANARY}",
    f"https://b.s3.amazonaws.com/k?X-Amz-Security-Token={CANARY}&X-Amz-Date=1",
    f"s3://b/k?X-Amz-Signature={CANARY}",
    f"https://a.blob.core.windows.net/c/k?sv=2022&sig={CANARY}&se=2030",
    f"abfss://c@a.dfs.core.windows.net/k?sig={CANARY}",
    f"https://storage.googleapis.com/b/k?GoogleAccessId=x&Signature={CANARY}",
    f"https://api.example/rows?{CANARY}",
    f"https://api.example/rows?access_token={CANARY}",
    f"s3://b/k?access_token={CANARY}",
    f"https://user:{CANARY}@api.example/rows",
    f"postgresql://user:{CANARY}@db:5432/x",
    f"AWSAccessKeyId=AKIA&Signature={CANARY}&Expires=1",
)
PLACES = (
    "/data/part?=1.parquet",
    "s3://bucket/dt=2026-01-01/why?.parquet",
    "s3://bucket/a@b/key=1/part-0.parquet",
    "abfss://container@account.dfs.core.windows.net/dir/part.parquet",
    "SELECT a FROM t WHERE key = 'x' AND sig=1",
    "arn:aws:sts::123456789012:assumed-role/reader/session",
)


@pytest.mark.parametrize("text", CARRIED)
def test_what_an_address_carries_is_hidden(text: str) -> None:
    for around in (text, f"SELECT '{text}' AS a", f"it was refused: {text}, again"):
        hidden = without_secrets(around)
        assert CANARY not in hidden
        assert "***" in hidden


@pytest.mark.parametrize("text", PLACES)
def test_a_place_stays_as_it_is(text: str) -> None:
    assert without_secrets(text) == text
