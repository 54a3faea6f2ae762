"""`check` and policies: what is enough passes; what lacks is named, and its fix mends it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from tests.policy.support import (
    ACCOUNT,
    SOURCES,
    admin,
    connect,
    reader,
    seed,
    source_of,
    without_one,
)

from headwater import Workspace
from headwater.interfaces.report import CheckReport, Status
from headwater_aws.policy.compiling import Looking, compile_policies
from headwater_aws.policy.roles import Bearer
from headwater_aws.testing import Emulator

LATER = f"arn:aws:iam::{ACCOUNT}:role/later"


def compiled(aws: Emulator, workspace: Workspace, which: str) -> dict[str, Any]:
    connection = connect(workspace, source_of(aws, which, reader(aws, LATER)))
    bearer = Bearer(aws.issuer.url, "me", "sts.amazonaws.com")
    (policy,) = compile_policies(
        workspace, [connection], looking=Looking(identity=admin(aws)), bearer=bearer
    )
    return dict(policy.access)


def checked(
    aws: Emulator, workspace: Workspace, which: str, name: str, policy: dict[str, Any]
) -> CheckReport:
    role = aws.create_oidc_role(subject="me", name=name, policy=policy)
    return connect(workspace, source_of(aws, which, reader(aws, role))).check()


def statements(report: CheckReport) -> list[dict[str, Any]]:
    """The statements that a report says to paste."""
    hints = [d.hint or "" for s in report.stages for d in s.diagnostics]
    return [json.loads(found) for hint in hints for found in re.findall(r"(?m)^\{.*\}$", hint)]


@pytest.mark.parametrize("which", SOURCES)
def test_a_policy_that_is_exactly_enough_passes_every_stage(aws: Emulator, which: str) -> None:
    seed(aws)
    with Workspace(engine="embedded") as workspace:
        policy = compiled(aws, workspace, which)
        report = checked(aws, workspace, which, "whole", policy)
    assert {s.status for s in report.stages} == {Status.OK}, report.render()
    names = {s.name for s in report.stages}
    actions = {a for s in policy["Statement"] for a in _listed(s["Action"])}
    assert actions <= names
    assert report.verdict == "it works"


@pytest.mark.parametrize("which", ["glue, by day", "s3, by day"])
def test_what_lacks_is_its_own_stage_and_what_it_says_to_paste_mends_it(
    aws: Emulator, which: str
) -> None:
    seed(aws)
    with Workspace(engine="embedded") as workspace:
        whole = compiled(aws, workspace, which)
        seen = set()
        for number, (missing, rest) in enumerate(without_one(whole)):
            action = missing.partition(" on ")[0]
            if action in seen:
                continue
            seen.add(action)
            report = checked(aws, workspace, which, f"without-{number}", rest)
            failed = [s.name for s in report.stages if s.status is Status.FAILED]
            assert failed == [action], report.render()
            assert report.verdict == f"it does not work yet; mend {action} first"
            assert f"role without-{number} in account {ACCOUNT}" in report.render()
            pasted = statements(report)
            assert pasted
            mended = {**rest, "Statement": [*rest["Statement"], *pasted]}
            again = checked(aws, workspace, which, f"mended-{number}", mended)
            assert again.ok, again.render()
        assert len(seen) >= 2


def test_one_at_a_time_instead_of_a_thousand_is_a_warning(aws: Emulator) -> None:
    seed(aws)
    which = "glue, by day"
    with Workspace(engine="embedded") as workspace:
        text = json.dumps(compiled(aws, workspace, which))
        slower = json.loads(text.replace("BatchGetPartition", "GetPartition"))
        report = checked(aws, workspace, which, "slower", slower)
    stage = report.stage("glue:BatchGetPartition")
    assert stage is not None
    assert stage.status is Status.WARNING
    assert [d.code for d in stage.diagnostics] == ["slow-partitions"]
    assert report.ok


def test_a_window_looks_where_it_reads(aws: Emulator) -> None:
    seed(aws)
    rule = {"parted": {"column": "ts", "keys": {"dt": "yyyy-MM-dd"}}}
    with Workspace(engine="embedded") as workspace:
        role = aws.create_oidc_role(subject="me", name="all")
        source = source_of(aws, "glue, by day", reader(aws, role), partitions=rule)
        report = connect(workspace, source).check("2026-01-01", "2026-01-02")
    assert report.ok
    stage = report.stage("s3:ListBucket")
    assert stage is not None
    assert [u.rpartition("/")[2] for u in stage.details["locations"]] == ["dt=2026-01-01"]


def test_a_file_of_another_format_and_an_empty_place_are_told(aws: Emulator) -> None:
    seed(aws)
    s3 = aws.client("s3")
    with Workspace(engine="embedded") as workspace:
        role = aws.create_oidc_role(subject="me", name="all")
        source = source_of(aws, "glue, one directory", reader(aws, role))
        s3.put_object(Bucket="lake", Key="w/flat/zzz.parquet", Body=b"<html>oops")
        report = connect(workspace, source).check()
        (wrong,) = report.stage("s3:GetObject").diagnostics  # type: ignore[union-attr]
        assert wrong.code == "wrong-format"
        assert "w/flat/zzz.parquet" in wrong.message
        assert not report.ok
        for item in s3.list_objects_v2(Bucket="lake", Prefix="w/flat/")["Contents"]:
            s3.delete_object(Bucket="lake", Key=item["Key"])
        report = connect(workspace, source).check()
        (empty,) = report.stage("s3:ListBucket").diagnostics  # type: ignore[union-attr]
        assert empty.code == "no-files"
        assert report.stage("s3:GetObject").status is Status.SKIPPED  # type: ignore[union-attr]


def test_one_identity_is_examined_once_and_stops_only_what_needs_it(aws: Emulator) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/nobody"
    with Workspace(engine="embedded") as workspace:
        source = source_of(aws, "glue, one directory", reader(aws, role))
        serving = connect(workspace, source.model_copy(update={"query": "SELEC * FROM flat"}))
        serving.version.connect_actuals(
            source, "prediction_id", labels={"proba": "amount"}, timestamp_column="ts"
        )
        report = serving.check()
    stages = {s.name: str(s.status) for s in report.stages}
    assert stages == {
        "token": "ok",
        "issuer": "ok",
        "identity": "failed",
        "tables": "skipped",
        "query": "failed",
        "mapping": "skipped",
        "actuals: tables": "skipped",
        "actuals: query": "skipped",
        "actuals: mapping": "skipped",
        "plan": "skipped",
        "rows": "skipped",
    }
    assert report.stage("actuals: tables").summary.startswith("not examined: identity")  # type: ignore[union-attr]
    assert report.verdict == "it does not work yet; mend identity first, then query"


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
