from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from core.tests.engines.spark.plans import memory, plan, rows

from headwater.auth.credentials import Access
from headwater.engines.spark import SparkEngine
from headwater.engines.spark.session.requirements import missing_for
from headwater.errors import ConfigError, EngineError, QueryError
from headwater.interfaces.engine import Engine


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"session": object(), "master": "local"}, "takes the session as it is, not master"),
        ({"remote": "sc://h", "packages": ["a:b:1"]}, "packages can't be given"),
        ({"packages": "a:b:1"}, "packages is one text"),
        ({"semantics": "spark"}, "semantics='spark'"),
        ({"storage_identity": "me"}, "storage_identity='me'"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        SparkEngine(**options)


def test_nothing_is_started_before_it_is_needed() -> None:
    engine = SparkEngine(master="local[1]")
    assert isinstance(engine, Engine)
    assert repr(engine) == "<SparkEngine on local[1]>"
    engine.close()


def test_without_java_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    problem = missing_for(remote=False, java=True)
    assert problem is not None
    assert "Java 17 or 21" in problem
    assert "Spark Connect server" in problem
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert f"JAVA_HOME={tmp_path} holds none" in (missing_for(False, java=True) or "")


def test_without_packages_it_names_the_extra() -> None:
    def installed(name: str) -> bool:
        return name not in ("pyspark", "grpc")

    assert missing_for(remote=False, java=False, importable=installed) == (
        "pyspark not installed: pip install 'headwater[spark]'"
    )
    assert missing_for(remote=True, java=False, importable=installed) == (
        "pyspark, grpc not installed: pip install 'headwater[spark-connect]'"
    )


def test_a_second_application_in_the_process_is_explained(engine: SparkEngine) -> None:
    engine.opened()
    with pytest.raises(EngineError, match=r"'local\[2\]' runs in this process already"):
        SparkEngine(master="local[7]").opened()
    with pytest.raises(EngineError, match="without the packages a:b:1"):
        SparkEngine(packages=["a:b:1"]).opened()


def test_a_second_engine_shares_the_application_with_settings_of_its_own(
    engine: SparkEngine,
) -> None:
    engine.opened()
    second = SparkEngine(conf={"spark.sql.shuffle.partitions": "1"})
    assert rows(second, "SELECT x FROM `hw`.`t0` AS t", memory(x=[1])) == [{"x": 1}]
    second.close()
    assert engine.opened().session.conf.get("spark.sql.shuffle.partitions") == "2"
    assert rows(engine, "SELECT x FROM `hw`.`t0` AS t", memory(x=[1])) == [{"x": 1}]


def test_what_the_guard_refuses_never_reaches_spark(engine: SparkEngine) -> None:
    bad = "SELECT java_method('java.lang.System', 'exit', 1) AS x FROM `hw`.`t0` AS t"
    assert engine.refusals(plan(bad))
    with pytest.raises(QueryError), engine.read(plan(bad, memory(x=[1])), Access()):
        pass


def test_a_slot_is_renamed_only_where_it_is_a_table(engine: SparkEngine) -> None:
    sql = (
        "WITH t0 AS (SELECT x, 'hw.t0' AS `hw.t0` FROM `hw`.`t0` AS m) /* hw.t0 */ "
        "SELECT t0.x, `hw.t0` FROM t0 JOIN hw.t1 AS b ON t0.x = b.x -- hw.t1"
    )
    found = rows(engine, sql, memory(x=[1, 2]), memory(x=[2]))
    assert found == [{"x": 2, "hw.t0": "hw.t0"}]


def test_a_read_that_fails_leaves_nothing_behind(engine: SparkEngine, tmp_path: Path) -> None:
    session = engine.opened().session
    with pytest.raises(EngineError, match="UNRESOLVED_COLUMN"):
        rows(engine, "SELECT nothing FROM `hw`.`t0` AS t", memory(x=[1]))
    assert session.catalog.listTables() == []
    with (
        pytest.raises(ZeroDivisionError),
        engine.read(plan("SELECT x FROM `hw`.`t0` AS t", memory(x=[1])), Access()),
    ):
        _ = 1 / 0
    assert session.catalog.listTables() == []
