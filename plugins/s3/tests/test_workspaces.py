"""Many workspaces in one process, each with an AWS, keys and a configuration of its own."""

from __future__ import annotations

import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest
from plugins.s3.tests.conftest import Bucket

from headwater import Dataset, Secret, Workspace
from headwater.errors import AccessDeniedError, UnsupportedError
from headwater_aws import StaticKeys
from headwater_aws.testing import Emulator

ROUNDS = 3


def test_workspaces_side_by_side_do_not_mix(bucket: Bucket) -> None:
    """The same bucket, key and table of three accounts; one of them may read nothing."""
    with Emulator() as elsewhere:
        other = Bucket(elsewhere)
        for number, lake in enumerate((bucket, other)):
            lake.write("t/a.parquet", pa.table({"id": [number], "pad": ["x" * 100]}))
        none = {"Effect": "Deny", "Action": "*", "Resource": "*"}
        policy = {"Version": "2012-10-17", "Statement": [none]}
        sources = [
            bucket.source("t/"),
            other.source("t/"),
            other.source("t/", auth=other.keys(policy)),
        ]
        together = threading.Barrier(len(sources))

        def read(number: int) -> list[object]:
            found: list[object] = []
            with Workspace(engine="embedded", engine_options={"threads": number + 1}) as workspace:
                for _ in range(ROUNDS):
                    together.wait(60)
                    try:
                        rows = workspace.sql("SELECT id FROM data", sources[number]).to_arrow()
                        found.append(rows["id"].to_pylist())
                    except AccessDeniedError as error:
                        found.append(error.code)
            return found

        with ThreadPoolExecutor(len(sources)) as pool:
            answers = list(pool.map(read, range(len(sources))))
    assert answers == [[[0]] * ROUNDS, [[1]] * ROUNDS, ["access-denied"] * ROUNDS]


def test_keys_do_not_travel(bucket: Bucket) -> None:
    """A dataset says that its keys stay here, and shows none of them."""
    bucket.write("t/a.parquet", pa.table({"id": [1]}))
    key, secret = bucket.aws.create_user_keys()
    auth = StaticKeys(access_key_id=key, secret_access_key=Secret(secret))
    source = bucket.source("t/", auth=auth)
    with Workspace(engine="embedded") as workspace:
        data: Dataset = workspace.sql("SELECT id FROM data", source)
        with pytest.raises(UnsupportedError, match="a Secret is not pickled") as caught:
            pickle.dumps(data)
    assert secret not in f"{caught.value} {caught.value.__cause__!r}"
