"""`headwater init --from s3://...`: a configuration proposed for files that lie in a bucket."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
import yaml
from plugins.s3.tests.conftest import REGION, Bucket

from headwater.cli.main import run


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        ("s3://lake/log/", "s3://lake/log/"),
        ("s3:s3://lake/log/dt=*/*.parquet", "s3://lake/log/dt=*/*.parquet"),
    ],
)
def test_what_is_proposed_for_a_bucket_works(
    bucket: Bucket, asked: str, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in (1, 2, 3):
        start = datetime(2026, 1, day, 1, tzinfo=UTC)
        times = pa.array([start, start + timedelta(hours=20)], pa.timestamp("us", "UTC"))
        rows = pa.table(
            {"event_id": [f"{day}a", f"{day}b"], "event_time": times, "score": [0.1, 0.2]}
        )
        bucket.write(f"log/dt=2026-01-{day:02}/part.parquet", rows)
    key, secret = bucket.aws.create_user_keys()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    monkeypatch.chdir(tmp_path)
    address = ("--region", REGION, "--endpoint-url", bucket.aws.endpoint_url)
    assert run(["init", "new.yaml", "--from", asked, *address]) == 0
    (model,) = yaml.safe_load(Path("new.yaml").read_text())["models"].values()
    source = model["versions"]["v1"]["serving"]["source"]
    assert source["path"] == path
    assert source["partitions"]["data"]["keys"] == {"dt": "yyyy-MM-dd"}
    assert run(["check", "--config", "new.yaml"]) == 0
