"""What headwater-openlineage contributes to headwater: two observers, nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headwater.interfaces import hookimpl

if TYPE_CHECKING:
    from headwater.interfaces import Plan, ReadStats

HEADWATER_API = 1


@hookimpl
def headwater_plan_created(plan: Plan) -> None:
    """Describe the job, with its inputs, before anything is read."""
    from headwater_openlineage.transport import configured

    target = configured()
    if target is not None:
        from headwater_openlineage.events import planned_event

        target.send([planned_event(plan, target.namespace)])


@hookimpl
def headwater_read_finished(plan: Plan, stats: ReadStats, error: BaseException | None) -> None:
    """Describe the run: that it began, and how it ended."""
    from headwater_openlineage.transport import configured

    target = configured()
    if target is not None:
        from headwater_openlineage.events import finished_events

        target.send(finished_events(plan, stats, error, target.namespace))
