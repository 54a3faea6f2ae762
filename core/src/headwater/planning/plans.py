"""Plans: one plan of a stretch of time, and what each window of a calendar needs of it.

Tables are looked at once, for all of the stretch (`planner.Draft`). Windows that need the same
files are read together, so that no file is opened for each of them anew:

    windows that share nothing     each is read by itself, when its rows are asked for
    windows that share files       are one group, whose rows come from one read
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Final, overload

from headwater.diagnostics import Diagnostic, Severity
from headwater.display import html
from headwater.display.printable import printable
from headwater.engines.stream_requests import asking
from headwater.interfaces.plan import Plan, Planned, Scan
from headwater.interfaces.plan_text import bytes_text, files_text
from headwater.planning.planner import Draft, within
from headwater.tables.relation import FileRelation, MemoryRelation
from headwater.tables.window import Window
from headwater.windows.calendar import Calendar

OPEN_WINDOW = "open-window"
"""Code of what says that a window has not ended yet."""
PARTIAL_WINDOW = "partial-window"
"""Code of what says that a window is less than a step of its calendar."""

GROUP_BYTES: Final = 2 * 10**9
"""Bytes of files from which a group of windows takes no more of them: their rows are kept."""
GROUP_WINDOWS: Final = 128
"""Windows that are read together, at most: each is a branch of the plan's SQL."""
_SHARED: Final = 0.1
"""From which part of its files or bytes on a window shares enough to be read with others."""


