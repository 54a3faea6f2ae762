"""Our own engines keep the contract; Spark, the reference, proves the answers that it asks for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

import pytest

from headwater.engine import Engine
from headwater.engines.embedded import EmbeddedEngine
from headwater.testing import EngineContract


class TestEmbedded(EngineContract):
    @pytest.fixture
    def engine(self) -> Engine:
        return EmbeddedEngine()


@pytest.fixture(scope="module")
def spark() -> Iterator[Engine]:
    from headwater.engines.spark import SparkEngine

    engine = SparkEngine(master="local[2]", conf={"spark.ui.enabled": "false"})
    yield engine
    engine.close()


SKIPS_FLOATS = "Spark's Parquet reader skips by statistics, which know neither NaN nor -0.0"


@pytest.mark.spark
class TestSpark(EngineContract):
    known_failures: ClassVar[Mapping[str, str]] = {
        "test_answers_are_sparks[nan-equals-nan]": SKIPS_FLOATS,
        "test_answers_are_sparks[negative-zero-is-zero]": SKIPS_FLOATS,
    }

    @pytest.fixture
    def engine(self, spark: Engine) -> Engine:
        return spark
