"""The configuration of a replay: whoever made the bundle, it asks the emulator and nobody else."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from headwater import Workspace
from headwater_aws.testing import Emulator

EVIL = "http://evil.example:1"


def bundle(path: Path, configuration: dict[str, Any]) -> Path:
    documents: dict[str, Any] = {
        "about": {"headwater": "support bundle", "format": 1},
        "configuration": configuration,
        "checks": [],
        "plans": [],
        "calls": [],
        "files": [],
    }
    with zipfile.ZipFile(path, "w") as packed:
        for name, document in documents.items():
            packed.writestr(f"{name}.json", json.dumps(document))
    return path


def configured(asked: Any, **more: Any) -> dict[str, Any]:
    version = {
        "model_type": "binary",
        "predictions": {"score": "numeric"},
        "serving": {"source": asked, "id_column": "id", "timestamp_column": "at"},
    }
    return {"version": 1, "models": {"m": {"versions": {"v1": version}}}, **more}


def read(path: Path) -> dict[str, Any]:
    with Emulator.from_bundle(path) as aws:
        told: dict[str, Any] = json.loads(aws.configuration().read_text())
        assert EVIL not in json.dumps(told)
    return told


GLUE = {"type": "glue", "database": "ml", "query": "SELECT 1 AS id", "region": "us-east-1"}


@pytest.mark.parametrize(
    "more",
    [
        {"engine": {"type": "spark", "master": EVIL}},
        {"auth": {"x": {"type": "oidc-role", "token": {"url": EVIL}}}},
        {"ledger": {"type": "files", "path": EVIL}},
        {"source": {"type": "files", "path": EVIL}},
    ],
)
def test_it_has_models_and_nothing_else(tmp_path: Path, more: dict[str, Any]) -> None:
    told = read(bundle(tmp_path / "b.zip", configured(GLUE, **more)))
    assert set(told) == {"version", "models"}


@pytest.mark.parametrize(
    "auth",
    [
        "named",
        {"type": "command", "command": ["touch", "evil"]},
        {"type": "oidc-role", "role_arn": "arn:aws:iam::1:role/x", "token": {"url": EVIL}},
        {"type": "assume-role", "role_arn": "x", "source": {"type": "web", "url": EVIL}},
        None,
    ],
)
def test_its_sources_ask_the_emulator_with_its_identities(tmp_path: Path, auth: Any) -> None:
    source = {**GLUE, "endpoint_url": EVIL, "auth": auth}
    told = read(bundle(tmp_path / "b.zip", configured(source)))
    made = told["models"]["m"]["versions"]["v1"]["serving"]["source"]
    assert made["endpoint_url"].startswith("http://127.0.0.1:")
    assert made["auth"]["type"] in ("static", "oidc-role", "assume-role")
    assert "evil" not in json.dumps(made)


@pytest.mark.parametrize(
    "source",
    [{"type": "files", "path": "/etc/passwd"}, {"type": "x", "url": EVIL}, "named", None, {}],
)
def test_sources_that_are_not_of_aws_are_not_in_it(tmp_path: Path, source: Any) -> None:
    told = read(bundle(tmp_path / "b.zip", configured(source)))
    assert "serving" not in told["models"]["m"]["versions"]["v1"]


def test_its_texts_ask_for_nothing_of_this_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINE", "CANARY")
    source = {**GLUE, "query": "SELECT '${env:MINE}' AS id", "database": "a${env:MINE}"}
    path = bundle(tmp_path / "b.zip", configured(source))
    with Emulator.from_bundle(path) as aws, Workspace.open(aws.configuration()) as workspace:
        (connection,) = workspace.connections.values()
        assert "CANARY" not in repr(connection.source)
        assert "${env:MINE}" in repr(connection.source)
