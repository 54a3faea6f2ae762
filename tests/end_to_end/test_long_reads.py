"""Reads that outlive their credentials: the embedded engine goes on, or says why it can't."""

from __future__ import annotations

import io
import random
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.end_to_end.conftest import ACCOUNT, REGION, SUBJECT

import headwater as hw
from headwater.engines.embedded import EmbeddedEngine
from headwater.errors import HeadwaterError
from headwater_aws.testing import Emulator
from headwater_glue import OidcRole
from headwater_s3 import S3DataSource

FILES = 40
ROWS = 20_000
"""So many that a file's rows do not come with its footer: each is asked for in its turn."""
START = datetime(2026, 1, 1, tzinfo=UTC)


def file(number: int) -> bytes:
    """One file of a log; its rows are of its own hour."""
    start = START + timedelta(hours=number)
    table = pa.table(
        {
            "pid": [f"f{number}-{n}" for n in range(ROWS)],
            "at": pa.array(
                [start + timedelta(seconds=n / 10) for n in range(ROWS)],
                pa.timestamp("us", tz="UTC"),
            ),
            "score": [random.random() for _ in range(ROWS)],
        }
    )
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


@pytest.fixture
def log(aws: Emulator) -> Emulator:
    """An account whose bucket holds a log of many files, each of which takes a while to read."""
    s3 = aws.client("s3", account_id=ACCOUNT, region=REGION)
    s3.create_bucket(Bucket="lake")
    for number in range(FILES):
        s3.put_object(Bucket="lake", Key=f"log/{number:03}.parquet", Body=file(number))
    return aws


Connect = Callable[[Any], hw.Connection]


@pytest.fixture
def connect(log: Emulator, monkeypatch: pytest.MonkeyPatch):
    """Connects the log as a role, for an engine that reads one file after the other."""
    monkeypatch.setattr("headwater.engines.embedded.fetched_shares._THREADS", 1)
    monkeypatch.setattr("headwater.engines.embedded.fetched_shares.AHEAD", 2**20)
    monkeypatch.setattr("headwater.engines.embedded.shares.MOST", 2**18)
    role = log.create_oidc_role(account_id=ACCOUNT, name="monitoring", subject=SUBJECT)
    with hw.Workspace(engine="embedded") as workspace:
        workspace.use_engine(EmbeddedEngine(threads=1))
        workspace.create_model("m")
        version = workspace.create_model_version(
            "m", "v1", "regression", predictions={"score": "numeric"}
        )

        def connect(token: Any) -> hw.Connection:
            source = S3DataSource(
                path="s3://lake/log/",
                region=REGION,
                endpoint_url=log.endpoint_url,
                auth=OidcRole(role_arn=role, token=token),
            )
            return version.connect_serving(source, "pid", "at")

        yield connect


@pytest.mark.slow
def test_a_read_outlives_its_credentials_three_times_and_is_right_to_the_row(
    log: Emulator, connect: Connect
) -> None:
    life = 3.0
    log.faults.shorten_sessions(life)
    data = connect(lambda: log.issuer.token(sub=SUBJECT)).read()
    log.faults.slow("s3:*Object", seconds=0.7)
    log.requests.clear()
    began = time.monotonic()
    ids = data.to_arrow()["id"].to_pylist()
    assert time.monotonic() - began > 3 * life
    assert sorted(ids) == sorted(f"f{f}-{n}" for f in range(FILES) for n in range(ROWS))
    assert len(log.requests.select("sts:AssumeRoleWithWebIdentity")) > 3
    assert {r.status for r in log.requests.select("s3:GetObject")} <= {200, 206}


@pytest.mark.slow
def test_a_token_file_that_vanishes_is_named_and_no_output_is_left(
    log: Emulator, connect: Connect, tmp_path: Path
) -> None:
    token, out = tmp_path / "token", tmp_path / "out"
    token.write_text(log.issuer.token(sub=SUBJECT))
    log.faults.shorten_sessions(4.0)
    data = connect(f"file:{token}").read()
    log.faults.slow("s3:*Object", seconds=0.3)
    gone = threading.Timer(1.0, token.unlink)
    gone.start()
    with pytest.raises(HeadwaterError) as caught:
        data.write_parquet(out / "rows.parquet")
    gone.join()
    assert caught.value.code == "token-file"
    assert str(token) in caught.value.message
    assert list(out.iterdir()) == []
