"""Choosing the engine: by name, or `auto`, which explains itself and never falls back silently."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from headwater.engine import Engine
from headwater.errors import EngineError, QueryError
from headwater.plan import Plan
from headwater.plan_text import bytes_text

AUTO = "auto"

EMBEDDED_LIMIT = 200 * 10**9
"""Bytes on storage above which `auto` prefers Spark, if it is there: one machine reads about a
gigabyte a second at best, so this is minutes."""


def choose(
    plan: Plan, wanted: str, engine: Callable[[str], Engine], *, limit: int = EMBEDDED_LIMIT
) -> tuple[Plan, Engine]:
    """Return the plan with its engine decided, and that engine.

    Args:
        plan: A draft.
        wanted: Name of an engine, or `auto`: embedded if it can promise Spark's answer and the
            estimate is small enough, else Spark.
        engine: Gives an engine by name.
        limit: Bytes above which `auto` prefers Spark.

    Raises:
        EngineError: If the engine that was asked for can't be used here.
        QueryError: If the engine can't run the query with Spark's answers; each construct that
            stands in the way is underlined.
    """
    if wanted != AUTO:
        chosen = engine(wanted)
        problem = chosen.unavailable()
        if problem:
            raise EngineError(f"the {wanted} engine can't be used here", hint=problem)
        refusals = chosen.refusals(plan)
        if refusals:
            raise QueryError(f"the {wanted} engine can't run this query", refusals)
        return replace(plan, engine=wanted, engine_reason="asked for"), chosen
    embedded, spark = engine("embedded"), engine("spark")
    missing = embedded.unavailable()
    refusals = () if missing else embedded.refusals(plan)
    no_spark = spark.unavailable()
    fits = not missing and not refusals
    if fits and (plan.bytes <= limit or no_spark):
        reason = "the query is in the portable subset"
        if plan.bytes > limit:
            reason += f"; {bytes_text(plan.bytes)} is much for one machine, but Spark is not here"
        return replace(plan, engine="embedded", engine_reason=reason), embedded
    if no_spark:
        if missing:
            raise EngineError(
                "no engine can be used here", hint=f"embedded: {missing}\nspark: {no_spark}"
            )
        raise QueryError(
            "the embedded engine can't promise Spark's answer to this query, and Spark is not here",
            refusals,
            hint=no_spark,
        )
    refused = spark.refusals(plan)
    if refused:
        raise QueryError("no engine can run this query", [*refusals, *refused])
    if missing:
        reason = f"the embedded engine can't be used here ({missing.splitlines()[0]})"
    elif refusals:
        reason = f"not in the portable subset: {refusals[0].message}"
    else:
        reason = f"{bytes_text(plan.bytes)} is more than one machine should read"
    return replace(plan, engine="spark", engine_reason=reason), spark
