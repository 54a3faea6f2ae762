"""Our own engines keep the contract; Spark, the reference, proves the answers that it asks for."""

from __future__ import annotations

import pytest

from headwater.engines.embedded import EmbeddedEngine
from headwater.interfaces.engine import Engine
from headwater.testing import EngineContract


class TestEmbedded(EngineContract):
    @pytest.fixture
    def engine(self) -> Engine:
        return EmbeddedEngine()


class TestSpark(EngineContract):
    deadline = 120  # its first read starts a JVM

    @pytest.fixture
    def engine(self, spark_engine: Engine) -> Engine:
        return spark_engine


class TestSparkConnect(EngineContract):
    deadline = 120

    @pytest.fixture
    def engine(self, spark_connect: Engine) -> Engine:
        return spark_connect
