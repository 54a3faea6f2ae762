"""What the reference can't run is refused before anything starts: no Java is needed to say so."""

from headwater.engines.spark import SparkEngine
from headwater.interfaces.plan import Plan


def plan_of(sql: str) -> Plan:
    return Plan("test", sql, sql, (), None, None, "spark", "asked for")


def test_qualify_is_newer_than_the_reference():
    sql = "SELECT a FROM `hw`.`t0` QUALIFY row_number() OVER (PARTITION BY a ORDER BY a) = 1"
    (found,) = SparkEngine().refusals(plan_of(sql))
    assert found.code == "newer-spark"
    assert "subquery" in str(found.hint)
    assert SparkEngine(semantics="session").refusals(plan_of(sql)) == ()


def test_what_the_reference_has_is_not_refused():
    assert SparkEngine().refusals(plan_of("SELECT a FROM `hw`.`t0` WHERE a > 1")) == ()
