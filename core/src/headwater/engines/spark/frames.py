"""Frames: a plan as a lazy DataFrame of the session in use, for those who stay in Spark."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from headwater.auth.credentials import Access
from headwater.engines.spark.session.sessions import Opened
from headwater.engines.spark.storage import Storage
from headwater.engines.spark.views import Registrar
from headwater.engines.stream_requests import request
from headwater.engines.used_columns import Used
from headwater.interfaces.plan import Plan, Planned
from headwater.sql.private_names import REMARKS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pyspark.sql import DataFrame


def frame(
    opened: Opened,
    planned: Planned,
    access: Access | None,
    renamed: Callable[[Planned, Mapping[str, str]], str],
    cleanup: ExitStack,
) -> DataFrame:
    """Return a plan as a DataFrame, its roles in the columns' metadata.

    Files are opened by name and with options of their readers: no table is made in the session's
    catalog, and its settings stay as they are.

    Args:
        opened: The session.
        planned: What is read.
        access: The identities; None leaves storage to the cluster.
        renamed: Gives the plan's SQL with its slots under other names.
        cleanup: Receives what the DataFrame needs for as long as it is used.
    """
    session = opened.session
    storage = None
    if access is not None:
        storage = Storage(session, access, lending=opened.lending, private=False, cleanup=cleanup)
    registrar = Registrar(session, persistent=True, storage=storage, cleanup=cleanup)
    names = {}
    for scan in planned.plan.scans:
        used = Used.all_of(scan.relation.columns)
        names[scan.slot] = registrar.register(scan, used, request(planned, scan, used))
    return of_dataset(session.sql(renamed(planned, names)), planned.plan)


def of_dataset(frame: DataFrame, plan: Plan) -> DataFrame:
    """Return the rows of a plan's SQL as those of its dataset: its columns, with their roles."""
    if plan.mapping is None:
        return frame
    rows = frame.drop(*REMARKS)
    for column in plan.mapping:
        rows = rows.withMetadata(column.name, column.metadata)
    return rows
