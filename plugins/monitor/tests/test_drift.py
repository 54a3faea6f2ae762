"""Drift of fields: by edges from training one outlier moves one row, and windows merge."""

import pickle
from datetime import UTC, datetime, timedelta
from importlib import resources
from io import BytesIO
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from plugins.monitor.tests.made_profiles import BOOLEAN, STRING, edges_of, profile_of

from headwater.errors import ConfigError, ProfileError
from headwater.interfaces.schema import Role
from headwater.profiling.edges import FieldEdges
from headwater.profiling.profile import Profile
from headwater.tables.window import Window
from headwater.types import FieldType
from headwater_monitor import distances, drift, performance

RANDOM = np.random.default_rng(11)


def housing(name):
    data = resources.files("headwater_glue.demo") / "data" / f"housing_{name}.parquet"
    return pq.read_table(BytesIO(data.read_bytes()))


@pytest.fixture(scope="module")
def latitudes():
    """Latitudes of the training set, and of October 2021 (M9 of the design of monitors)."""
    rows = housing("serving")
    month = pc.strftime(rows["timestamp"], "%Y-%m")
    october = rows.filter(pc.equal(month, pa.scalar("2021-10")))["Latitude"].to_pylist()
    return housing("training")["Latitude"].to_pylist(), october


def test_one_outlier_of_744_hides_no_drift(latitudes):
    before, after = latitudes
    edges = edges_of("binary", {"Latitude": before}, {})
    reference = profile_of(edges, {"Latitude": before})
    found: Any = drift(profile_of(edges, {"Latitude": after}), reference)["Latitude"]
    spoiled = [after[0] * 1000, *after[1:]]
    with_outlier: Any = drift(profile_of(edges, {"Latitude": spoiled}), reference)["Latitude"]
    # With bins of both samples, Evidently's PSI of the same rows falls from 8.8 to 0.003.
    assert (round(found.psi, 4), round(with_outlier.psi, 4)) == (7.7558, 7.6175)
    for metric in ("js", "hellinger", "ks", "wasserstein"):
        clean, other = found.figures[metric], with_outlier.figures[metric]
        assert other == pytest.approx(clean, rel=0.03)
    assert with_outlier.wasserstein.high > 10 * found.wasserstein.high  # the bound knows of it


def test_windows_merge_before_and_after_is_the_same():
    before = RANDOM.normal(size=500).tolist()
    edges = edges_of("binary", {"f": before}, {})
    reference = profile_of(edges, {"f": before})
    start = datetime(2026, 1, 1, tzinfo=UTC)
    days = [RANDOM.normal(0.3, 1, size=40 + n).tolist() for n in range(7)]
    parts = [
        profile_of(
            edges,
            {"f": day},
            window=Window(start + timedelta(days=n), start + timedelta(days=n + 1)),
        )
        for n, day in enumerate(days)
    ]
    week = sum(parts, start=Profile.empty(edges))
    whole = profile_of(edges, {"f": [value for day in days for value in day]})
    assert drift(week, reference)["f"] == drift(whole, reference)["f"]
    assert drift(week.total(), reference)["f"] == drift(whole, reference)["f"]


def test_every_type_of_field_has_what_it_can_have():
    fields = {
        "owner": FieldEdges(STRING, Role.FEATURE, vocabulary=("ann", "bob")),
        "paid": FieldEdges(BOOLEAN, Role.FEATURE),
        "age": RANDOM.normal(size=100).tolist(),
    }
    edges = edges_of("binary", fields, {})
    before: dict[str, Any] = {
        "owner": ["ann", "bob"] * 50,
        "paid": [True] * 100,
        "age": fields["age"],
    }
    after: dict[str, Any] = {
        "owner": ["ann", "cid", None, "bob"],
        "paid": [True, False, True, None],
        "age": [0.0, None, float("nan"), 1.0],
    }
    found: Any = drift(profile_of(edges, after), profile_of(edges, before))
    assert set(found) == {"owner", "paid", "age"}
    assert found["owner"].missing == 0.25
    assert found["age"].missing == 0.5
    assert found["age"].against_missing == 0.0
    assert set(found["owner"].figures) == {"psi", "js", "hellinger", "chi2"}
    assert set(found["age"].figures) == {"psi", "js", "hellinger", "ks", "wasserstein", "chi2"}
    assert found["age"].mean == 0.5
    assert found["age"].by_chance
    assert [f.field for f in found.worst("js")] == ["age", "owner", "paid"]


