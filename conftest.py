"""One Spark for all suites: a process has one Spark application, and a session costs seconds."""

from __future__ import annotations

import fcntl
import gc
import os
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from headwater.engines.spark import SparkEngine

_USES_SPARK = frozenset({"spark_engine", "spark_connect"})
_SHORT_LIVED = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m -XX:+UseSerialGC"
"""A JVM that runs thousands of small queries once spends half its time in the second compiler."""


def pytest_configure(config: pytest.Config) -> None:
    """Start every JVM of the tests for a short life, in this process and in those it starts."""
    os.environ.setdefault("SPARK_SUBMIT_OPTS", _SHORT_LIVED)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that uses Spark."""
    for item in items:
        if _USES_SPARK & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.spark)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object | None:
    """Deal whole files where that was asked for, the tests of Spark Connect as if of one file."""
    if config.getvalue("dist") != "loadfile":
        return None
    from tests.dealing import ByFile

    return ByFile(config, log)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Look for no garbage while tests are collected: ten thousand come, and all stay."""
    gc.disable()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Spare each collection of garbage the walk over ten thousand tests and their modules."""
    gc.enable()
    _set_aside()


def pytest_runtest_logfinish() -> None:
    """Spare the next walk what the last one went through: modules come with tests, and stay."""
    if gc.get_stats()[2]["collections"] != _walks[-1]:
        _set_aside()


_walks = [0]
"""How often all objects had been walked over when what was left of them was set aside."""


def _set_aside() -> None:
    gc.collect()
    gc.freeze()
    _walks[:] = [gc.get_stats()[2]["collections"]]


@contextmanager
def _alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let one process at a time fetch packages: Ivy's folder is not made for two."""
    with (tmp_path_factory.getbasetemp().parent / "ivy.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def spark_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkEngine]:
    """A small local Spark with every package, as `SparkEngine` starts it.

    A test that starts one in another process asks for this one too: the packages are there then.
    """
    from tests.spark.servers import SMALL

    from headwater.engines.spark import SparkEngine

    engine = SparkEngine(
        master="local[2]",
        packages=["s3", "iceberg", "delta", "avro"],
        conf={
            "spark.driver.memory": "1g",
            "spark.log.level": "OFF",  # what fails on purpose comes as an exception
            **SMALL,
        },
    )
    problem = engine.unavailable()
    assert problem is None, problem
    with _alone(tmp_path_factory):
        engine.opened()
    yield engine
    engine.close()
    # pyspark 4.1 leaves sockets to the garbage collector: at pytest's own end they would be errors.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(scope="session")
def spark_connect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkEngine]:
    """A Spark Connect server in a process of its own, and an engine that is its client."""
    from tests.spark.servers import connect_server

    from headwater.engines.spark import SparkEngine

    with ExitStack() as stack:
        with _alone(tmp_path_factory):
            remote = stack.enter_context(connect_server(tmp_path_factory.mktemp("connect")))
        engine = SparkEngine(remote=remote)
        problem = engine.unavailable()
        assert problem is None, problem
        yield engine
        engine.close()
