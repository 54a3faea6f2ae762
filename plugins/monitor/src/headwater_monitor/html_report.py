"""Report: what a model did in production, as one HTML file, and the same as a frame."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headwater.display import html
from headwater.display.printable import printable, printable_line
from headwater.errors import ConfigError
from headwater_monitor import wording
from headwater_monitor.assessment import PERFORMANCE, Assessment, Finding, metrics_of
from headwater_monitor.field_drift import reference_of
from headwater_monitor.thresholds import DEFAULTS, Thresholds

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from headwater.maturity.maturity import Maturity
    from headwater.profiling.profile import Profile
    from headwater.workspace.model import Connection
    from headwater_monitor.label_sets import MultiLabel
    from headwater_monitor.query_ranking import Ranking

_MOVED = DEFAULTS["psi"]
_MOST_SHOWN = 3
_MOST_SAID = 10


class Report:
    """Drift and performance by window: what `report` returns.

    `save` writes it as one HTML file that loads nothing; `to_arrow` and `to_pandas` give every
    figure.

    Args:
        assessment: The assessment.
        title: What stands above it.
    """

    def __init__(self, assessment: Assessment, title: str) -> None:
        self.assessment = assessment
        self.title = title

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is beyond its threshold, the worst first; what is provisional last."""
        return self.assessment.findings

    @property
    def breached(self) -> bool:
        """Whether a figure that is final is beyond its threshold."""
        return bool(self.assessment.final_findings)

    @property
    def not_final(self) -> tuple[str, ...]:
        """What is still to come of windows whose labels are not all there, a line for each."""
        return tuple(
            wording.waiting(part, self.assessment) for part in self.assessment.provisional_windows
        )

    def to_html(self) -> str:
        """Return the page; the same of the same profiles.

        Raises:
            PluginError: If matplotlib is not installed.
        """
        from headwater_monitor.page import page

        return page(self.assessment, self.title)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page to a file, replacing what is there.

        Args:
            path: The file.

        Returns:
            Its path.

        Raises:
            ConfigError: If it can't be written.
            PluginError: If matplotlib is not installed.
        """
        text = self.to_html()
        place = Path(path)
        hidden = place.with_name(f".{place.name}.{os.getpid()}")
        try:
            hidden.write_text(text, encoding="utf-8")
            hidden.replace(place)
        except OSError as error:
            raise ConfigError(
                f"the report can't be written to {place}: {error.strerror or error}",
                hint="name a file in a directory that exists and may be written to",
            ) from error
        finally:
            with suppress(OSError):
                hidden.unlink(missing_ok=True)
        return place

    def to_arrow(self) -> pa.Table:
        """Return every figure as a long table.

        | column | what it holds |
        |---|---|
        | `window_start`, `window_end` | the window, in UTC; NULL for all rows |
        | `segment` | JSON of the segment; NULL for all of them |
        | `subject` | `performance`, `drift` or `labels` |
        | `field` | the field, or the prediction |
        | `metric` | the figure's name |
        | `value`, `low`, `high` | the figure, and between what the exact one lies |
        | `reference` | the same of the reference; of `coverage`, what is expected by now |
        | `threshold` | from where on it is worth a look |
        | `status` | `ok`, `breached`, `by chance` (beyond it, with too few rows), `unjudged` |
        | `provisional` | whether labels that are still to come may change it |
        | `expected` | what it may be in the end, by how far early ones have been from final ones |
        """
        return self.assessment.to_arrow()

    def to_pandas(self) -> pd.DataFrame:
        """Return every figure as a pandas frame, as `to_arrow` does."""
        return self.to_arrow().to_pandas()

    def to_dict(self) -> dict[str, Any]:
        """Return every figure, and what to look at first, as a JSON-ready dict."""
        columns = self.to_arrow()
        figures = [
            {n: v.isoformat() if n.startswith("window_") and v else v for n, v in row.items()}
            for row in columns.to_pylist()
        ]
        return {
            "title": self.title,
            "breached": self.breached,
            "verdict": wording.verdict(self.assessment),
            "findings": self._findings(),
            "not_final": list(self.not_final),
            "figures": figures,
        }

    def summary(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Return a table of a line for each window, for a terminal: its head, and its rows."""
        assessment = self.assessment
        metrics = metrics_of(assessment.windows)[:1]
        names = wording.window_names([part.window for part in assessment.windows])
        head = ("window", "rows", "labels", *metrics, "moved farthest (PSI)")
        rows = []
        for part, name in zip(assessment.windows, names, strict=True):
            figures = [r for r in part.rows if r.subject == PERFORMANCE and r.metric in metrics]
            text = f"{figures[0].figure:.2f}" if figures else "-"
            if figures and figures[0].provisional:
                text += " provisional"
            moved = [
                f"{printable_line(f.field)} {f.psi:.2f}"
                for f in (part.drift.worst() if part.drift else ())
                if f.psi is not None and f.psi >= _MOVED and not f.by_chance
            ]
            coverage = part.ripeness.coverage
            rows.append(
                (
                    name,
                    f"{part.profile.count():,}",
                    "-" if coverage is None else f"{coverage:.0%}",
                    *([text] if metrics else []),
                    ", ".join(moved[:_MOST_SHOWN]),
                )
            )
        return head, rows

    def _findings(self) -> list[str]:
        return [
            f"{'provisional: ' if one.row.provisional else ''}{wording.finding(one)}"
            for one in self.findings
        ]

    def __str__(self) -> str:
        lines = [self.title, wording.verdict(self.assessment)]
        lines += [f"  {line}" for line in self._findings()[:_MOST_SAID]]
        if (more := len(self.findings) - _MOST_SAID) > 0:
            lines.append(f"  and {more} more")
        lines += [f"  not final: {line}" for line in self.not_final]
        return printable("\n".join(lines))

    def __repr__(self) -> str:
        return f"<Report {self.title!r}: {len(self.assessment.rows):,} figures>"

    def _repr_html_(self) -> str:
        head, rows = self.summary()
        return html.card(
            self.title, html.line(wording.verdict(self.assessment)), html.table(head, rows)
        )


def report(
    profile: Profile,
    against: Profile | Connection | None = None,
    *,
    maturity: Maturity | None = None,
    ranking: Ranking | None = None,
    labels: MultiLabel | None = None,
    thresholds: Mapping[str, float | None] | None = None,
    prediction: str | None = None,
    title: str | None = None,
) -> Report:
    """Return drift and performance of a model by window, as a page and as a frame.

    Args:
        profile: What `Connection.profile(start, end, every=...)` returns: its windows and segments.
        against: The reference, with the same edges: `training.profile(edges=edges)`, or the
            connection `training` itself. Fields' drift
            is told against it, and where it has labels, performance is judged by its own.
        maturity: What `serving.maturity(start, end)` returns: which windows are final,
            how many labels are expected by now, and how far early figures have been from final
            ones.
        ranking: Of a ranking model, what `ranking` returns, with the windows of the profile.
        labels: Of a multi-label model, what `multilabel` returns, likewise.
        thresholds: From where on a figure is worth a look, e.g. `{"psi": 0.1, "accuracy": 0.8}`;
            None turns a default off. Without: PSI 0.25; performance a tenth worse than the
            reference's; 5 % of rows more missing than there.
        prediction: The prediction to judge, where the model gives several.
        title: What stands above it; default: the connections' names.

    Raises:
        ConfigError: If there is no such prediction or figure.
        ProfileError: With code `edges-differ`, if profile and reference have other edges.

    Example:
        >>> from headwater_monitor import report
        >>> found = report(profile, against=reference)  # doctest: +SKIP
        >>> found.save("week.html")  # doctest: +SKIP
    """
    assessment = Assessment(
        profile,
        against if against is None else reference_of(against, profile),
        maturity=maturity,
        judged=ranking if labels is None else labels,
        thresholds=Thresholds(thresholds),
        prediction=prediction,
    )
    names = ", ".join(profile.connections)
    return Report(assessment, title or (f"{names} in production" if names else "Report"))
