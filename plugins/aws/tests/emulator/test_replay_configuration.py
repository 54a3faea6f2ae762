"""The configuration of a replay: whoever made the bundle, it asks the emulator and nobody else."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from botocore import session
from botocore.config import Config
from botocore.exceptions import ClientError

from headwater import Workspace
from headwater.errors import BundleError
from headwater_aws.testing import Emulator

PATH_STYLE = Config(s3={"addressing_style": "path"})
EVIL = "http://evil.example:1"


def bundle(path: Path, configuration: dict[str, Any], *calls: Any) -> Path:
    documents: dict[str, Any] = {
        "about": {"headwater": "support bundle", "format": 1},
        "configuration": configuration,
        "checks": [],
        "plans": [],
        "calls": list(calls),
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


def listed(size: Any) -> dict[str, Any]:
    return {
        "service": "s3",
        "operation": "ListObjectsV2",
        "region": "us-east-1",
        "asked": {"Bucket": "lake", "Prefix": "p/"},
        "status": 200,
        "answer": {"Contents": [{"Key": "p/a", "Size": size, "ETag": "x"}]},
        "error": None,
    }


def test_a_size_that_no_object_has_is_a_damage(tmp_path: Path) -> None:
    path = bundle(tmp_path / "b.zip", configured(GLUE), listed(10**30))
    with pytest.raises(BundleError) as caught:
        Emulator.from_bundle(path)
    assert caught.value.code == "bundle-damaged"


@pytest.mark.parametrize("size", [{"a": 1}, "many", [2]])
def test_an_answer_that_is_damaged_is_not_recorded(tmp_path: Path, size: Any) -> None:
    path = bundle(tmp_path / "b.zip", configured(GLUE), listed(size))
    with Emulator.from_bundle(path) as aws:
        client: Any = session.get_session().create_client(
            "s3",
            "us-east-1",
            endpoint_url=aws.endpoint_url,
            config=PATH_STYLE,
            aws_access_key_id="x",
            aws_secret_access_key="y",
        )
        with pytest.raises(ClientError) as caught:
            client.list_objects_v2(Bucket="lake", Prefix="p/")
        client.close()
    assert caught.value.response["Error"]["Code"] == "NotRecorded"


@pytest.mark.parametrize(
    "table",
    [
        "t",
        {"Name": 1},
        {"Name": "t", "CatalogId": 5},
        {"Name": "t", "StorageDescriptor": ["x"]},
        {"Name": "t", "StorageDescriptor": {"Columns": {"a": "b"}}},
        {"Name": "t", "Parameters": {"a": {"b": "c"}}},
        {"Name": "t", "CreateTime": "soon"},
    ],
)
def test_an_entry_of_another_form_than_glue_has_is_not_recorded(tmp_path: Path, table: Any) -> None:
    call = {
        **listed(1),
        "service": "glue",
        "operation": "GetTable",
        "asked": {"DatabaseName": "ml", "Name": "t"},
        "answer": {"Table": table},
    }
    source = {**GLUE, "query": "SELECT id, at, score FROM t"}
    path = bundle(tmp_path / "b.zip", configured(source), call)
    with Emulator.from_bundle(path) as aws, Workspace.open(aws.configuration()) as workspace:
        (connection,) = workspace.connections.values()
        told = json.dumps(connection.check().to_dict())
    assert "not-recorded" in told