class Plans(Sequence[Plan]):
    """The plans of a stretch of time's windows, in order; each is made when it is asked for.

    Args:
        draft: What they are made of.
        calendar: Where the windows are cut.
        windows: The windows.
        engine: Name of the engine that runs them.
        reason: Why that one.
        remarks: What the engine has to say of it.
        memory: The most bytes that it holds for a read of one.
        compiled: One of them, as the engine compiles it: others of its SQL are compiled likewise.
    """

    def __init__(
        self,
        draft: Draft,
        calendar: Calendar,
        windows: Sequence[Window],
        engine: str = "",
        reason: str = "",
        remarks: tuple[Diagnostic, ...] = (),
        memory: int | None = None,
        compiled: Planned | None = None,
    ) -> None:
        self.draft = draft
        self.calendar = calendar
        self.windows = tuple(windows)
        self._engine, self._reason, self._remarks = engine, reason, remarks
        self._memory = memory
        self._compiled = compiled

    def decided(self, planned: Planned, remarks: tuple[Diagnostic, ...]) -> Plans:
        """Return the plans for the engine that one of them was decided for.

        Args:
            planned: It.
            remarks: What it says that holds for all of them.
        """
        plan = planned.plan
        return Plans(
            self.draft,
            self.calendar,
            self.windows,
            plan.engine,
            plan.engine_reason,
            remarks,
            plan.memory,
            planned,
        )

    def compiled(self, plan: Plan) -> Planned | None:
        """Return one of the plans as its engine compiles it; None where that is not known.

        Args:
            plan: It, of one window or of several.
        """
        known = self._compiled
        return None if known is None or known.plan.sql != plan.sql else replace(known, plan=plan)

    def __len__(self) -> int:
        return len(self.windows)

    @overload
    def __getitem__(self, index: int) -> Plan: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Plan]: ...

    def __getitem__(self, index: int | slice) -> Plan | Sequence[Plan]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return asking(self._of(index))

    def _of(self, index: int) -> Plan:
        """Return a plan that does not say yet what sources are asked for."""
        window = self.windows[index]
        plan = within(self.draft.part([window]), self.draft.request.max_bytes)
        warnings = (*plan.warnings, *self._remarks, *self._of_window(window))
        return self._by_engine(replace(plan, warnings=warnings))

    def __iter__(self) -> Iterator[Plan]:
        return (self[i] for i in range(len(self)))

    @cached_property
    def whole(self) -> Plan:
        """The plan of all of the stretch, as if it were one window."""
        draft = replace(self.draft, request=replace(self.draft.request, max_bytes=None))
        return asking(self._by_engine(draft.plan()))

    def together(self, windows: range) -> Plan:
        """Return the plan of several neighbours at once; each row says of which one it is.

        Args:
            windows: Which of them.
        """
        plan = self.draft.part(self.windows[windows.start : windows.stop])
        return asking(self._by_engine(plan))

    def groups(self) -> list[range]:
        """Return which windows are read together: those that would open the same files again."""
        limit = min(GROUP_BYTES, self.draft.request.max_bytes or GROUP_BYTES)
        groups: list[range] = []
        group_files: dict[tuple[str, str], int] = {}
        for number, window in enumerate(self.windows):
            shares = self.draft.part_shares(window)
            files = {
                (share.scan.slot, file.path): file.size
                for share in shares
                for file in (share.files if isinstance(share.scan.relation, FileRelation) else ())
            }
            joined = {**group_files, **files}
            if (
                groups
                and len(groups[-1]) < GROUP_WINDOWS
                and _shares(files, group_files, self.draft.scans)
                and sum(joined.values()) <= limit
            ):
                groups[-1] = range(groups[-1].start, number + 1)
                group_files = joined
            else:
                groups.append(range(number, number + 1))
                group_files = files
        return groups

    def explain(self) -> str:
        """Return the plans as text for a person: the whole, and what each window needs of it."""
        whole = self.whole
        step, zone = self.calendar.step, self.calendar.timezone
        lines = [f"Plan of {whole.connection}, {len(self)} windows of {step} ({zone})"]
        head, _, rest = whole.explain().partition("\n")
        del head
        about = rest.partition("\n  sql\n")[0]
        lines += about.splitlines()
        lines.append("  windows")
        width = max(len(str(w)) for w in self.windows)
        for plan in map(self._of, range(len(self))):
            size = f"{files_text(plan.files)}, {bytes_text(plan.bytes)}"
            codes = "".join(
                f"  {d.code}" for d in plan.warnings if d.code in (OPEN_WINDOW, PARTIAL_WINDOW)
            )
            lines.append(f"    {plan.window!s:<{width}}  {size}{codes}")
        for warning in whole.warnings:
            lines += warning.render().splitlines()
        return printable("\n".join(lines))

    def to_dict(self) -> dict[str, Any]:
        """Return the plans as a JSON-ready dict."""
        return {
            "every": str(self.calendar.step),
            "timezone": self.calendar.timezone,
            "whole": self.whole.to_dict(),
            "windows": [
                {
                    "window": plan.window
                    and {
                        "start": plan.window.start.isoformat(),
                        "end": plan.window.end.isoformat(),
                    },
                    "as_of": plan.as_of and plan.as_of.isoformat(),
                    "files": plan.files,
                    "bytes": plan.bytes,
                    "warnings": [w.to_dict() for w in plan.warnings],
                }
                for plan in map(self._of, range(len(self)))
            ],
        }

    def _repr_html_(self) -> str:
        rows = [
            (
                plan.window,
                plan.files,
                bytes_text(plan.bytes),
                ", ".join(w.code for w in plan.warnings),
            )
            for plan in map(self._of, range(len(self)))
        ]
        return html.card(
            f"Plan of {self.whole.connection}, {len(self)} windows of {self.calendar.step}",
            html.table(("window", "files", "bytes", "warnings"), rows),
        )

    def __str__(self) -> str:
        return self.explain()

    def __repr__(self) -> str:
        name = self.draft.request.connection
        return f"<Plans of {name}, {len(self)} windows of {self.calendar.step}>"

    def _by_engine(self, plan: Plan) -> Plan:
        return replace(plan, engine=self._engine, engine_reason=self._reason, memory=self._memory)

    def _of_window(self, window: Window) -> tuple[Diagnostic, ...]:
        """Return what of a window is not what its place in the calendar promises."""
        warnings = []
        if window.end > self.draft.now:
            warnings.append(
                Diagnostic(
                    OPEN_WINDOW,
                    f"{window} is open: it ends later than now, and rows of it are still to come",
                    Severity.WARNING,
                    hint="end the time that you ask for with the last window that is over",
                )
            )
        if window not in self._whole_steps:
            step = self.calendar.step
            warnings.append(
                Diagnostic(
                    PARTIAL_WINDOW,
                    f"{window} is less than {step} of the calendar ({self.calendar.timezone})",
                    Severity.WARNING,
                    hint=f"begin and end the time that you ask for where a window of {step} does",
                )
            )
        return tuple(warnings)

    @cached_property
    def _whole_steps(self) -> frozenset[Window]:
        hull = Window(self.windows[0].start, self.windows[-1].end)
        return frozenset(self.calendar.steps(hull))


def _shares(
    files: dict[tuple[str, str], int],
    group_files: dict[tuple[str, str], int],
    scans: Sequence[Scan],
) -> bool:
    """Return whether a window would open again much of what those before it open."""
    if any(not isinstance(s.relation, FileRelation | MemoryRelation) for s in scans):
        return True  # what a lake or a source opens for a window is not known beforehand
    again = [size for file, size in files.items() if file in group_files]
    return len(again) > _SHARED * len(files) or sum(again) > _SHARED * sum(files.values())
