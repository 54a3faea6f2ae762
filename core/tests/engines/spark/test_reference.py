from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from core.tests.engines.spark.plans import memory, rows

from headwater.engines.spark import SparkEngine
from headwater.engines.spark.session import sessions
from headwater.engines.spark.session.reference import SETTINGS, Difference, differences, remedy
from headwater.errors import EngineError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_the_reference_differs_from_itself_in_nothing() -> None:
    assert differences("4.1.4", SETTINGS.get) == ()
    assert differences("4.1.0-amzn-1", lambda name: SETTINGS[name].upper()) == ()


def test_version_and_settings_are_compared() -> None:
    given = {**SETTINGS, "spark.sql.ansi.enabled": "false"}
    del given["spark.sql.caseSensitive"]
    found = differences("4.10.0", given.get)
    assert found == (
        Difference("version", "4.1.x", "4.10.0"),
        Difference("spark.sql.ansi.enabled", "true", "false"),
        Difference("spark.sql.caseSensitive", "false", None),
    )
    assert [str(d) for d in found][1:] == [
        "spark.sql.ansi.enabled is false, the reference has true",
        "spark.sql.caseSensitive is not known to it, the reference has false",
    ]
    assert remedy(found).splitlines() == [
        'spark.conf.set("spark.sql.ansi.enabled", "true")',
        'spark.conf.set("spark.sql.caseSensitive", "false")',
        "use Spark 4.1",
        'or accept this session\'s answers: SparkEngine(..., semantics="session")',
    ]


def test_what_a_session_was_not_told_is_its_default(engine: SparkEngine) -> None:
    session = engine.opened().session.newSession()
    session.conf.unset("spark.sql.ansi.enabled")
    assert sessions.setting(session, "spark.sql.ansi.enabled") == "true"
    assert sessions.setting(session, "spark.sql.no.such.setting") is None
    assert not engine.opened().persistent


@pytest.fixture
def given(engine: SparkEngine) -> Iterator[SparkSession]:
    """A caller's session with a time zone and a mode of its own."""
    session = engine.opened().session.newSession()
    session.conf.set("spark.sql.session.timeZone", "Europe/Paris")
    session.conf.set("spark.sql.ansi.enabled", "false")
    yield session
    assert session.conf.get("spark.sql.session.timeZone") == "Europe/Paris"


def test_a_session_that_is_not_the_reference_is_refused(given: SparkSession) -> None:
    engine = SparkEngine(given)
    problem = engine.unavailable()
    assert problem is not None
    assert "spark.sql.session.timeZone is Europe/Paris, the reference has UTC" in problem
    assert 'spark.conf.set("spark.sql.ansi.enabled", "true")' in problem
    with pytest.raises(EngineError, match="not the reference"):
        rows(engine, "SELECT 1 / x AS y FROM `hw`.`t0` AS t", memory(x=[0]))


def test_its_answers_are_given_where_they_are_accepted(given: SparkSession) -> None:
    engine = SparkEngine(given, semantics="session")
    assert engine.unavailable() is None
    sql = "SELECT 1 / x AS y, hour(TIMESTAMP '2026-01-01 00:00:00Z') AS h FROM `hw`.`t0` AS t"
    assert rows(engine, sql, memory(x=[0])) == [{"y": None, "h": 1}]
    session, ansi, zone = engine.remarks()
    assert session.message.startswith("<SparkEngine on a given session>: storage is read with")
    assert "spark.sql.ansi.enabled is false" in ansi.message
    assert "spark.sql.session.timeZone is Europe/Paris" in zone.message


def test_a_given_session_that_is_the_reference_is_used_and_left(engine: SparkEngine) -> None:
    session = engine.opened().session
    other = SparkEngine(session)
    assert other.unavailable() is None
    assert rows(other, "SELECT x FROM `hw`.`t0` AS t", memory(x=[1])) == [{"x": 1}]
    other.close()
    assert session.range(1).count() == 1
