"""The results of `check`, stage by stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from headwater.diagnostics import Diagnostic, Severity
from headwater.display import html
from headwater.display.printable import printable, printable_line
from headwater.errors import HeadwaterError

DUPLICATES: Final = 0.1
"""Share of the rows that may repeat an id: more are no accident, but the id of something else."""


class Status(StrEnum):
    """How a stage went. Only `FAILED` makes the verdict no."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class CheckStage:
    """One stage of an examination.

    Args:
        name: What was examined, e.g. `identity`.
        status: How it went.
        summary: One line for a person.
        diagnostics: What was found.
        details: Figures and names behind it, JSON-ready, without secrets.
    """

    name: str
    status: Status
    summary: str
    diagnostics: tuple[Diagnostic, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def failed(cls, name: str, error: HeadwaterError) -> CheckStage:
        """Return the stage `name` that ended in an `error`."""
        diagnostics = error.diagnostics
        if not diagnostics and error.hint:
            diagnostics = (Diagnostic(error.code, error.message, hint=error.hint),)
        return cls(name, Status.FAILED, error.headline, diagnostics, {"code": error.code})

    @classmethod
    def skipped(cls, name: str, why: str) -> CheckStage:
        """Return the stage `name` that could not be examined, and `why`."""
        return cls(name, Status.SKIPPED, why)

    def named(self, name: str) -> CheckStage:
        """Return the stage under another `name`."""
        return replace(self, name=name)

    def to_dict(self) -> dict[str, Any]:
        """Return the stage as a JSON-ready dict."""
        return {
            "name": self.name,
            "status": str(self.status),
            "summary": self.summary,
            "diagnostics": [d.to_dict() for d in self.diagnostics],
            "details": dict(self.details),
        }


@dataclass(frozen=True, slots=True)
class CheckReport:
    """The examination of a connection, or of a model's version.

    Args:
        connection: Its name; that of a version is `model/version`.
        stages: In the order in which they were examined.
        urgent: Names of stages whose warnings the verdict names, too, the first to be mended first.
    """

    connection: str
    stages: tuple[CheckStage, ...]
    urgent: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether no stage failed."""
        return all(s.status is not Status.FAILED for s in self.stages)

    @property
    def verdict(self) -> str:
        """The result in a sentence; if a stage failed, the one to begin with."""
        failed = list(dict.fromkeys(s.name for s in self.stages if s.status is Status.FAILED))
        if failed:
            others = f", then {', '.join(failed[1:])}" if failed[1:] else ""
            return f"it does not work yet; mend {failed[0]} first{others}"
        warned = [s.name for s in self.stages if s.status is Status.WARNING]
        if first := [name for name in self.urgent if name in warned]:
            others = f", then {', '.join(first[1:])}" if first[1:] else ""
            return f"it can be read; mend {first[0]} first{others}"
        if any(s.name == "rows" and s.status is Status.SKIPPED for s in self.stages):
            return "it works, as far as it was looked at: no row was read"
        return "it works"

    def stage(self, name: str) -> CheckStage | None:
        """Return the first stage called `name`, or None."""
        return next((s for s in self.stages if s.name == name), None)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as a JSON-ready dict with keys connection, ok, verdict, stages."""
        return {
            "connection": self.connection,
            "ok": self.ok,
            "verdict": self.verdict,
            "stages": [s.to_dict() for s in self.stages],
        }

    def render(self) -> str:
        """Return the report for a person, one line a stage and its findings under it."""
        marks = {Status.OK: "ok", Status.WARNING: "warn", Status.FAILED: "FAIL"}
        lines = [f"Check of {self.connection}"]
        width = max([len(s.name) for s in self.stages], default=0)
        for stage in self.stages:
            mark = marks.get(stage.status, "skip")
            lines.append(f"  {mark:<4} {stage.name:<{width}}  {printable_line(stage.summary)}")
            for diagnostic in stage.diagnostics:
                if diagnostic.severity is not Severity.INFO:
                    lines += [
                        f"        {line}" for line in _diagnostic_lines(diagnostic, stage.summary)
                    ]
        lines.append(f"  verdict: {self.verdict}")
        return printable("\n".join(lines))

    def _repr_html_(self) -> str:
        stages = html.table(
            ("stage", "status", ""),
            ((s.name, html.Status(str(s.status)), s.summary) for s in self.stages),
        )
        blocks = [html.block(d.render()) for s in self.stages for d in s.diagnostics]
        return html.card(f"{self.connection}: {self.verdict}", stages, *blocks)

    def __str__(self) -> str:
        return self.render()


def _diagnostic_lines(diagnostic: Diagnostic, summary: str) -> list[str]:
    """Return the lines of a finding; where the summary says it already, only its code and hint."""
    if diagnostic.message == summary:
        diagnostic = replace(diagnostic, message="what to do")
    return diagnostic.render().splitlines()
