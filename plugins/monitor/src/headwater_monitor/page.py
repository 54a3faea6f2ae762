"""Page: an assessment as one HTML file that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from headwater.display.html import escape
from headwater.interfaces.schema import Role
from headwater.types import FieldType
from headwater_monitor import wording
from headwater_monitor.assessment import (
    BREACHED,
    CHANCE,
    DRIFT,
    PERFORMANCE,
    Assessment,
    Part,
    Row,
    metrics_of,
)
from headwater_monitor.distances import shares
from headwater_monitor.field_drift import METRICS as DISTANCES
from headwater_monitor.field_drift import ORDERED, counted, places
from headwater_monitor.figures import Figure
from headwater_monitor.plots import Plots, Point
from headwater_monitor.thresholds import DEFAULTS
from headwater_monitor.wording import number, segment_name, window_name, window_names

if TYPE_CHECKING:
    from headwater.profiling.profile import Profile
    from headwater.tables.window import Window

_MOST_FINDINGS: Final = 12
_MOST_FIELDS: Final = 40
_MOST_DISTRIBUTIONS: Final = 6
_FEWEST_DISTRIBUTIONS: Final = 3
_MOVED: Final = 0.1
"""From which PSI on a field's distribution is shown, beside the first three."""
_MOST_TICKS: Final = 5
_CHARTED: Final = ("accuracy", "auc", "f1", "ece", "mae", "rmse", "bias", "ndcg", "mrr")
_MOST_CHARTS: Final = 3

# ruff: noqa: E501 -- rules of a style sheet, one a line
_STYLE: Final = """
:root { color-scheme: light dark; --paper: #ffffff; --raised: #f5f7f8; --ink: #1b2328; --muted: #5c6a72;
  --grid: #dfe5e8; --soft: #bfd9d6; --accent: #00766c; --bad: #b3261e; --warn: #8a5a00; }
@media (prefers-color-scheme: dark) { :root { --paper: #14191c; --raised: #1e2529; --ink: #e4eaed;
  --muted: #9aa8b0; --grid: #333d43; --soft: #2c5551; --accent: #4fc3b5; --bad: #ff8a80; --warn: #f0b95a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
h3 { font-size: .95rem; margin: 0 0 .25rem; font-weight: 600; }
p, ol, ul { margin: .25rem 0 .75rem; } ol, ul { padding-left: 2rem; }
.muted, figcaption { color: var(--muted); font-size: .875rem; }
.bad { color: var(--bad); font-weight: 600; } .warn { color: var(--warn); }
.verdict { border-left: .3rem solid var(--accent); background: var(--raised); padding: .6rem .9rem; }
.verdict.alarm { border-color: var(--bad); }
.grid { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); }
figure { margin: 0; min-width: 0; background: var(--raised); padding: .6rem; border-radius: .4rem; }
figure { --paper: var(--raised); }
svg { display: block; width: 100%; height: auto; font-family: system-ui, sans-serif; }
.scroll { overflow-x: auto; max-width: 100%; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .6rem; text-align: right; border-bottom: 1px solid var(--grid); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0; background: var(--paper); }
th.note { text-align: left; } thead th { font-weight: 600; color: var(--muted); }
tr.provisional td { font-style: italic; color: var(--muted); }
td.heat { background: color-mix(in srgb, var(--bad) var(--heat), var(--paper)); }
td.breached { color: var(--bad); font-weight: 600; }
td.heat.breached { color: var(--ink); }
td.note { text-align: left; white-space: normal; min-width: 14rem; }
details { margin: .5rem 0; } summary { cursor: pointer; }
footer { margin-top: 2rem; border-top: 1px solid var(--grid); padding-top: .5rem; }
@media print { .scroll { overflow: visible; } }
"""
# Nothing may be fetched, and no script runs: a name in the data can make neither happen.
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def page(assessment: Assessment, title: str) -> str:
    """Return an assessment as an HTML page.

    Args:
        assessment: The assessment.
        title: What stands above it.

    Raises:
        PluginError: If matplotlib is not installed.
    """
    plots = Plots()
    body = "".join(
        (
            _head(assessment, title),
            _findings(assessment),
            _performance(assessment, plots),
            _drift(assessment, plots),
            _segments(assessment),
            _foot(assessment),
        )
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n{body}</body>\n</html>\n"
    )


