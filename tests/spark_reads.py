"""Queries on the tests' one Spark: a workspace that used its engine would close it."""

from __future__ import annotations

from headwater import pipeline
from headwater.dataset import Dataset
from headwater.engine import Engine
from headwater.plan import Planned
from headwater.reading import Reading
from headwater.source import DataSource
from headwater.workspace import Workspace


def planned_sql(source: DataSource, query: str, engine: Engine) -> Dataset:
    """Return the rows of a query, planned now and read by an engine that stays open."""
    with Workspace() as workspace, source.access() as access:
        resolved = workspace.resolve(source, access, query)
        plan = pipeline.draft_sql("test", resolved, access)
    return Dataset(Reading(Planned.of(plan), engine, source.access))
