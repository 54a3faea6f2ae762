"""The same figures as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from headwater_glue.demo.monitor import Month


def save(months: Sequence[Month], path: Path) -> Path:
    """Save accuracy, label coverage and drift by month as an HTML page that needs no network."""
    from plotly.graph_objects import Bar, Figure, Heatmap, Scatter
    from plotly.subplots import make_subplots

    x = [f"{m.start:%Y-%m}" for m in months]
    features = sorted(months[0].drift)
    figure: Figure = make_subplots(
        rows=2,
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.12,
        subplot_titles=("Accuracy and label coverage", "Drift against training (PSI)"),
    )
    figure.add_trace(
        Bar(x=x, y=[m.coverage for m in months], name="label coverage", marker_color="#d0d7de"),
        row=1,
        col=1,
    )
    figure.add_trace(
        Scatter(x=x, y=[m.accuracy for m in months], name="accuracy", mode="lines+markers"),
        row=1,
        col=1,
    )
    figure.add_trace(
        Heatmap(
            x=x,
            y=features,
            z=[[m.drift[f] for m in months] for f in features],
            zmin=0,
            zmax=1,
            colorscale="OrRd",
            colorbar={"title": "PSI", "len": 0.45, "y": 0.2},
        ),
        row=2,
        col=1,
    )
    figure.update_yaxes(range=[0, 1.02], row=1, col=1)
    figure.update_layout(title="California housing: a model in production", template="simple_white")
    figure.write_html(path, include_plotlyjs=True)
    return path