def test_what_has_no_values_has_no_distance():
    edges = edges_of("binary", {"age": [1.0, 2.0, 3.0]}, {})
    found: Any = drift(
        profile_of(edges, {"age": [None, None]}), profile_of(edges, {"age": [1.0, 2.0]})
    )
    assert found["age"].figures == {}
    assert (found["age"].missing, found["age"].mean) == (1.0, None)
    assert "no values" in str(found)
    assert len(drift(Profile.empty(edges), profile_of(edges, {"age": [1.0]}))) == 0


def test_a_datetime_moves_by_seconds_and_lengths_by_lengths():
    when = FieldEdges(FieldType.DATETIME, Role.FEATURE, edges=(0, 3_600_000_000))
    text = FieldEdges(FieldType.TEXT, Role.FEATURE, edges=(5, 10))
    edges = edges_of("binary", {"when": when, "text": text}, {})
    from headwater.profiling.cells import Key, Place

    def made(bins, least, most):
        cells = {
            Key("when", "rows"): 4, Key("text", "rows"): 4,
            **{Key("when", "histogram", b): n for b, n in bins.items()},
            **{Key("text", "length", b): n for b, n in bins.items()},
            Key("when", "min"): least * 1_000_000, Key("when", "max"): most * 1_000_000,
            Key("text", "min_length"): least, Key("text", "max_length"): most,
        }  # fmt: skip
        return Profile(edges, {Place(None, None): cells}, ())

    found: Any = drift(made({2: 4}, 3600, 7200), made({0: 4}, 0, 0))
    assert found["when"].ks == 1.0
    # From 0 to the edge at 3,600 s: the reference has nothing beyond its edges.
    assert found["when"].wasserstein == 3600.0
    assert found["when"].wasserstein.high == 7200.0
    assert found["text"].wasserstein == 7.5  # from the middle of [0, 5]


def test_what_is_no_profile_is_refused():
    given = profile_of(edges_of("binary", {"f": [1.0, 2.0]}, {}), {"f": [1.0]})
    for pair in ((given, None), (None, given), (given.to_arrow(), given)):
        with pytest.raises(ConfigError, match="is no profile"):
            drift(*pair)
    with pytest.raises(ConfigError, match="is no profile"):
        performance(cast("Any", None))


def test_distances_beyond_all_doubles_are_not_told():
    far = 1.7e308
    moved = distances.wasserstein(
        [3, 1, 0], [1, 1, 2], [-far, far], reach=(-far, far), extremes=(-far, far)
    )
    assert moved is None


def test_profiles_of_other_edges_are_not_compared():
    one, other = (edges_of("binary", {"f": values}, {}) for values in ([1.0, 2.0], [1.0, 3.0]))
    with pytest.raises(ProfileError, match="can't be compared") as caught:
        drift(profile_of(one, {"f": [1.0]}), profile_of(other, {"f": [1.0]}))
    assert caught.value.code == "edges-differ"


def test_it_is_a_mapping_a_table_and_a_text():
    edges = edges_of("binary", {"f": [1.0, 2.0, 3.0], "g": [1.0, 2.0]}, {})
    before = profile_of(edges, {"f": [1.0, 2.0, 3.0] * 9, "g": [1.0, 2.0, 2.0] * 9})
    found: Any = drift(profile_of(edges, {"f": [9.0] * 9, "g": [1.0, 2.0, 2.0] * 3}), before)
    table = found.to_arrow()
    assert table["field"].to_pylist() == ["f", "g"]
    assert table["psi"].to_pylist() == [float(found["f"].psi), float(found["g"].psi)]
    assert table["ks_high"].to_pylist()[0] == found["f"].ks.high
    assert len(found.to_pandas()) == 2
    assert [f.field for f in found.worst()] == ["f", "g"]
    assert str(found).splitlines()[1].split()[0] == "f"
    assert pickle.loads(pickle.dumps(found["f"])) == found["f"]
    with pytest.raises(ConfigError, match="no drift is told of a field 'h'"):
        found["h"]
    with pytest.raises(ConfigError, match="no distance is called 'pis'") as caught:
        found.worst("pis")
    assert "psi" in str(caught.value.hint)
