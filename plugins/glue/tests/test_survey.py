"""A survey tells every table what it is, in few calls, and stops when nobody listens."""

from __future__ import annotations

import threading

from headwater.errors import AccessDeniedError, HeadwaterError
from headwater.table import Table
from headwater_glue.catalog import GlueCatalog
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
