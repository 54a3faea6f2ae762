"""A stranger with a bundle: what somebody's catalog, keys and files hold beside names is not in it.

Each canary lies where a catalog, S3 or a writer of files keeps something. It is looked for as it
is, and as it may be packed: in Base64, in hexadecimal digits, in UTF-16, in addresses, in gzip.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, unquote

import pyarrow as pa
import pytest
from plugins.glue.tests.test_bundles import connected

from headwater_aws.testing import Emulator
from headwater_glue.testing import GlueLake

VIEW = "in the Base64 of a view"
SECRETS = {
    "parameter beside a plain name": "CANARYHUNTER1",
    "user in an address": "CANARYHUNTER2",
    "oracle": "CANARYHUNTER3",
    "with spaces": "CANARYHUNTER4",
    VIEW: "CANARYHUNTER5",
    "in JSON in a text": "CANARYHUNTER6",
    "webhook": "CANARYHUNTER7",
    "in an error's other fields": "CANARYHUNTER8",
}
VALUES = {
    "statistics of Spark": "CANARYVALUE1",
    "skew": "CANARYVALUE2",
    "comment of a column": "CANARYVALUE3",
    "comment of a table": "CANARYVALUE4",
    "metadata of an object": "CANARYVALUE5",
    "metadata of pandas": "CANARYVALUE6",
    "least text": "CANARYVALUE7",
    "comment in pieces of a schema": "CANARYVALUE8",
    "metadata of an inner field": "CANARYVALUE9",
    "a number that is somebody's": "4111111111111111",
}
NAMES = [
    "CANARYPARAM", "CANARYKEY", "CANARYWRITER", "Surname", "acmeteam", "078-05-1120", "Emma",
    "alice@example.com", "4711234", "acmealias", "acmenamespace", "elbonia", "acmedialect",
    "222233334444", "Doe, Jane", "acmeschema",
]  # fmt: skip


def view() -> str:
    told = {
        "originalSql": "SELECT claim_no, at, score FROM predictions WHERE note = "
        f"'x://joe:{SECRETS[VIEW]}@db.example'",
        "catalog": "awsdatacatalog",
        "schema": "ml",
        "owner": "CANARYPARAM",
        "columns": [
            {"name": "claim_no", "type": "varchar"},
            {"name": "at", "type": "timestamp"},
            {"name": "score", "type": "double"},
        ],
    }
    return f"/* Presto View: {base64.b64encode(json.dumps(told).encode()).decode()} */"


def rows() -> pa.Table:
    inner = pa.field(
        "city", pa.string(), metadata={"example": VALUES["metadata of an inner field"]}
    )
    table = pa.table(
        {
            "claim_no": [VALUES["least text"]],
            "at": pa.array([datetime(2026, 1, 2, 3, tzinfo=UTC)], pa.timestamp("us", "UTC")),
            "score": [0.5],
            "card": [4111111111111111],
            "Surname": ["x"],
            "home": pa.array([{"city": "y"}], pa.struct([inner])),
        }
    )
    told = {"pandas": json.dumps({"index_columns": [VALUES["metadata of pandas"]]})}
    return table.replace_schema_metadata({**told, "writer.model.name": "CANARYWRITER " * 20})


def seed(lake: GlueLake) -> None:
    fields = [
        {"name": n, "type": "string", "nullable": True, "metadata": {"comment": comment}}
        for n, comment in (("claim_no", VALUES["comment in pieces of a schema"]), ("at", "x"))
    ]
    whole = json.dumps({"type": "struct", "fields": fields})
    cut = whole.index("CANARYVALUE8") + 5
    columns = {
        "claim_no": "string", "at": "timestamp", "score": "double", "card": "bigint",
        "Surname": "string", "home": "struct<city:string>",
    }  # fmt: skip
    parameters = {
        "connection": f"jdbc:oracle:thin:joe/{SECRETS['oracle']}@//db:1521/x",
        "db_pwd": SECRETS["parameter beside a plain name"],
        "source": f"postgresql://joe:p@ss/{SECRETS['user in an address']}@db.example/x",
        "note": f'password="two words {SECRETS["with spaces"]}" and so on',
        "hook": f"https://hooks.slack.com/services/T0/B0/{SECRETS['webhook']}",
        "json": json.dumps({"auth": {"password": f"a, b {SECRETS['in JSON in a text']}"}}),
        "spark.sql.statistics.colStats.claim_no.max": VALUES["statistics of Spark"],
        "comment": f"e.g. {VALUES['comment of a table']}",
        "spark.sql.sources.schema.numParts": "2",
        "spark.sql.sources.schema.part.0": whole[:cut],
        "spark.sql.sources.schema.part.1": whole[cut:],
        "acmeteam": "CANARYPARAM",
        "UPDATED_BY_CRAWLER": "CANARYPARAM-crawler",
    }
    storage = lake._storage("parquet", columns, lake.uri("predictions/"), None)
    comment = f"e.g. {VALUES['comment of a column']}"
    lake.glue.create_table(
        DatabaseName="ml",
        TableInput={
            "Name": "predictions",
            "TableType": "EXTERNAL_TABLE",
            "Description": f"e.g. {VALUES['comment of a table']}",
            "Owner": "CANARYPARAM",
            "Parameters": parameters,
            "PartitionKeys": [{"Name": n, "Type": "string"} for n in ("customer", "ssn", "code")],
            "StorageDescriptor": {
                **storage,
                "Columns": [{**c, "Comment": comment} for c in storage["Columns"]],
                "SkewedInfo": {
                    "SkewedColumnNames": ["claim_no"],
                    "SkewedColumnValues": [VALUES["skew"]],
                },
            },
        },
    )
    columns = {"claim_no": "string", "at": "timestamp", "score": "double"}
    lake.table("seen", columns, TableType="VIRTUAL_VIEW", ViewOriginalText=view(),
               parameters={"presto_view": "true"})  # fmt: skip
    for customer, ssn, code in (
        ("alice@example.com", "078-05-1120", "Emma"),
        ("b", "c", "elbonia"),
    ):
        where = lake.partition("predictions", [customer, ssn, code])
        key = f"{where.removeprefix('s3://lake/')}4711234/CANARYKEY-acme.parquet"
        uri = lake.write(key, rows())
        lake.aws.client("s3").put_object(
            Bucket="lake",
            Key=uri.removeprefix("s3://lake/"),
            Body=lake.aws.client("s3").get_object(Bucket="lake", Key=key)["Body"].read(),
            Metadata={"customer": VALUES["metadata of an object"]},
        )


def forms(canary: str) -> Iterator[bytes]:
    """Yield a canary as it may stand somewhere, in small letters."""
    content = canary.encode()
    yield content.lower()
    yield quote(canary, safe="").encode().lower()
    yield canary.encode("utf-16-le").lower()
    yield content.hex().encode()
    yield content.hex(" ").encode()


def opened(content: bytes) -> bytes:
    """Return what a part says, and what is packed in it."""
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    text = content.decode("latin-1")
    packed = [text, unquote(text)]
    for run in re.findall(r"[A-Za-z0-9+/]{16,}={0,2}", text):
        for start in range(4):
            cut = run[start : start + (len(run) - start) // 4 * 4]
            packed.append(base64.b64decode(cut + "=" * (-len(cut) % 4)).decode("latin-1"))
    return "\n".join(packed).lower().encode("latin-1", "replace")


def told(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as packed:
        return {name: opened(packed.read(name)) for name in packed.namelist()}


def found(path: Path, canaries: Iterator[str] | list[str]) -> set[tuple[str, str]]:
    content = told(path)
    return {
        (name, canary)
        for canary in canaries
        for form in forms(canary)
        for name, text in content.items()
        if form in text
    }


@pytest.fixture
def bundles(lake: GlueLake, tmp_path: Path) -> dict[str, Path]:
    seed(lake)
    lake.aws.faults.fail(
        "s3:ListObjectsV2",
        400,
        times=1,
        code="KMS.DisabledException",
        message="arn:aws:kms:us-east-1:222233334444:alias/acmealias is disabled",
    )
    query = (
        "SELECT claim_no, at, score FROM {} WHERE claim_no NOT IN ('Doe, Jane', 'Emma', "
        "'078-05-1120', '4711234')"
    )
    paths = {}
    for table in ("predictions", "seen"):
        for anonymous in (False, True):
            path = tmp_path / f"{table}-{anonymous}.zip"
            connected(lake.source(query=query.format(table))).check(
                "2026-01-01", "2026-02-01", bundle=path, anonymous=anonymous
            )
            paths[path.stem] = path
    return paths


def test_no_secret_and_no_value_of_a_row_is_in_it(bundles: dict[str, Path]) -> None:
    hidden = [*SECRETS.values(), *VALUES.values()]
    told = {name: found(path, hidden) for name, path in bundles.items()}
    assert told == {name: set() for name in bundles}


def test_no_name_is_in_one_without_names(bundles: dict[str, Path]) -> None:
    anonymous = {name: path for name, path in bundles.items() if name.endswith("True")}
    told = {name: found(path, NAMES) for name, path in anonymous.items()}
    assert told == {name: set() for name in anonymous}


def test_it_replays_without_them(bundles: dict[str, Path]) -> None:
    from headwater import Workspace

    for name, path in bundles.items():
        with zipfile.ZipFile(path) as packed:
            (recorded,) = json.loads(packed.read("checks.json"))
        with Emulator.from_bundle(path) as aws, Workspace.open(aws.configuration()) as workspace:
            (connection,) = workspace.connections.values()
            again = connection.check("2026-01-01", "2026-02-01").to_dict()
        assert [(s["name"], s["status"]) for s in again["stages"] if s["name"] != "rows"] == [
            (s["name"], s["status"]) for s in recorded["stages"] if s["name"] != "rows"
        ], name
