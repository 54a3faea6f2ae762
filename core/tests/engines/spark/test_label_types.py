"""Labels of every model type on Spark: what the embedded engine gives, too."""

from collections.abc import Iterator

import pytest
from core.tests.labels_of_types import DATED, KINDS, check, check_in_place

import headwater as hw
from headwater.engines.spark import SparkEngine

pytestmark = pytest.mark.timeout(300)  # the first of them starts Spark


@pytest.fixture
def workspace(engine: SparkEngine) -> Iterator[hw.Workspace]:
    with hw.Workspace() as made:
        made.use_engine(SparkEngine(engine.opened().session))
        yield made


@pytest.mark.parametrize("name", KINDS)
def test_labels_in_a_table_of_their_own(workspace: hw.Workspace, name: str) -> None:
    for dated in DATED:
        check(workspace, name, dated, "spark")


@pytest.mark.parametrize("name", KINDS)
def test_labels_in_the_serving_table(workspace: hw.Workspace, name: str) -> None:
    for dated in DATED:
        check_in_place(workspace, name, dated, "spark")
