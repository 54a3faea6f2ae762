"""GlueDataSource as a value: what it takes, refuses, and says of itself."""

from __future__ import annotations

import copy
import pickle
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from headwater.auth.credentials import Secret
from headwater.errors import AuthError, ConfigError
from headwater.interfaces.data_source import DataSource
from headwater.tables.table import Column, Table, TableName, TimePartition
from headwater.types import STRING
from headwater_glue import GlueDataSource, OidcRole, StaticKeys

ROLE = "arn:aws:iam::123456789012:role/monitoring"


def source(**told: Any) -> GlueDataSource:
    return GlueDataSource(
        **{"database": "my_db", "query": "SELECT 1", "region": "eu-west-1", **told}
    )


def test_the_seeds_call_is_enough() -> None:
    found = GlueDataSource(database="my_db", query="SELECT * FROM model_predictions")
    assert isinstance(found, DataSource)
    assert found.sql() == "SELECT * FROM model_predictions"
    assert found.default_database == "my_db"
    assert found.describe() == {"type": "glue", "database": "my_db", "auth": "default"}


def test_a_table_is_all_its_rows() -> None:
    assert source(query=None, table="odd`name").sql() == "SELECT * FROM `odd``name`"


def test_a_query_and_a_table_are_one_too_many() -> None:
    with pytest.raises(ConfigError, match="give one of them"):
        GlueDataSource(database="db", query="SELECT 1", table="t")


def test_a_source_without_either_only_takes_queries() -> None:
    with pytest.raises(ConfigError, match="neither a query nor a table"):
        GlueDataSource(database="db").sql()


def test_unknown_fields_are_refused() -> None:
    with pytest.raises(ValidationError, match="databse"):
        source(databse="x")


def test_a_rule_as_a_file_writes_it() -> None:
    found = source(
        partitions={
            "My_DB.T": {"column": "ts", "keys": {"dt": "yyyy-MM-dd"}, "lateness": "1 day"},
            "u": TimePartition("ts", {"h": "HH"}),
        }
    )
    table = Table(TableName("my_db", "t"), (Column("ts", STRING),))
    rule = found.time_partition(table)
    assert rule is not None
    assert rule.lateness == timedelta(days=1)
    assert found.time_partition(Table(TableName("other", "t"), ())) is None
    assert found.time_partition(Table(TableName("any", "U"), ())) is not None


def test_a_bad_rule_is_told() -> None:
    with pytest.raises(ConfigError, match="no duration"):
        source(partitions={"t": {"column": "ts", "keys": {"dt": "yyyy"}, "lateness": "soon"}})


def test_an_account_that_yaml_read_as_a_number() -> None:
    assert source(catalog_id=12345678901).catalog_id == "012345678901"


def test_its_databases_are_those_it_names() -> None:
    assert source(databases=["features"]).allowed_databases == {"my_db", "features"}


def test_no_region_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    with pytest.raises(AuthError, match="no AWS region is set"):
        source(region=None).access()


def test_one_identity_one_name() -> None:
    role = OidcRole(role_arn=ROLE, token="env:TOKEN")
    same = source(auth=role, query="SELECT 2").auth_ref
    assert source(auth=role).auth_ref == same
    assert same.startswith("aws:oidc-role:")
    others = [
        source(auth=role, region="us-east-1"),
        source(auth=role, endpoint_url="http://127.0.0.1:1"),
        source(auth=OidcRole(role_arn=ROLE, token="env:OTHER")),
        source(auth=OidcRole(role_arn=f"{ROLE}2", token="env:TOKEN")),
        source(),
    ]
    assert len({same, *(o.auth_ref for o in others)}) == 6


def test_two_sources_are_read_together() -> None:
    one = source(auth=StaticKeys(access_key_id="AKIAONE1", secret_access_key="env:A"))
    two = source(auth=StaticKeys(access_key_id="AKIATWO2", secret_access_key="env:B"))
    with one.access() as first, two.access() as second:
        both = first.joined(second)
        assert both.session(one.auth_ref) is first.session(one.auth_ref)
        assert both.session(two.auth_ref) is second.session(two.auth_ref)


def test_no_secret_shows() -> None:
    canary = "canary-7f3a"
    found = source(auth=StaticKeys(access_key_id="AKIAONE1", secret_access_key=Secret(canary)))
    shown = f"{found!r} {found} {found.describe()} {found.auth_ref} {found.model_dump()}"
    shown += found.model_dump_json()
    assert canary not in shown
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(found)


def test_it_is_a_value() -> None:
    found = source(auth=OidcRole(role_arn=ROLE, token="env:TOKEN"))
    assert copy.copy(found) == found
    assert pickle.loads(pickle.dumps(source())) == source()
