import logging
from types import SimpleNamespace
from typing import Any

import pytest

from headwater.interfaces import hookspecs
from headwater.interfaces.hookspecs import hookimpl
from headwater.plugins import PluginRegistry, hooks


def observer(name: str, **implementations: Any) -> SimpleNamespace:
    return SimpleNamespace(
        __name__=name, **{hook: hookimpl(call) for hook, call in implementations.items()}
    )


def test_every_hook_that_is_specified_is_called_from_here() -> None:
    specified = {name for name in vars(hookspecs) if name.startswith("headwater_")}
    assert specified == {*hooks.REGISTRATION, *hooks.OBSERVERS}


def test_observers_see_plans_and_reads() -> None:
    seen: list[Any] = []

    def headwater_plan_created(plan: Any) -> None:
        seen.append(plan)

    def headwater_read_finished(error: Any, stats: Any) -> None:  # an observer takes what it needs
        seen.append((stats, error))

    plugin = observer(
        "lineage",
        headwater_plan_created=headwater_plan_created,
        headwater_read_finished=headwater_read_finished,
    )
    registry = PluginRegistry([plugin], discover=False)
    failure = ValueError("boom")
    hooks.plan_created(registry, "plan")  # type: ignore[arg-type]
    hooks.read_finished(registry, "plan", "stats", failure)  # type: ignore[arg-type]
    assert seen == ["plan", ("stats", failure)]
    assert registry.report()[1].observes == ("headwater_plan_created", "headwater_read_finished")


def test_what_an_observer_raises_is_logged_and_the_others_are_called(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen: list[Any] = []

    def fails(plan: Any) -> None:
        raise RuntimeError("lineage server is down")

    def headwater_plan_created(plan: Any) -> None:
        seen.append(plan)

    registry = PluginRegistry(
        [
            observer("failing", headwater_plan_created=fails),
            observer("other", headwater_plan_created=headwater_plan_created),
        ],
        discover=False,
    )
    with caplog.at_level(logging.ERROR, logger="headwater"):
        hooks.plan_created(registry, "plan")  # type: ignore[arg-type]
    assert seen == ["plan"]
    [record] = caplog.records
    assert record.getMessage() == (
        "plugin module failing: headwater_plan_created failed; the read goes on"
    )
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == "lineage server is down"


def test_an_interrupt_is_no_observers_failure() -> None:
    def headwater_plan_created(plan: Any) -> None:
        raise KeyboardInterrupt

    registry = PluginRegistry(
        [observer("slow", headwater_plan_created=headwater_plan_created)], discover=False
    )
    with pytest.raises(KeyboardInterrupt):
        hooks.plan_created(registry, "plan")  # type: ignore[arg-type]
