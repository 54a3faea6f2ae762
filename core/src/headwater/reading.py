"""Reading: what runs a plan again and again, each time with identities opened anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from headwater.credentials import Access
from headwater.engine import ArrowStream, Engine, FarWriting, SparkFrames
from headwater.errors import DataChangedError, UnsupportedError
from headwater.plan import Plan
from headwater.relation import FileRelation

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
        """Open a read; leaving it releases everything.

        Raises:
            DataChangedError: If a file is not what the plan saw.
        """
        with self._confirmed() as access, self._engine.read(self._plan, access) as batches:
            yield batches

    def to_spark(self) -> DataFrame:
        """Return the plan as a Spark DataFrame; see `Dataset.to_spark`.

        Raises:
            UnsupportedError: If another engine than Spark runs the plan.
            DataChangedError: If a file is not what the plan saw.
        """
        if not isinstance(self._engine, SparkFrames):
            raise UnsupportedError(
                f"{self._plan.connection} is read by the {self._engine.name} engine, which makes "
                "no Spark DataFrames",
                hint='read it with engine="spark"',
            )
        return self._engine.to_spark(self._plan, self._confirmed)

    def write(self, target: str, format: str, overwrite: bool) -> int:
        """Let the engine write the rows where it runs; see `Dataset.write_delta`.

        Returns:
            How many rows were written.

        Raises:
            UnsupportedError: If the engine can't.
            DataChangedError: If a file is not what the plan saw.
        """
        if not isinstance(self._engine, FarWriting):
            raise UnsupportedError(
                f"{self._plan.connection} is read by the {self._engine.name} engine, which writes "
                f"to this machine's own files only, not {format} to {target}",
                hint='read it with engine="spark", or write to a path without a scheme',
            )
        with self._confirmed() as access:
            return self._engine.write(
                self._plan, access, target, format=format, overwrite=overwrite
            )

    @contextmanager
    def _confirmed(self) -> Iterator[Access]:
        with self._open_access() as access:
            confirm(self._plan, access)
            yield access


def confirm(plan: Plan, access: Access) -> None:
    """Raise if a file of a plan was overwritten or deleted since, whatever its length is now.

    Engines compare lengths, and notice a file that changes while they read it. A file that was
    overwritten by another of the same length shows only in its version mark, which the storage
    tells: `changes` is an optional method of a session (path to what happened to it).

    Args:
        plan: What is about to be read.
        access: The opened identities.

    Raises:
        DataChangedError: Names the table and the first such file.
    """
    for scan in plan.scans:
        relation = scan.relation
        if not isinstance(relation, FileRelation) or relation.auth_ref is None:
            continue
        ask = getattr(access.session(relation.auth_ref), "changes", None)
        if ask is None:
            continue
        for path, what in ask(relation.files).items():
            raise DataChangedError(
                f"table {relation.name}: {path} {what} since the read was planned",
                hint="plan the read again",
            )
