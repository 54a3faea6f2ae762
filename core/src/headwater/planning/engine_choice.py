"""Choosing the engine: by name, or `auto`, which explains itself and never falls back silently."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace

from headwater.diagnostics import Diagnostic, diagnostics_of
from headwater.engines.stream_requests import asking
from headwater.errors import EngineError, PluginError, QueryError
from headwater.interfaces.engine import Compiled, Engine, Remarking, compiles
from headwater.interfaces.offers import offers
from headwater.interfaces.plan import Plan, Planned
from headwater.interfaces.plan_text import bytes_text

_log = logging.getLogger(__name__)

AUTO = "auto"

EMBEDDED_LIMIT = 200 * 10**9
"""Bytes on storage above which `auto` prefers Spark, if it is there: one machine reads about a
gigabyte a second at best, so this is minutes."""


def choose(
    plan: Plan, name: str, engine: Callable[[str], Engine], *, limit: int = EMBEDDED_LIMIT
) -> tuple[Planned, Engine]:
    """Return the plan with its engine decided, analysed and compiled for it, and that engine.

    Args:
        plan: A draft.
        name: Name of an engine, or `auto`: embedded if it can promise Spark's answer and the
            estimate is small enough, else Spark.
        engine: Gives an engine by name.
        limit: Bytes above which `auto` prefers Spark.

    Raises:
        EngineError: If the engine that was asked for can't be used here.
        QueryError: If the engine can't run the query with Spark's answers; each construct that
            stands in the way is underlined.
    """
    planned = Planned.of(plan)
    if name != AUTO:
        chosen = engine(name)
        problem = chosen.unavailable()
        if problem:
            raise EngineError(f"the {name} engine can't be used here", hint=problem)
        compiled = _compiled(planned, chosen)
        if compiled.refusals:
            raise QueryError(f"the {name} engine can't run this query", compiled.refusals)
        return _decided(planned, chosen, compiled, "asked for")
    embedded = engine("embedded")
    missing = embedded.unavailable()
    compiled = Compiled(None) if missing else _compiled(planned, embedded)
    refusals = compiled.refusals
    fits = not missing and not refusals
    if fits and (plan.bytes is None or plan.bytes <= limit):
        # Spark is not even looked at: it takes seconds to import.
        return _decided(planned, embedded, compiled, "the query is in the portable subset")
    spark, no_spark = _or_why_not(engine, "spark")
    if spark is None:
        if fits:
            size = bytes_text(plan.bytes)
            reason = f"{size} is much for one machine, but Spark can't be used here: {no_spark}"
            return _decided(planned, embedded, compiled, reason)
        if missing:
            raise EngineError(
                "no engine can be used here", hint=f"embedded: {missing}\nspark: {no_spark}"
            )
        raise QueryError(
            "the embedded engine can't promise Spark's answer to this query, and Spark is not here",
            refusals,
            hint=no_spark,
        )
    on_spark = _compiled(planned, spark)
    if on_spark.refusals:
        raise QueryError("no engine can run this query", [*refusals, *on_spark.refusals])
    if missing:
        reason = f"the embedded engine can't be used here: {missing}"
    elif refusals:
        reason = f"not in the portable subset: {refusals[0].message}"
    else:
        reason = f"{bytes_text(plan.bytes)} is more than one machine should read"
    return _decided(planned, spark, on_spark, reason)


def _compiled(planned: Planned, engine: Engine) -> Compiled:
    if compiles(engine):
        return engine.compile(planned)
    refusals: Iterable[object] = engine.refusals(planned.plan)
    try:
        return Compiled(None, diagnostics_of(refusals))
    except TypeError as error:
        raise PluginError(
            f"the {engine.name} engine does not say whether it can run this query: {error}",
            hint="this is for its author: `refusals` gives Diagnostics, and none if it can",
        ) from error


def _decided(
    planned: Planned, engine: Engine, compiled: Compiled, reason: str
) -> tuple[Planned, Engine]:
    _log.debug("%s: the engine is %s: %s", planned.plan.connection, engine.name, reason)
    remarks: tuple[Diagnostic, ...] = engine.remarks() if offers(engine, Remarking) else ()
    warnings = (*planned.plan.warnings, *remarks, *compiled.remarks)
    plan = replace(
        planned.plan,
        engine=engine.name,
        engine_reason=reason,
        warnings=warnings,
        memory=compiled.memory,
    )
    decided = replace(planned, plan=plan, compiled=compiled.text)
    return replace(decided, plan=asking(decided)), engine


def _or_why_not(engine: Callable[[str], Engine], name: str) -> tuple[Engine | None, str | None]:
    """Return an engine, or why there is none: it can't be imported, or can't be used."""
    try:
        candidate = engine(name)
    except PluginError as error:
        return None, error.hint or error.message
    problem = candidate.unavailable()
    return (None, problem) if problem else (candidate, None)