def _head(assessment: Assessment, title: str) -> str:
    about = [f"{assessment.profile.count():,} rows", *_span(assessment.profile.windows)]
    if assessment.against is not None:
        about.append(
            f"against {assessment.against.count():,} rows of "
            f"{', '.join(assessment.against.connections) or 'the reference'}"
        )
    if (as_of := assessment.profile.as_of) is not None:
        first, last = (wording.moment(m) for m in as_of)
        about.append(f"labels as of {last}" if first == last else f"labels as of {first} to {last}")
    return (
        f"<header><h1>{escape(title)}</h1>"
        f'<p class="muted">{escape("; ".join(about))}</p></header>\n'
    )


def _span(windows: Sequence[Window | None]) -> list[str]:
    bounded = [w for w in windows if w is not None]
    if not bounded:
        return []
    start, end = min(w.start for w in bounded), max(w.end for w in bounded)
    many = "1 window" if len(bounded) == 1 else f"{len(bounded)} windows"
    return [f"{many} from {wording.moment(start)} to {wording.moment(end)}"]


# -- What to look at first -------------------------------------------------------------------------


def _findings(assessment: Assessment) -> str:
    verdict = wording.verdict(assessment)
    alarm = " alarm" if assessment.final_findings else ""
    parts = [f'<section id="findings"><p class="verdict{alarm}">{escape(verdict)}</p>']
    if assessment.findings:
        parts.append("<h2>What to look at first</h2><ol>")
        for one in assessment.findings[:_MOST_FINDINGS]:
            mark = '<span class="warn">provisional: </span>' if one.row.provisional else ""
            parts.append(f"<li>{mark}{escape(wording.finding(one))}</li>")
        parts.append("</ol>")
        if (more := len(assessment.findings) - _MOST_FINDINGS) > 0:
            parts.append(f'<p class="muted">and {more:,} more, in the tables below</p>')
    if waiting := assessment.provisional_windows:
        parts.append("<h2>Not final yet</h2><ul>")
        parts += [f"<li>{escape(wording.waiting(part, assessment))}</li>" for part in waiting]
        parts.append("</ul>")
    return "".join((*parts, "</section>\n"))


# -- Performance -----------------------------------------------------------------------------------


def _performance(assessment: Assessment, plots: Plots) -> str:
    parts = [p for p in assessment.windows if p.performance is not None]
    if not parts:
        why = assessment.reason or "the profile tells of no prediction with an actual"
        return f'<h2>Performance</h2><p class="muted">{escape(why)}</p>\n'
    if not any(p.performance and p.performance.labelled for p in parts):
        return '<h2>Performance</h2><p class="muted">no label is known yet</p>\n'
    metrics = metrics_of(parts)
    names = window_names([p.window for p in parts])
    charts = [
        _chart(metric, assessment, parts, names, plots)
        for metric in [m for m in _CHARTED if m in metrics][:_MOST_CHARTS]
    ]
    charts.append(_coverage(parts, names, plots))
    charts += _calibration(parts, plots)
    notes = {n for p in parts if p.performance for n in p.performance.notes}
    return (
        f'<section id="performance"><h2>Performance</h2><div class="grid">{"".join(charts)}</div>'
        + _performance_table(assessment, parts, names, metrics)
        + "".join(f'<p class="muted">{escape(note)}</p>' for note in sorted(notes))
        + "</section>\n"
    )


