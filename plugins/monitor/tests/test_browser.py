"""The report in a browser: nothing is fetched, nothing goes wrong, its figures are the frame's."""

from __future__ import annotations

import re
from html import escape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from plugins.monitor.tests.browser import opened
from plugins.monitor.tests.reported import months

from headwater_monitor import Report
from headwater_monitor.wording import figure_text, window_names

pytestmark = pytest.mark.slow


class Tables(HTMLParser):
    """The tables of a page, by id: rows of texts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: dict[str, list[list[str]]] = {}
        self._table = ""
        self._cell = False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag == "table":
            self._table = dict(attrs).get("id") or ""
            self.found[self._table] = []
        elif tag == "tr":
            self.found[self._table].append([])
        elif tag in ("td", "th"):
            self.found[self._table][-1].append("")
            self._cell = True

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self._cell = False

    def handle_data(self, data):
        if self._cell:
            self.found[self._table][-1][-1] += data


@pytest.fixture(scope="module")
def report() -> Report:
    return months()


@pytest.fixture(scope="module")
def page(report: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report.save(tmp_path_factory.mktemp("report") / "report.html")


def test_nothing_is_fetched_and_figures_are_the_frames(report: Report, page: Path) -> None:
    seen = opened(page)
    assert seen.requests == ()
    assert seen.console == ()
    tables = Tables(seen.dom).found
    frame = report.to_pandas()
    whole = frame[frame.segment.isna()]
    names = window_names([part.window for part in report.assessment.windows])
    starts = sorted(whole.window_start.unique())

    head, *rows = tables["performance-table"]
    metrics = head[3:-1]
    assert {"accuracy", "auc", "brier"} < set(metrics)
    assert [row[0] for row in rows] == [*names, "reference", "threshold"]
    performance = whole[whole.subject == "performance"].set_index(["window_start", "metric"])
    for start, row in zip(starts, rows[: len(names)], strict=True):
        for metric, text in zip(metrics, row[3:-1], strict=True):
            assert text == figure_text(metric, performance.loc[(start, metric), "value"])

    head, *rows = tables["drift-table"]
    assert head == ["field", *names]
    drift = whole[whole.metric == "psi"].set_index(["field", "window_start"])
    assert {row[0] for row in rows} == set(drift.index.get_level_values(0))
    for field, *texts in rows:
        for start, text in zip(starts, texts, strict=True):
            assert text.strip("()") == figure_text("psi", drift.loc[(field, start), "value"])
            assert text.startswith("(") == (drift.loc[(field, start), "status"] == "by chance")
    farthest = [max(float(text.strip("()")) for text in row[1:]) for row in rows]
    assert farthest == sorted(farthest, reverse=True)  # worst first


@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_a_phone_and_follows_the_dark(page: Path, dark: bool, tmp_path: Path) -> None:
    frame = tmp_path / "phone.html"
    frame.write_text(
        f'<iframe id="phone" src="{escape(page.as_uri())}" width="390" height="3000"></iframe>'
        """<p id="told"></p><script>onload = () => {
          const page = document.getElementById("phone").contentDocument;
          const style = page.defaultView.getComputedStyle(page.body);
          const svg = page.querySelector("svg text");
          document.getElementById("told").textContent = [
            page.documentElement.scrollWidth, style.backgroundColor, style.color,
            page.defaultView.getComputedStyle(svg).fill,
            page.querySelectorAll("svg").length,
            Math.min(...[...page.querySelectorAll("svg")].map(s => s.clientWidth)),
          ].join("|");
        };</script>""",
        encoding="utf-8",
    )
    told = re.search(r'<p id="told">(.*?)</p>', opened(frame, dark=dark).dom)
    assert told is not None
    width, paper, ink, label, pictures, narrowest = told[1].split("|")
    assert int(width) <= 390  # tables scroll by themselves; the page does not
    assert int(pictures) >= 5
    assert int(narrowest) > 300
    assert label == ink
    brightness = [sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in (paper, ink)]
    assert (brightness[0] < 200 < 500 < brightness[1]) is dark
    assert (brightness[0] > 700 > 200 > brightness[1]) is not dark


def test_the_browser_would_tell_of_a_request_and_of_an_error(tmp_path: Path) -> None:
    page = tmp_path / "bad.html"
    page.write_text(
        '<img src="http://127.0.0.1:9/x.png"><script>console.error("oh"); nothing.at.all</script>'
    )
    seen = opened(page)
    assert "http://127.0.0.1:9/x.png" in seen.requests
    assert any("oh" in line for line in seen.console)
    assert any("nothing is not defined" in line for line in seen.console)
