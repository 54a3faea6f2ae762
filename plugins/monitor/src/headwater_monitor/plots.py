"""Plots: small pictures as SVG whose colours the page decides, for light and for dark.

Drawn by matplotlib in colours that stand for words (`ink`, `accent` ...), which become CSS
variables; nothing in them is loaded from anywhere.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from headwater.display.html import escape
from headwater.errors import PluginError

COLOURS: Final = {
    "ink": "#010101",
    "muted": "#020202",
    "accent": "#030303",
    "bad": "#040404",
    "grid": "#050505",
    "soft": "#060606",
    "paper": "#070707",
}
"""What a picture is drawn in: the page gives each of these words a colour, light or dark."""
_SIZE: Final = (4.2, 2.3)
_STYLE: Final = {
    "svg.fonttype": "none",  # text stays text: it can be read aloud, searched and selected
    "text.parse_math": False,  # a field may be called $x$
    "font.size": 8.5,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "axes.edgecolor": COLOURS["muted"],
    "axes.labelcolor": COLOURS["ink"],
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.linewidth": 0.6,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": COLOURS["grid"],
    "grid.linewidth": 0.6,
    "text.color": COLOURS["ink"],
    "xtick.color": COLOURS["muted"],
    "ytick.color": COLOURS["muted"],
    "xtick.labelcolor": COLOURS["ink"],
    "ytick.labelcolor": COLOURS["ink"],
    "legend.frameon": False,
    "legend.fontsize": 7.5,
}
_MOST_LABELS: Final = 6
_MOST_BARS: Final = 24


@dataclass(frozen=True, slots=True)
class Point:
    """A figure of a window, in a line of them.

    Args:
        name: The window, in short.
        value: The figure; None leaves a gap.
        low: The least that the exact one can be.
        high: The most.
        provisional: Whether labels that are still to come may change it.
        expected: What it may be in the end.
        spread: How far that is from certain.
    """

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    provisional: bool = False
    expected: float | None = None
    spread: float | None = None


class Plots:
    """Draws pictures; each has its own names inside, so that many fit into one page.

    Raises:
        PluginError: If matplotlib is not installed.
    """

    def __init__(self) -> None:
        try:
            import matplotlib as mpl
            import matplotlib.backends.backend_svg
            import matplotlib.figure
        except ImportError as error:
            raise PluginError(
                f"matplotlib is not here: {error}", hint="pip install 'headwater-monitor[plots]'"
            ) from error
        self._matplotlib: Any = mpl
        self._drawn = 0

    def line(
        self,
        points: Sequence[Point],
        description: str,
        *,
        threshold: float | None = None,
        reference: float | None = None,
        reference_name: str = "reference",
    ) -> str:
        """Return a figure over the windows; provisional ones hollow, on a dashed line.

        Args:
            points: The figure of each window.
            description: The picture in a sentence, for who can't see it.
            threshold: Drawn as a line across.
            reference: Likewise.
            reference_name: What it is the figure of.
        """

        def draw(axes: Any) -> None:
            places = range(len(points))
            for left, right in pairwise(places):
                a, b = points[left], points[right]
                if a.value is not None and b.value is not None:
                    dashed = a.provisional or b.provisional
                    axes.plot(
                        [left, right], [a.value, b.value], color=COLOURS["accent"], linewidth=1.4,
                        linestyle=(0, (3, 2)) if dashed else "solid",
                    )  # fmt: skip
            for place, point in zip(places, points, strict=True):
                if point.value is None:
                    continue
                if point.low is not None and point.high is not None and point.high > point.low:
                    axes.vlines(place, point.low, point.high, color=COLOURS["accent"], linewidth=3,
                                alpha=0.35)  # fmt: skip
                if point.expected is not None:
                    _final(axes, place, point.expected, point.spread or 0.0)
                axes.plot(
                    place, point.value, marker="o", markersize=4.5, color=COLOURS["accent"],
                    markerfacecolor=COLOURS["paper"] if point.provisional else COLOURS["accent"],
                )  # fmt: skip
            if reference is not None:
                axes.axhline(reference, color=COLOURS["muted"], linewidth=0.9, linestyle=":")
                _across(axes, reference, f"{reference_name} {reference:.3g}", "muted")
            if threshold is not None:
                axes.axhline(threshold, color=COLOURS["bad"], linewidth=1.0, linestyle="--")
                _across(axes, threshold, f"threshold {threshold:.3g}", "bad")
            _names(axes, [point.name for point in points])
            axes.margins(x=0.04, y=0.15)

        return self._svg(draw, description)

    def coverage(self, points: Sequence[Point], description: str) -> str:
        """Return how many labels are known, as bars; pale while more are to come.

        Args:
            points: The share of each window; `expected` is marked across its bar.
            description: The picture in a sentence, for who can't see it.
        """

        def draw(axes: Any) -> None:
            for place, point in enumerate(points):
                axes.bar(
                    place, point.value or 0.0, width=0.7, linewidth=0.8,
                    edgecolor=COLOURS["accent"],
                    facecolor=COLOURS["soft"] if point.provisional else COLOURS["accent"],
                )  # fmt: skip
                if point.expected is not None:
                    axes.hlines(point.expected, place - 0.45, place + 0.45, linewidth=1.6,
                                color=COLOURS["ink"])  # fmt: skip
            axes.set_ylim(0, 1.05)
            axes.set_yticks([0, 0.5, 1], ["0 %", "50 %", "100 %"])
            _names(axes, [point.name for point in points])

        return self._svg(draw, description)

    def distributions(
        self,
        ticks: Sequence[tuple[float, str]],
        before: Sequence[float],
        after: Sequence[float],
        description: str,
        *,
        labels: tuple[str, str],
    ) -> str:
        """Return two distributions over the same bins: the reference pale, the other over it.

        Args:
            ticks: Where under the bins, which lie at 0, 1, 2 ..., something is written, and what.
            before: The reference's shares.
            after: The shares that are compared with them.
            description: The picture in a sentence, for who can't see it.
            labels: What the two are.
        """

        def draw(axes: Any) -> None:
            bars = slice(0, _MOST_BARS)
            places = range(len(before[bars]))
            axes.bar(places, before[bars], width=0.9, facecolor=COLOURS["soft"],
                     edgecolor=COLOURS["muted"], linewidth=0.6, label=labels[0])  # fmt: skip
            axes.bar(places, after[bars], width=0.45, facecolor=COLOURS["accent"], label=labels[1])
            axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.3g} %")
            labelled = [(place, text) for place, text in ticks if place < len(places)]
            labelled = labelled[:: -(-len(labelled) // _MOST_LABELS) or 1]
            axes.set_xticks(
                [place for place, _ in labelled], [_shortened(text) for _, text in labelled]
            )
            axes.legend(loc="best", handlelength=1.0)

        return self._svg(draw, description)

    def calibration(self, points: Sequence[tuple[float, float, int]], description: str) -> str:
        """Return a calibration plot: on the diagonal, scores are true probabilities.

        Args:
            points: Average score, share that came true, rows.
            description: The picture in a sentence, for who can't see it.
        """

        def draw(axes: Any) -> None:
            most = max((rows for _, _, rows in points), default=1)
            axes.plot([0, 1], [0, 1], color=COLOURS["muted"], linewidth=0.9, linestyle=":")
            axes.plot([p[0] for p in points], [p[1] for p in points], color=COLOURS["accent"],
                      linewidth=1.2)  # fmt: skip
            axes.scatter(
                [p[0] for p in points],
                [p[1] for p in points],
                s=[8 + 60 * p[2] / most for p in points],
                color=COLOURS["accent"],
            )
            axes.set_xlim(-0.02, 1.02)
            axes.set_ylim(-0.02, 1.02)
            axes.set_xlabel("score")
            axes.set_ylabel("came true")

        return self._svg(draw, description)

    def _svg(self, draw: Any, description: str) -> str:
        self._drawn += 1
        style = {**_STYLE, "svg.hashsalt": f"headwater-{self._drawn}"}
        with self._matplotlib.rc_context(style):
            figure = self._matplotlib.figure.Figure(figsize=_SIZE, layout="constrained")
            axes = figure.add_subplot()
            draw(axes)
            text = io.StringIO()
            canvas = self._matplotlib.backends.backend_svg.FigureCanvasSVG(figure)
            canvas.print_svg(text, metadata={"Date": None})
        return _inlined(text.getvalue(), f"p{self._drawn}-", description)


def _final(axes: Any, place: int, expected: float, spread: float) -> None:
    """Draw where a provisional figure may end."""
    axes.vlines(place, expected - spread, expected + spread, color=COLOURS["ink"], linewidth=1.2)
    axes.plot(place, expected, marker="_", markersize=9, color=COLOURS["ink"])


def _across(axes: Any, value: float, text: str, colour: str) -> None:
    axes.annotate(
        text, (1.0, value), xycoords=("axes fraction", "data"), xytext=(0, 2),
        textcoords="offset points", ha="right", va="bottom", fontsize=7, color=COLOURS[colour],
    )  # fmt: skip


def _names(axes: Any, names: list[str]) -> None:
    step = -(-len(names) // _MOST_LABELS) if names else 1
    places = list(range(0, len(names), step))
    axes.set_xticks(places, [_shortened(names[place]) for place in places])
    if len(names) == 1:
        axes.set_xlim(-1, 1)


def _shortened(text: str) -> str:
    return text if len(text) <= 14 else f"{text[:13]}…"


def _inlined(svg: str, prefix: str, description: str) -> str:
    """Return an SVG to stand in a page: without its header, its names and colours the page's."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<(metadata|style)\b.*?</\1>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'font-family: [^;"]*', "font-family: inherit", svg)
    svg = re.sub(r'\b(id=")', rf"\1{prefix}", svg)
    svg = re.sub(r'((?:xlink:)?href="#)', rf"\1{prefix}", svg)
    svg = re.sub(r"(url\(#)", rf"\1{prefix}", svg)
    for word, colour in COLOURS.items():
        svg = svg.replace(colour, f"var(--{word})")
    # Width and height are the page's: an SVG keeps its own proportions.
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r' xmlns(?::xlink)?="[^"]*"', "", svg)
    svg = svg.replace("xlink:href", "href")
    return svg.replace("<svg", f'<svg role="img" aria-label="{escape(description)}"', 1).strip()