def _chart(
    metric: str, assessment: Assessment, parts: Sequence[Part], names: Sequence[str], plots: Plots
) -> str:
    points, threshold, reference = [], None, None
    for part, name in zip(parts, names, strict=True):
        row = _row(part, PERFORMANCE, metric)
        if row is None:
            points.append(Point(name, None, provisional=part.ripeness.provisional))
            continue
        threshold = row.threshold.value if row.threshold else threshold
        reference = row.reference if row.reference is not None else reference
        points.append(
            Point(
                name, row.figure, row.figure.low, row.figure.high, row.provisional, row.expected,
                None if row.bias is None else row.bias.spread,
            )
        )  # fmt: skip
    against = (
        ", ".join(assessment.against.connections).rpartition("/")[2] if assessment.against else ""
    )
    points_text = "; ".join(
        f"{p.name} {'none' if p.value is None else number(p.value)}"
        f"{' (provisional)' if p.provisional else ''}"
        for p in points
    )
    svg = plots.line(
        points,
        f"{wording.METRICS[metric]} by window: {points_text}",
        threshold=threshold,
        reference=reference,
        reference_name=against or "reference",
    )
    caption = "hollow: provisional" if any(p.provisional for p in points) else ""
    return _figure(wording.METRICS[metric], svg, caption)


def _coverage(parts: Sequence[Part], names: Sequence[str], plots: Plots) -> str:
    points = [
        Point(
            name, p.ripeness.coverage, provisional=p.ripeness.provisional,
            expected=p.ripeness.expected,
        )
        for p, name in zip(parts, names, strict=True)
    ]  # fmt: skip
    points_text = "; ".join(f"{p.name} {p.value or 0:.0%}" for p in points)
    caption = "pale: more are to come"
    if any(p.expected is not None for p in points):
        caption += "; line: expected by now"
    svg = plots.coverage(points, f"Labels that are known, by window: {points_text}")
    return _figure("Labels known", svg, caption)


def _calibration(parts: Sequence[Part], plots: Plots) -> Iterator[str]:
    final = [p for p in parts if not p.ripeness.provisional] or list(parts)
    with_scores = [p for p in final if p.performance and p.performance.calibration]
    if not with_scores:
        return
    last = with_scores[-1]
    assert last.performance is not None
    points = last.performance.calibration
    points_text = "; ".join(f"{p.score:.2f} came true {p.share:.2f}" for p in points)
    svg = plots.calibration(points, f"Calibration: {points_text}")
    yield _figure(f"Calibration, {window_name(last.window)}", svg, "size: rows")


def _performance_table(
    assessment: Assessment, parts: Sequence[Part], names: Sequence[str], metrics: Sequence[str]
) -> str:
    head = ["window", "rows", "labels", *metrics, "note"]
    rows = []
    for part, name in zip(parts, names, strict=True):
        cells = [_cell(name), _cell(f"{part.profile.count():,}")]
        cells.append(_cell(f"{part.ripeness.coverage or 0:.0%}"))
        cells += [_figure_cell(_row(part, PERFORMANCE, metric)) for metric in metrics]
        note = part.ripeness.summary if part.ripeness.provisional else ""
        cells.append(f'<td class="note">{escape(note)}</td>')
        mark = ' class="provisional"' if part.ripeness.provisional else ""
        rows.append(f"<tr{mark}>{''.join(cells)}</tr>")
    if assessment.reference is not None and assessment.reference.figures:
        cells = [_cell("reference"), _cell(f"{assessment.reference.rows:,}")]
        cells.append(_cell(f"{assessment.reference.coverage or 0:.0%}"))
        figures = assessment.reference.figures
        cells += [
            _cell(wording.figure_text(m, figures[m]) if m in figures else "") for m in metrics
        ]
        rows.append(f'<tr>{"".join(cells)}<td class="note"></td></tr>')
        limits = [assessment.thresholds.of(m, figures.get(m)) for m in metrics]
        cells = [_cell("threshold"), _cell(""), _cell("")]
        cells += [_cell("" if t is None else number(t.value)) for t in limits]
        rows.append(f'<tr>{"".join(cells)}<td class="note"></td></tr>')
    return _table("performance-table", head, rows)


# -- Drift -----------------------------------------------------------------------------------------


