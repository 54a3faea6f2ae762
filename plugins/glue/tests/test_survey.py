"""A survey tells every table what it is, in few calls, and stops when nobody listens."""

from __future__ import annotations

import threading

import pytest

from headwater.errors import AccessDeniedError, HeadwaterError
from headwater.tables.table import Table
from headwater_glue.catalog import GlueCatalog
from headwater_glue.entry import GlueTable
from headwater_glue.kinds import Classified, classify
from headwater_glue.testing import GlueLake

COLUMNS = {"id": "string"}
ARN = "arn:aws:glue:us-east-1:123456789012"


def catalog_of(lake: GlueLake, **told: object) -> GlueCatalog:
    source = lake.source(table="t", **told)
    return source.catalog(source.access())


def seeded(lake: GlueLake, databases: int, tables: int) -> None:
    for d in range(databases):
        lake.create_database(f"d{d}")
        for n in range(tables):
            lake.table(f"t{n:03}", COLUMNS, database=f"d{d}")


def test_all_tables_of_all_databases_each_once(lake: GlueLake) -> None:
    seeded(lake, 3, 110)
    found = list(catalog_of(lake).survey())
    assert sorted((d, str(t.name)) for d, t in found if isinstance(t, Table)) == sorted(
        (f"d{d}", f"d{d}.t{n:03}") for d in range(3) for n in range(110)
    )
    assert sum(1 for r in lake.aws.requests if r.action == "GetTable") == 0
    assert sum(1 for r in lake.aws.requests if r.action == "GetTables") == 7


def test_one_database_in_its_order(lake: GlueLake) -> None:
    seeded(lake, 1, 120)
    names = [t.name.name for _, t in catalog_of(lake).survey(["D0"]) if isinstance(t, Table)]
    assert names == [f"t{n:03}" for n in range(120)]


def test_kinds_and_reasons_come_with_it(lake: GlueLake) -> None:
    lake.table("grok", COLUMNS, serde="com.amazonaws.glue.serde.GrokSerDe")
    lake.table("ice", {}, parameters={"table_type": "ICEBERG", "metadata_location": "s3://x/m"})
    target = {"CatalogId": lake.account_id, "DatabaseName": "ml", "Name": "gone"}
    lake.glue.create_table(DatabaseName="ml", TableInput={"Name": "link", "TargetTable": target})
    found = {t.name.name: t for _, t in catalog_of(lake).survey() if isinstance(t, Table)}
    assert {n: t.kind for n, t in found.items()} == {
        "grok": "hive",
        "ice": "iceberg",
        "link": "resource-link",
    }
    assert "Grok" in (found["grok"].unqueryable or "")
    assert found["ice"].unqueryable is None
    assert found["link"].unqueryable is None


def test_a_database_that_may_not_be_listed_does_not_hide_the_others(lake: GlueLake) -> None:
    seeded(lake, 2, 1)
    denied = {"Effect": "Deny", "Action": "glue:GetTables", "Resource": f"{ARN}:database/d0"}
    allowed = {"Effect": "Allow", "Action": "glue:*", "Resource": "*"}
    keys = lake.keys({"Version": "2012-10-17", "Statement": [allowed, denied]})
    found = dict(catalog_of(lake, auth=keys).survey(["d0", "d1"]))
    assert isinstance(found["d0"], AccessDeniedError)
    assert isinstance(found["d1"], Table)


def test_databases_that_may_not_be_listed_are_told(lake: GlueLake) -> None:
    nothing = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    keys = lake.keys({"Version": "2012-10-17", "Statement": [nothing]})
    [(database, error)] = catalog_of(lake, auth=keys).survey()
    assert database == ""
    assert isinstance(error, HeadwaterError)


def test_it_stops_when_nobody_listens(lake: GlueLake) -> None:
    seeded(lake, 4, 101)
    found = catalog_of(lake).survey()
    next(found)
    found.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("headwater-survey")]


BROKEN = {
    "digits": {"z": f"decimal({'9' * 4301},2)"},
    "other_digits": {"z": "decimal(²)"},
    "deep": {"z": "array<" * 5_000 + "int" + ">" * 5_000},
    "deep_structs": {"z": "struct<a:" * 2_000 + "int" + ">" * 2_000},
    "many_structs": {"z": "struct<a:int>" * 3_000},
    "nothing": {"z": "decimal("},
}


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_a_table_that_is_described_wrongly_hides_no_other(lake: GlueLake, name: str) -> None:
    lake.table("a", COLUMNS)
    lake.table(name, {"id": "string", **BROKEN[name]})
    lake.table("z", COLUMNS)
    found = [t for _, t in catalog_of(lake).survey() if isinstance(t, Table)]
    told = {t.name.name: t.problem for t in found}
    assert told.keys() == {"a", name, "z"}
    assert told["a"] is told["z"] is None
    assert "'z'" in str(told[name])
    assert len(str(told[name])) < 500


def test_properties_of_others_are_said_to_be_wrong(lake: GlueLake) -> None:
    keys = {"p": "int"}
    rule = {"projection.enabled": "true", "projection.p.type": "integer"}
    for name, more in {
        "digits": {"projection.p.range": "0,9", "projection.p.digits": "9" * 30},
        "range": {"projection.p.range": f"0,{'9' * 4301}"},
        "endless": {"projection.p.range": "0,9", "projection.p.interval": "9" * 4301},
    }.items():
        lake.table(name, COLUMNS, keys=keys, parameters={**rule, **more})
    lake.table("z", COLUMNS)
    found = {t.name.name: t for _, t in catalog_of(lake).survey() if isinstance(t, Table)}
    assert [n for n, t in found.items() if t.problem and t.unqueryable] == [
        "digits", "endless", "range",
    ]  # fmt: skip
    assert found["z"].problem is None


def test_what_nobody_foresaw_is_said_of_its_table_alone(
    lake: GlueLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(entry: GlueTable) -> Classified:
        if entry.name == "bad":
            raise RuntimeError("unforeseen")
        return classify(entry)

    monkeypatch.setattr("headwater_glue.descriptions.classify", broken)
    for name in ("a", "bad", "z"):
        lake.table(name, COLUMNS)
    found = {t.name.name: t for _, t in catalog_of(lake).survey() if isinstance(t, Table)}
    assert sorted(found) == ["a", "bad", "z"]
    assert "unforeseen" in (found["bad"].unqueryable or "")
