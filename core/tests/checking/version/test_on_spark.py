"""A version's check says the same on both engines: every number of every stage."""

import pytest
from core.tests.checking.version.clean import many_nulls
from core.tests.checking.version.faults import some
from core.tests.checking.version.worlds import World, classes, prices, shop

pytestmark = [pytest.mark.spark, pytest.mark.slow]


def spoiled() -> World:
    """Return a shop with a fault of nearly each stage."""
    world = shop().with_column(
        "serving", "amount", some(9, "CAST('NaN' AS DOUBLE)", "amount * 100")
    )
    world = world.with_column("serving", "income", some(7, "-999.0", "income"))
    world = world.with_column("serving", "owner", "concat(owner, ' ')")
    world = world.with_column("serving", "ts", "ts + INTERVAL 5 HOURS")
    world = world.with_column("serving", "probability", "1 - probability")
    world = world.with_query(
        "serving", f"{world.query('serving')} UNION ALL {world.query('serving')}"
    )
    return world.with_column("actuals", "id", "concat('  ', id)")


@pytest.mark.parametrize("make", [shop, classes, prices, many_nulls, spoiled])
def test_both_engines_say_the_same(make, spark_engine):
    world = make()
    here = world.check().to_dict()
    there = world.check(engine=spark_engine).to_dict()
    stages = {s["name"]: s for s in there["stages"]}
    for stage in here["stages"]:
        other = stages[stage["name"]]
        if stage["name"] in ("serving", "training", "testing", "actuals"):
            # A connection's own stages name the engine.
            assert stage["status"] == other["status"]
        else:
            assert stage == other
    assert here["verdict"] == there["verdict"]
