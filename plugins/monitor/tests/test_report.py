"""The report: worst first, thresholds, what is not final, the same as a frame, safe to open."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from plugins.monitor.tests.made_profiles import edges_of, profile_of
from plugins.monitor.tests.reported import COLLAPSE, ODD, month, months, profiles, serving

import headwater as hw
from headwater.errors import ConfigError, PluginError
from headwater.profiling.profile import Profile
from headwater_monitor import Report, performance, report


@pytest.fixture(scope="module")
def made() -> Report:
    return months()


@pytest.fixture(scope="module")
def page(made: Report) -> str:
    return made.to_html()


def test_the_worst_comes_first_and_performance_before_drift(made: Report) -> None:
    told = [(f.row.metric, f.row.field, f.windows) for f in made.findings]
    assert told == [
        ("accuracy", "buy", (month(COLLAPSE),)),
        ("psi", "income", (month(COLLAPSE),)),
        ("psi", "latitude", (month(COLLAPSE),)),
    ]
    assert made.breached
    assert "3 figures are beyond the threshold. First: 2021-06: Accuracy of buy is 0." in str(made)


def test_every_figure_is_in_the_frame(made: Report) -> None:
    frame = made.to_pandas()
    assert len(frame) == len(made.assessment.rows)
    june = frame[(frame.window_start == datetime(2021, COLLAPSE, 1, tzinfo=UTC))]
    accuracy = june[june.metric == "accuracy"].iloc[0]
    profile, reference = profiles()
    part = next(p for w, _, p in profile.parts() if w == month(COLLAPSE))
    assert accuracy.value == performance(part).accuracy
    assert accuracy.reference == performance(reference).accuracy
    assert accuracy.threshold == pytest.approx(0.9 * accuracy.reference)
    assert accuracy.status == "breached"
    assert set(frame.status) == {"ok", "breached", "unjudged"}
    assert made.to_arrow().schema.names == list(frame.columns)


def test_windows_whose_labels_are_still_coming_are_provisional(made: Report, page: str) -> None:
    frame = made.to_pandas()
    late = frame[frame.provisional & (frame.subject == "performance")]
    assert sorted({start.month for start in late.window_start}) == [9, 10]
    moved = frame[(frame.metric == "psi") & frame.provisional]
    assert set(moved.field) == {"actual_buy"}  # what rows hold is final; only labels are to come
    assert re.search(r"<li>2021-09: \d\d% of labels known</li>", page)
    assert page.count('<tr class="provisional">') == 2


def test_a_provisional_figure_beyond_its_threshold_is_no_verdict() -> None:
    profile, reference = profiles()
    part = serving(profile.edges(), COLLAPSE, known=0.4)
    found = report(part, reference, thresholds={"psi": None})
    assert [(f.row.metric, f.row.provisional) for f in found.findings] == [("accuracy", True)]
    assert not found.breached
    assert "No final figure is beyond its threshold. 1 more may pass" in str(found)
    assert '<span class="warn">provisional: </span>' in found.to_html()


def test_few_rows_move_by_chance() -> None:
    edges = edges_of("binary", {"f": [float(i) for i in range(400)]}, {})
    reference = profile_of(edges, {"f": [float(i) for i in range(400)]})
    found = report(profile_of(edges, {"f": [1.0, 17.0, 101.0, 250.0, 390.0]}), reference)
    (psi,) = [r for r in found.assessment.rows if r.metric == "psi"]
    assert psi.figure > 0.25
    assert psi.status == "by chance"
    assert found.findings == ()
    assert re.search(r'<td class="heat"[^>]*>\(\d', found.to_html())


def test_thresholds_are_the_readers() -> None:
    found = months(thresholds={"accuracy": None, "f1": None, "auc": 0.99, "ece": 0.4})
    assert [f.row.metric for f in found.findings] == ["auc", "psi", "psi", "auc"]
    first, last = found.findings[0], found.findings[-1]
    assert first.row.window == month(COLLAPSE)  # of all windows, the worst
    assert (len(first.windows), len(last.windows)) == (8, 2)
    assert last.row.provisional
    assert "; the worst of 8 such windows" in str(found)
    page = found.to_html()
    assert ">threshold 0.99</text>" in page
    assert ">threshold 0.4</text>" not in page  # the first three figures are drawn
    with pytest.raises(ConfigError, match="no figure is called 'acuracy'") as caught:
        months(thresholds={"acuracy": 0.5})
    assert "accuracy" in str(caught.value.hint)
    with pytest.raises(ConfigError, match="threshold of psi is 'high'"):
        months(thresholds={"psi": "high"})


def test_the_page_needs_nothing_and_runs_nothing(page: str) -> None:
    assert "http://" not in page
    assert "https://" not in page
    assert "<script" not in page
    assert "default-src 'none'" in page
    assert ODD not in page
    assert "&lt;b&gt;owner&lt;/b&gt;&amp;$x$" in page
    assert page.isascii() or "…" in page


def test_the_same_profiles_give_the_same_page(made: Report, page: str) -> None:
    assert months().to_html() == page
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_thresholds_and_references_are_drawn(page: str) -> None:
    assert re.search(r">threshold 0\.7\d+</text>", page)
    assert re.search(r">training 0\.8\d+</text>", page)
    assert page.count('role="img"') >= 8
    assert 'aria-label="Accuracy by window: 2021-01 0.8' in page


def test_it_is_saved_whole_or_not_at_all(made: Report, tmp_path: Any) -> None:
    path = made.save(tmp_path / "week.html")
    assert path.read_text(encoding="utf-8").endswith("</html>\n")
    with pytest.raises(ConfigError, match="can't be written"):
        made.save(tmp_path / "nowhere" / "week.html")
    assert [p.name for p in tmp_path.iterdir()] == ["week.html"]


def test_without_matplotlib_there_is_a_frame_and_a_hint(
    made: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(PluginError, match="matplotlib is not here") as caught:
        made.to_html()
    assert caught.value.hint == "pip install 'headwater-monitor[plots]'"
    assert made.to_arrow().num_rows > 100


def test_it_says_what_it_can_not_tell() -> None:
    profile, reference = profiles()
    alone = report(profile).to_html()
    assert "Nothing to compare with" in alone
    nothing = report(Profile.empty(profile.edges()), reference)
    assert "no prediction with an actual" in nothing.to_html()
    assert nothing.to_arrow().num_rows == 0
    edges = edges_of("binary", {"f": [1.0, 2.0]}, {})
    bare = report(profile_of(edges, {"f": [1.0]}), profile_of(edges, {"f": [1.0, 2.0]}))
    assert "declares no prediction" in bare.to_html()
    unlabelled = serving(profile.edges(), 1, known=0.0)
    assert "no label is known yet" in report(unlabelled, reference).to_html()


def test_segments_are_told_apart() -> None:
    profile, reference = profiles()
    columns: dict[str, Any] = {
        "income": [3.0] * 50, "latitude": [37.0] * 50, ODD: ["ann"] * 50,
        "buy": [True] * 50, "proba": [0.9] * 50,
    }  # fmt: skip
    edges = profile.edges()
    parts = [
        profile_of(edges, columns, {"buy": [right] * 50}, window=month(n), segment={ODD: who})
        for n in (1, 2)
        for who, right in (("ann", True), (None, False))
    ]
    found = report(sum(parts, start=Profile.empty(edges)), reference)
    frame = found.to_pandas()
    accuracy = frame[(frame.metric == "accuracy")]
    by_segment = accuracy[accuracy.segment.notna()].set_index("segment").value.to_dict()
    assert sorted(by_segment.values()) == [0.0, 1.0]
    assert accuracy[accuracy.segment.isna()].value.tolist() == [0.5, 0.5]
    page = found.to_html()
    assert "= NULL" in page
    assert "= ann" in page


# -- With maturity ---------------------------------------------------------------------------------

NOW = datetime(2026, 7, 1, tzinfo=UTC)


@pytest.fixture
def delayed() -> Any:
    """A model whose positives' labels come late: accuracy on early labels is too high."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    logged: list[dict[str, Any]] = []
    labels: list[dict[str, Any]] = []
    for day in range(181):
        for n in range(20):
            at = start + timedelta(days=day, hours=n)
            wrong = n % 4 == 0
            delay = timedelta(days=25 if wrong else 2, hours=n)
            logged.append({"id": f"{day}-{n}", "at": at, "buy": True})
            labels.append({"id": f"{day}-{n}", "set_at": at + delay, "bought": not wrong})
    known = [row for row in labels if row["set_at"] < NOW]
    with hw.Workspace(engine="embedded") as workspace:
        workspace.create_model("m")
        version = workspace.create_model_version(
            "m", "v1", "binary", predictions={"buy": "boolean"}
        )
        serving = version.connect_serving(
            hw.MemoryDataSource(tables={"t": pa.Table.from_pylist(logged)}), "id", "at"
        )
        version.connect_actuals(
            hw.MemoryDataSource(tables={"l": pa.Table.from_pylist(known)}),
            labels={"buy": "bought"},
            id_column="id",
            timestamp_column="set_at",
        )
        yield serving


