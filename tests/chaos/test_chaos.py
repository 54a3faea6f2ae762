"""Chaos: faults of every kind, at every stage. Either the right rows, or a typed error.

Hypothesis picks the faults. Each run discovers, plans and reads the seed's table, through
identities that may expire at any moment, and writes the rows to a file.
"""

from __future__ import annotations

import threading
import time
import warnings
from types import SimpleNamespace

import botocore.endpoint
import pyarrow.parquet as pq
import pytest
from core.tests.depth import examples
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.end_to_end.conftest import ACCOUNT, REGION, SUBJECT, seed

import headwater as hw
from headwater_aws.testing import Emulator
from headwater_glue import GlueDataSource, OidcRole

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

RUNS = examples(40)
PATIENCE = 180
"""Seconds after which a run counts as hanging."""
PACE = 0.1
"""How much of its pauses between tries botocore makes here: it tries as often, sooner."""

ACTIONS = (
    "sts:AssumeRoleWithWebIdentity",
    "sts:GetCallerIdentity",
    "glue:GetTable",
    "glue:GetPartitions",
    "s3:ListObjectsV2",
    "s3:GetObject",
    "s3:HeadObject",
)


def faults():
    """Return a strategy of faults: name of the method, its arguments."""
    action = st.sampled_from(ACTIONS)
    times = st.sampled_from([1, 2, None])
    skip = st.integers(0, 3)
    after = st.integers(0, 4000)
    return st.one_of(
        st.tuples(
            st.just("throttle"), action, st.fixed_dictionaries({"times": times, "skip": skip})
        ),
        st.tuples(
            st.just("fail"),
            action,
            st.fixed_dictionaries(
                {"times": times, "skip": skip, "status": st.sampled_from([403, 500, 503])}
            ),
        ),
        st.tuples(
            st.just("truncate"),
            action,
            st.fixed_dictionaries({"times": times, "skip": skip, "after": after}),
        ),
        st.tuples(st.just("drop"), action, st.fixed_dictionaries({"times": times, "skip": skip})),
        st.tuples(st.just("expire_now"), st.none(), st.just({})),
    )


@pytest.fixture(scope="module")
def customer():
    hurried = SimpleNamespace(sleep=lambda seconds: time.sleep(PACE * seconds))
    with Emulator() as aws, pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.endpoint, "time", hurried)
        seed(aws)
        role = aws.create_oidc_role(account_id=ACCOUNT, name="monitoring", subject=SUBJECT)
        yield aws, role


def connection(aws: Emulator, role: str, workspace: hw.Workspace) -> hw.Connection:
    workspace.create_model("m")
    version = workspace.create_model_version(
        "m", "v1", "binary", features={"amount": "numeric"}, predictions={"proba": "numeric"}
    )
    source = GlueDataSource(
        database="my_db",
        query="SELECT prediction_id, prediction_timestamp, amount, proba FROM model_predictions",
        region=REGION,
        endpoint_url=aws.endpoint_url,
        auth=OidcRole(
            role_arn=role, token=lambda: aws.issuer.token(sub=SUBJECT, aud="sts.amazonaws.com")
        ),
        partitions={
            "model_predictions": {"column": "prediction_timestamp", "keys": {"dt": "yyyy-MM-dd"}}
        },
    )
    return version.connect_serving(source, "prediction_id", "prediction_timestamp")


@settings(
    max_examples=RUNS,
    deadline=None,
    # A found fault is told as it is: to shrink it would take as long as to find it.
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    planned=st.lists(faults(), max_size=3),
    midway=st.lists(faults(), max_size=2),
    in_shares=st.booleans(),
)
def test_right_rows_or_a_typed_error(customer, tmp_path_factory, planned, midway, in_shares):
    with pytest.MonkeyPatch.context() as patch:
        if in_shares:  # as large files are read: in parts that are fetched before
            patch.setattr("headwater.engines.small_files.SMALL", 0)
            patch.setattr("headwater.engines.embedded.shares.LEAST", 1)
        attempt(customer, tmp_path_factory, planned, midway)


def attempt(customer, tmp_path_factory, planned, midway):
    """Read while faults come at planning and midway; assert on what came of it."""
    aws, role = customer
    before = set(threading.enumerate())
    aws.faults.clear()
    folder = tmp_path_factory.mktemp("out")
    started = time.monotonic()
    with hw.Workspace(engine="embedded") as workspace:
        serving = connection(aws, role, workspace)
        arm(aws, planned)
        try:
            data = serving.read("2026-01-02", "2026-01-05")
            arm(aws, midway)
            with warnings.catch_warnings():
                warnings.simplefilter("error", hw.EmptyReadWarning)
                path = data.write_parquet(folder / "rows.parquet")
        except hw.HeadwaterError:
            assert list(folder.iterdir()) == []
        else:
            ids = sorted(pq.read_table(path)["id"].to_pylist())
            assert ids == [f"d{d}-{i}" for d in (1, 2, 3) for i in range(8)]
        finally:
            aws.faults.clear()
    assert time.monotonic() - started < PATIENCE
    assert_no_thread_is_left(before)


def arm(aws: Emulator, faults) -> None:
    for name, action, options in faults:
        method = getattr(aws.faults, name)
        method() if action is None else method(action, **options)


def assert_no_thread_is_left(before: set[threading.Thread]) -> None:
    """Threads that serve the emulator's kept-alive connections end soon; ours must be gone."""
    new = set(threading.enumerate()) - before
    ours = [t for t in new if t.name.startswith("headwater-")]
    assert ours == []
