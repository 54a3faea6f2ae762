import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from core.tests.config import acme
from core.tests.config.support import MODEL, complaint, loaded, registry

from headwater.config import json_schema
from headwater.plugins import PluginRegistry


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return json_schema(registry())


def errors(schema: dict[str, Any], text: str) -> list[str]:
    validator = jsonschema.Draft202012Validator(schema)
    found = validator.iter_errors(yaml.safe_load(text))
    return sorted(f"{e.json_path}: {e.message}" for e in found)


def test_it_is_a_json_schema(schema: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)
    assert json.loads(json.dumps(schema)) == schema


def test_no_reference_leads_nowhere(schema: dict[str, Any]) -> None:
    named = {f'"#/$defs/{name}"' for name in schema["$defs"]}
    text = json.dumps(schema)
    used = {f'"{part.split(chr(34))[0]}"' for part in text.split('"$ref": "')[1:]}
    assert used - named == set()
    assert "x-headwater" not in text


GOOD = [
    MODEL,
    MODEL.replace("version: 1\n", "version: 1\nengine: {type: spark, master: local}\n"),
    MODEL.replace("version: 1\n", "version: 1\nengine: {type: '${env:ENGINE:-auto}'}\n"),
    MODEL.replace("version: 1\n", "version: 1\nledger: {type: file, path: state/ledger}\n"),
    MODEL.replace("version: 1\n", "version: 1\nledger: {type: file, path: '${env:L:-l}'}\n"),
    MODEL.replace("host: localhost", "host: h, port: '${env:PORT:-1}', timeout: 1 day"),
    MODEL.replace("host: localhost", "host: h, password: 'env:P', api: 'file:/p'"),
    MODEL.replace("host: localhost", "host: h, auth: {type: key, key: 'env:K'}"),
    MODEL.replace("version: 1\n", "version: 1\nauth: {lake: {type: key, key: 'env:K'}}\n").replace(
        "host: localhost", "host: h, auth: lake"
    ),
    MODEL + "          max_bytes: 50 GB\n          sample: '${env:SHARE:-0.5}'\n",
    MODEL + "        windows: {every: 1 week, timezone: Asia/Tokyo, lateness: 3600, ignore: [a]}\n",
    MODEL.replace("host: localhost", "host: h, partitions: {t: {column: c, keys: {dt: yyyy}}}"),
]


@pytest.mark.parametrize("text", GOOD)
def test_what_loads_is_valid(schema: dict[str, Any], tmp_path: Path, text: str) -> None:
    environ = {"PORT": "1", "P": "p"}
    (tmp_path / "p").write_text("p")
    loaded(tmp_path, text.replace("file:/p", f"file:{tmp_path}/p"), environ)
    assert errors(schema, text) == []


SERVING = "$.models.insurance.versions.v1.serving"


@pytest.mark.parametrize(
    ("old", "new", "places"),
    [
        ("source: {", "sorce: {", [SERVING, SERVING]),  # one key too many, one missing
        ("host: localhost", "hots: localhost", [f"{SERVING}.source", f"{SERVING}.source"]),
        ("type: acme", "type: acne", [f"{SERVING}.source.type"]),
        ("id_column: prediction_id", "id_column: 12", [f"{SERVING}.id_column"]),
        ("host: localhost", "host: h, port: many", [f"{SERVING}.source.port"]),
        ("host: localhost", "host: h, password: literal", [f"{SERVING}.source.password"]),
        ("host: localhost", "host: h, api: literal", [f"{SERVING}.source.api"]),
        ("host: localhost", "host: h, auth: {type: kee}", [f"{SERVING}.source.auth"]),
        (
            "amount: numeric",
            "amount: numbr",
            ["$.models.insurance.versions.v1.features.amount"],
        ),
    ],
)
def test_what_does_not_load_is_invalid_at_its_place(
    schema: dict[str, Any], tmp_path: Path, old: str, new: str, places: list[str]
) -> None:
    text = MODEL.replace(old, new)
    assert complaint(tmp_path, text) != ""
    assert [error.partition(": ")[0] for error in errors(schema, text)] == places


def test_docstrings_describe_the_keys(schema: dict[str, Any]) -> None:
    source = schema["$defs"]["AcmeSource"]
    assert source["description"] == "Tables of Acme."
    assert source["properties"]["timeout"]["description"] == "How long to wait for it."


def test_a_source_that_can_not_be_imported_is_allowed(schema: dict[str, Any]) -> None:
    assert errors(schema, MODEL.replace("{type: acme, host: localhost}", "{type: unbuilt}")) == []


def test_only_what_is_installed_is_described() -> None:
    without = json_schema(PluginRegistry(discover=False))
    assert "AcmeSource" not in without["$defs"]
    assert acme.AcmeSource.__name__ in json_schema(registry())["$defs"]