def test_maturity_says_what_is_final_and_how_far_early_figures_are_off(delayed: Any) -> None:
    maturity = delayed.maturity("2026-01-01", "2026-07-01", every="1 month", as_of=NOW)
    edges = edges_of("binary", {}, {"buy": _boolean()})
    parts = []
    for data in delayed.read("2026-01-01", "2026-07-01", every="1 month", as_of=NOW):
        rows = data.to_arrow()
        columns = {"buy": rows["buy"].to_pylist()}
        actual = {"buy": rows["actual_buy"].to_pylist()}
        parts.append(profile_of(edges, columns, actual, window=data.window))
    found = report(sum(parts, start=Profile.empty(edges)), maturity=maturity)
    last = found.assessment.windows[-1]
    assert last.ripeness.provisional
    assert last.ripeness.state == maturity.state(last.window)
    assert last.ripeness.expected == pytest.approx(last.ripeness.coverage, abs=0.05)
    (accuracy,) = [r for r in last.rows if r.metric == "accuracy"]
    assert accuracy.figure > 0.85  # on the labels that are known; three quarters are right
    assert accuracy.bias is not None
    assert accuracy.expected == pytest.approx(0.75, abs=0.02)
    assert [p.ripeness.provisional for p in found.assessment.windows] == [False] * 5 + [True]
    assert re.search(
        r"accuracy 0\.\d+ at this age has been 0\.\d+ too high .* so expect 0\.7", str(found)
    )
    frame = found.to_pandas()
    assert frame[frame.metric == "accuracy"].expected.notna().tolist() == [False] * 5 + [True]
    assert "too high" in found.to_html()


def _boolean() -> Any:
    from headwater.interfaces.schema import Role
    from headwater.profiling.edges import FieldEdges
    from headwater.types import FieldType

    return FieldEdges(FieldType.BOOLEAN, Role.PREDICTION)
