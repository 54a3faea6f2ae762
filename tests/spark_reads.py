"""Queries on the tests' one Spark: a workspace that used its engine would close it."""

from __future__ import annotations

from headwater.interfaces.data_source import DataSource
from headwater.interfaces.engine import Engine
from headwater.interfaces.plan import Planned
from headwater.planning import planner
from headwater.reading.dataset import Dataset
from headwater.reading.reader import Reading
from headwater.workspace.workspace import Workspace


def planned_sql(source: DataSource, query: str, engine: Engine) -> Dataset:
    """Return the rows of a query, planned now and read by an engine that stays open."""
    with Workspace() as workspace, source.access() as access:
        bound = workspace.bind_query(source, access, query)
        plan = planner.plan_sql("test", bound, access)
    return Dataset(Reading(Planned.of(plan), engine, source.access))
