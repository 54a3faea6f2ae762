"""Every hook that a plugin may implement.

A plugin is a module named in the entry-point group `headwater.plugins`. It marks functions with
`headwater.hookimpl`. Registration hooks return data and are called once; event hooks observe.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

from headwater.interfaces.specs import (
    AuthSpec,
    CommandSpec,
    EngineSpec,
    LedgerSpec,
    RewriteSpec,
    SourceSpec,
    ValidatorSpec,
    WriterSpec,
)

if TYPE_CHECKING:
    from headwater.interfaces.plan import Plan
    from headwater.interfaces.read_stats import ReadStats

PROJECT = "headwater"
API_VERSION = 1
"""Version of these hooks and of what passes through them. A plugin module may state the one that it
is written for as `HEADWATER_API = 1`; another is refused, with what to upgrade."""
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def headwater_sources() -> Iterable[SourceSpec]:  # type: ignore[empty-body]
    """Return the data sources that this plugin provides.

    Called once, when a registry loads its plugins. Return specs; import nothing heavy.
    """


@hookspec
def headwater_auth() -> Iterable[AuthSpec]:  # type: ignore[empty-body]
    """Return the authentication strategies that this plugin provides.

    Called once, when a registry loads its plugins. Return specs; import nothing heavy.
    """


@hookspec
def headwater_engines() -> Iterable[EngineSpec]:  # type: ignore[empty-body]
    """Return the engines that this plugin provides.

    Called once, when a registry loads its plugins. Return specs; import nothing heavy.
    """


@hookspec
def headwater_validators() -> Iterable[ValidatorSpec]:  # type: ignore[empty-body]
    """Return validators: callables `(analysis) -> Iterable[Diagnostic]` that see every query.

    Called once. A validator may add findings; it can't take back those of headwater.
    """


@hookspec
def headwater_rewrite_rules() -> Iterable[RewriteSpec]:  # type: ignore[empty-body]
    """Return rewrite rules: callables `(analysis) -> Sequence[Edit]` that see every query.

    Called once. Rules run by `(phase, kind)`; what they give is parsed and guarded again.
    """


@hookspec
def headwater_writers() -> Iterable[WriterSpec]:  # type: ignore[empty-body]
    """Return writers of datasets, one for each format.

    Called once, when a registry loads its plugins.
    """


@hookspec
def headwater_ledgers() -> Iterable[LedgerSpec]:  # type: ignore[empty-body]
    """Return the stores of ledgers that this plugin provides.

    Called once, when a registry loads its plugins. Return specs; import nothing heavy.
    """


@hookspec
def headwater_commands() -> Iterable[CommandSpec]:  # type: ignore[empty-body]
    """Return commands that join the `headwater` program.

    Called when the program starts, so return specs; the command is imported when it is run.
    """


@hookspec
def headwater_plan_created(plan: Plan) -> None:
    """Observe a plan that was just made.

    Called after every successful plan. What it raises is logged and does not stop the read.
    """


@hookspec
def headwater_read_finished(plan: Plan, stats: ReadStats, error: BaseException | None) -> None:
    """Observe the end of a read.

    Called once for each read, whether it finished, failed (`error`) or was left early. What it
    raises is logged and does not change the outcome.
    """
