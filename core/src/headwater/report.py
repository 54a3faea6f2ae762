"""What an examination found, stage by stage: the values of `check`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from headwater import html
from headwater.diagnostics import Diagnostic, Severity
from headwater.errors import HeadwaterError


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
        found: tuple[Diagnostic, ...] = getattr(error, "diagnostics", ())
        if not found and error.hint:
            found = (Diagnostic(error.code, error.message, hint=error.hint),)
        return cls(name, Status.FAILED, error.message, found, {"code": error.code})

    @classmethod
    def skipped(cls, name: str, why: str) -> CheckStage:
        """Return the stage `name` that could not be examined, and `why`."""
        return cls(name, Status.SKIPPED, why)

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
    """The examination of a connection.

    Args:
        connection: Its name.
        stages: In the order in which they were examined.
    """

    connection: str
    stages: tuple[CheckStage, ...]

    @property
    def ok(self) -> bool:
        """Whether no stage failed."""
        return all(s.status is not Status.FAILED for s in self.stages)

    def stage(self, name: str) -> CheckStage | None:
        """Return the first stage called `name`, or None."""
        return next((s for s in self.stages if s.name == name), None)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as a JSON-ready dict with keys connection, ok, stages."""
        return {
            "connection": self.connection,
            "ok": self.ok,
            "stages": [s.to_dict() for s in self.stages],
        }

    def render(self) -> str:
        """Return the report for a person, one line a stage and its findings under it."""
        marks = {Status.OK: "ok", Status.WARNING: "warn", Status.FAILED: "FAIL"}
        lines = [f"Check of {self.connection}"]
        for stage in self.stages:
            lines.append(f"  {marks.get(stage.status, 'skip'):<5} {stage.name:<12} {stage.summary}")
            for diagnostic in stage.diagnostics:
                if diagnostic.severity is not Severity.INFO:
                    lines += [f"        {line}" for line in diagnostic.render().splitlines()]
        lines.append("  verdict: " + ("it works" if self.ok else "it does not work yet"))
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        stages = html.table(
            ("stage", "status", ""), ((s.name, s.status, s.summary) for s in self.stages)
        )
        found = [html.block(d.render()) for s in self.stages for d in s.diagnostics]
        verdict = "it works" if self.ok else "it does not work yet"
        return html.card(f"{self.connection}: {verdict}", stages, *found)

    def __str__(self) -> str:
        return self.render()