def _drift(assessment: Assessment, plots: Plots) -> str:
    if assessment.against is None:
        return (
            '<h2>Drift</h2><p class="muted">Nothing to compare with: report(profile, '
            "against=training.profile(edges=edges)) tells how far fields moved.</p>\n"
        )
    fields = assessment.worst_fields()
    parts = [p for p in assessment.windows if p.drift is not None]
    names = window_names([p.window for p in parts])
    head = ["field", *names]
    rows = []
    for name in fields[:_MOST_FIELDS]:
        cells = [_cell(name)]
        cells += [_heat(_row(part, DRIFT, "psi", name)) for part in parts]
        rows.append(f"<tr>{''.join(cells)}</tr>")
    more = len(fields) - _MOST_FIELDS
    rest = f'<p class="muted">and {more} fields more, in the frame</p>' if more > 0 else ""
    threshold = assessment.thresholds.of("psi")
    limit = "" if threshold is None else f", threshold {number(threshold.value)}"
    return (
        f'<section id="drift"><h2>Drift against the reference</h2>'
        f'<p class="muted">Population stability index{limit}; the field that moved farthest first. '
        "Brackets: with so few rows it may be chance.</p>"
        + _table("drift-table", head, rows)
        + rest
        + f'<div class="grid">{"".join(_distributions(assessment, fields, plots))}</div>'
        + _details(assessment, fields)
        + "</section>\n"
    )


def _distributions(assessment: Assessment, fields: Sequence[str], plots: Plots) -> Iterator[str]:
    assert assessment.against is not None
    for rank, name in enumerate(fields[:_MOST_DISTRIBUTIONS]):
        rows = [
            r for p in assessment.windows for r in p.rows if (r.field, r.metric) == (name, "psi")
        ]
        if not rows:
            continue
        worst = max(rows, key=lambda row: row.figure)
        if rank >= _FEWEST_DISTRIBUTIONS and worst.figure < _MOVED:
            return
        part = next(p for p in assessment.windows if p.window == worst.window)
        before = shares(counted(assessment.against, name))
        after = shares(counted(part.profile, name))
        if before is None or after is None:
            continue
        when = window_name(part.window)
        svg = plots.distributions(
            _ticks(part.profile, name),
            before,
            after,
            f"{name} in the reference and in {when}: PSI {number(worst.figure)}",
            labels=("reference", when),
        )
        yield _figure(name, svg, f"{when}, where it moved farthest: PSI {number(worst.figure)}")


