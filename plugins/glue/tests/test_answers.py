"""Kept answers: used by the same caller for a while, never for what a read must know now."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from plugins.glue.tests.registered import iceberg_catalog, register_iceberg

from headwater.auth.credentials import Secret
from headwater.errors import TableNotFoundError
from headwater.tables.table import Table, TableName
from headwater.workspace.workspace import Workspace
from headwater_glue import StaticKeys
from headwater_glue.answers import Answers, default_folder
from headwater_glue.catalog import GlueCatalog
from headwater_glue.source import GlueDataSource
from headwater_glue.testing import GlueLake

NAME = TableName("ml", "t")
ROWS = pa.table({"id": ["a", "b"]})


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


Asked = Callable[..., Table]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "kept"


@pytest.fixture
def asked(lake: GlueLake, clock: Clock, folder: Path) -> Asked:
    """Look `ml.t` up as another process would: with a session and a catalog of its own."""
    lake.table("t", {"id": "string"})
    keys = lake.keys()

    def look(auth: Any = keys, name: TableName = NAME) -> Table:
        source = lake.source(table="t", auth=auth)
        with source.access() as access:
            session = access.session(source.auth_ref)
            answers = Answers(session, timedelta(minutes=15), folder, clock)  # type: ignore[arg-type]
            return GlueCatalog(session, answers=answers).table(name)  # type: ignore[arg-type]

    return look


def calls(lake: GlueLake) -> int:
    return len(lake.aws.requests.select("glue:GetTable"))


def test_a_kept_answer_is_used_and_told(lake: GlueLake, asked: Asked, clock: Clock) -> None:
    first = asked()
    clock.now += timedelta(minutes=14)
    second = asked()
    assert calls(lake) == 1
    assert (first.columns, first.location) == (second.columns, second.location)
    assert first.notes == ()
    [note] = second.notes
    assert note.code == "kept-answer"
    assert "kept 840 s ago" in note.message


def test_it_is_not_used_when_its_time_is_over(lake: GlueLake, asked: Asked, clock: Clock) -> None:
    asked()
    clock.now += timedelta(minutes=15)
    assert asked().notes == ()
    clock.now -= timedelta(hours=1)  # a clock that was set back makes nothing last longer
    assert asked().notes == ()
    assert calls(lake) == 3


def test_another_caller_asks_for_itself(lake: GlueLake, asked: Asked) -> None:
    asked()
    asked(auth=lake.keys())
    assert calls(lake) == 2


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'{"version": 1}', b"\xff\xfe", b'{"version": 99}']
)
def test_what_cannot_be_read_is_as_none(
    lake: GlueLake, asked: Asked, folder: Path, content: bytes
) -> None:
    asked()
    [file] = folder.iterdir()
    file.write_bytes(content)
    assert asked().notes == ()
    assert asked().notes != ()  # it was mended by the new answer
    assert calls(lake) == 2


def test_an_answer_to_another_question_is_not_taken(
    lake: GlueLake, asked: Asked, folder: Path
) -> None:
    asked()
    lake.table("u", {"n": "int"})
    [file] = folder.iterdir()
    asked(name=TableName("ml", "u"))
    [other] = set(folder.iterdir()) - {file}
    other.write_bytes(file.read_bytes())
    assert [c.name for c in asked(name=TableName("ml", "u")).columns] == ["n"]


def test_only_the_owner_may_read_them_and_they_hold_no_keys(
    lake: GlueLake, asked: Asked, folder: Path
) -> None:
    key, secret = lake.aws.create_user_keys(lake.account_id)
    asked(auth=StaticKeys(access_key_id=key, secret_access_key=Secret(secret)))
    [file] = folder.iterdir()
    assert folder.stat().st_mode & 0o077 == 0
    assert file.stat().st_mode & 0o077 == 0
    content = file.read_text()
    assert key not in content
    assert secret not in content


def test_a_folder_that_cannot_be_written_is_no_error(asked: Asked, folder: Path) -> None:
    folder.write_text("a file where the folder should be")
    assert asked().notes == ()


def test_a_table_that_is_not_there_is_asked_for_again(lake: GlueLake, asked: Asked) -> None:
    with pytest.raises(TableNotFoundError):
        asked(name=TableName("ml", "late"))
    lake.table("late", {"id": "string"})
    assert asked(name=TableName("ml", "late")).notes == ()


def test_the_state_of_an_iceberg_table_is_never_an_old_one(
    lake: GlueLake, asked: Asked, folder: Path, tmp_path: Path
) -> None:
    catalog = iceberg_catalog(lake, tmp_path)
    table = catalog.create_table("db.t", schema=ROWS.schema)
    register_iceberg(lake, "ice", table)
    for _ in range(2):
        assert asked(name=TableName("ml", "ice")).notes == ()
    assert not folder.exists()


def test_files_that_landed_since_are_read_and_the_plan_says_what_was_kept(
    lake: GlueLake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    lake.table("t", {"id": "string"}, keys={"dt": "string"})
    lake.write(lake.partition("t", ["1"]).removeprefix("s3://lake/") + "0.parquet", ROWS)
    source: GlueDataSource = lake.source(table="t", cache="PT15M")
    with Workspace() as workspace:
        assert workspace.sql("SELECT id FROM t", source=source).to_arrow().num_rows == 2
        lake.write(lake.partition("t", ["2"]).removeprefix("s3://lake/") + "0.parquet", ROWS)
        data = workspace.sql("SELECT id FROM t", source=source)
        assert data.to_arrow().num_rows == 4
    assert [w.code for w in data.plan.warnings] == ["kept-answer"]
    assert calls(lake) == 1
    assert list(default_folder().iterdir())


def test_nothing_is_kept_unless_it_is_asked_for(
    lake: GlueLake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    lake.table("t", {"id": "string"})
    with Workspace() as workspace:
        workspace.sql("SELECT id FROM t", source=lake.source(table="t"))
    assert not list(tmp_path.iterdir())
