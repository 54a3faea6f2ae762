"""Reading: what runs a plan again and again, each time with identities opened anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from headwater.credentials import Access
from headwater.engine import ArrowStream, Engine, SparkFrames
from headwater.errors import UnsupportedError
from headwater.plan import Plan

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class Reading:
    """Opens reads of one plan on one engine.

    Args:
        plan: What is read.
        engine: What runs it.
        open_access: Opens the identities of one read.
    """

    def __init__(
        self, plan: Plan, engine: Engine, open_access: Callable[[], AbstractContextManager[Access]]
    ) -> None:
        self._plan = plan
        self._engine = engine
        self._open_access = open_access

    @contextmanager
    def open(self) -> Iterator[ArrowStream]:
        """Open a read; leaving it releases everything."""
        with self._open_access() as access, self._engine.read(self._plan, access) as batches:
            yield batches

    def to_spark(self) -> DataFrame:
        """Return the plan as a Spark DataFrame; see `Dataset.to_spark`.

        Raises:
            UnsupportedError: If another engine than Spark runs the plan.
        """
        if not isinstance(self._engine, SparkFrames):
            raise UnsupportedError(
                f"{self._plan.connection} is read by the {self._engine.name} engine, which makes "
                "no Spark DataFrames",
                hint='read it with engine="spark"',
            )
        return self._engine.to_spark(self._plan, self._open_access)