def _ticks(profile: Profile, name: str) -> list[tuple[float, str]]:
    """Return the labels under a distribution and their positions: edges between bins, or values."""
    edges = profile.edges().of(name)
    if edges.type in ORDERED:
        step = max(-(-len(edges.edges) // _MOST_TICKS), 1)
        return [
            (place + 0.5, _edge_text(edge, edges.type))
            for place, edge in list(enumerate(edges.edges))[step // 2 :: step]
        ]
    return [(float(place), text) for place, text in enumerate(places(profile, name))]


def _edge_text(edge: float, type_: FieldType) -> str:
    if type_ is FieldType.DATETIME:
        return wording.moment(datetime.fromtimestamp(edge / 1e6, UTC))
    return f"{edge:.3g}"


def _details(assessment: Assessment, fields: Sequence[str]) -> str:
    """Return all distances of the last window, folded."""
    parts = [p for p in assessment.windows if p.drift]
    if not parts:
        return ""
    last = parts[-1]
    assert last.drift is not None
    metrics = (*DISTANCES, "missing")
    rows = []
    for name in fields[:_MOST_FIELDS]:
        if name in last.drift:
            cells = [_cell(name), _cell(last.drift[name].role)]
            cells += [_figure_cell(_row(last, DRIFT, metric, name)) for metric in metrics]
            rows.append(f"<tr>{''.join(cells)}</tr>")
    table = _table("distance-table", ["field", "role", *metrics], rows)
    title = f"All distances of {window_name(last.window)}"
    return f"<details><summary>{escape(title)}</summary>{table}</details>"


# -- Segments, and what it rests on ----------------------------------------------------------------


def _segments(assessment: Assessment) -> str:
    if not assessment.segments:
        return ""
    metrics = metrics_of(assessment.segments)
    ordered = sorted(assessment.segments, key=lambda p: -_worst_psi(p))
    rows = []
    for part in ordered:
        cells = [_cell(segment_name(part.segment)), _cell(f"{part.profile.count():,}")]
        cells.append(_cell(f"{part.ripeness.coverage or 0:.0%}"))
        cells += [_figure_cell(_row(part, PERFORMANCE, metric)) for metric in metrics]
        far = part.drift.worst()[0] if part.drift else None
        moved = None if far is None else _row(part, DRIFT, "psi", far.field)
        cells += [_cell("" if far is None else far.field), _figure_cell(moved)]
        rows.append(f"<tr>{''.join(cells)}</tr>")
    head = ["segment", "rows", "labels", *metrics, "moved farthest", "psi"]
    return (
        '<section id="segments"><h2>Segments, over all windows</h2>'
        f"{_table('segment-table', head, rows)}</section>\n"
    )


def _worst_psi(part: Part) -> float:
    values = [f.psi for f in (part.drift or {}).values() if f.psi is not None]
    return max(values, default=Figure(0.0))


def _foot(assessment: Assessment) -> str:
    fields = assessment.profile.edges()
    features = sum(1 for f in fields.values() if f.role is not Role.PREDICTION)
    basis = (
        f"Made from profiles alone: counts of {features} fields in bins fixed by the edges "
        f"{fields.digest[:12]}. Bounds hold wherever within its bin a row lies."
    )
    remarks = [basis, wording.rules(assessment)]
    if assessment.maturity is None:
        remarks.append(
            "Without label maturity, figures count as final from 95 % known labels on: "
            "report(..., maturity=serving.maturity(...)) knows how many are to come."
        )
    else:
        remarks += list(assessment.maturity.notes)
    remarks += [str(d.message) for d in assessment.profile.warnings]
    return f'<footer class="muted">{"".join(f"<p>{escape(t)}</p>" for t in remarks)}</footer>\n'


# -- Pieces ----------------------------------------------------------------------------------------


def _row(part: Part, subject: str, metric: str, field: str | None = None) -> Row | None:
    for row in part.rows:
        if row.subject == subject and row.metric == metric and field in (None, row.field):
            return row
    return None


def _figure(title: str, svg: str, caption: str = "") -> str:
    figcaption = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f"<figure><h3>{escape(title)}</h3>{svg}{figcaption}</figure>"


def _cell(text: str) -> str:
    return f"<td>{escape(text)}</td>"


def _figure_cell(row: Row | None) -> str:
    if row is None:
        return "<td></td>"
    mark = ' class="breached"' if row.status == BREACHED else ""
    bounds = (
        ""
        if row.figure.exact
        else f' title="{escape(f"{number(row.figure.low)} to {number(row.figure.high)}")}"'
    )
    return f"<td{mark}{bounds}>{escape(_bracketed(row))}</td>"


def _heat(row: Row | None) -> str:
    if row is None:
        return "<td></td>"
    limit = row.threshold.value if row.threshold else DEFAULTS["psi"]
    strength = 0 if row.status == CHANCE else min(max(row.figure / (4 * (limit or 1)), 0.0), 1.0)
    mark = " breached" if row.status == BREACHED else ""
    style = f' style="--heat: {75 * strength:.0f}%"'
    return f'<td class="heat{mark}"{style}>{escape(_bracketed(row))}</td>'


def _bracketed(row: Row) -> str:
    text = wording.figure_text(row.metric, row.figure)
    return f"({text})" if row.status == CHANCE else text


def _table(name: str, head: Sequence[str], rows: Iterable[str]) -> str:
    top = "".join(
        f'<th scope="col"{" class=note" if cell == "note" else ""}>{escape(cell)}</th>'
        for cell in head
    )
    return (
        f'<div class="scroll" tabindex="0"><table id="{name}"><thead><tr>{top}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )
