"""Distances equal scipy's on the binned data, and their bounds hold for the rows as they were."""

import math
import pickle
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

from headwater_monitor import distances
from headwater_monitor.figures import Figure

RANDOM = np.random.default_rng(17)


def binned(values, edges):
    return np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)


def samples(number):
    """Two samples, and edges from the first one: as unlike each other as `number` says."""
    shape = number % 5
    before = RANDOM.normal(size=50 + 37 * number) if shape < 3 else RANDOM.exponential(size=400)
    after = {
        0: lambda: RANDOM.normal(0.1 * number, 1 + number / 10, size=300),
        1: lambda: np.round(RANDOM.normal(size=80), 1),
        2: lambda: np.full(20, 0.3),
        3: lambda: RANDOM.exponential(2, size=150),
        4: lambda: np.concatenate([RANDOM.exponential(size=150), [1e6]]),
    }[shape]()
    edges = np.unique(np.quantile(before, np.arange(1, 20) / 20, method="inverted_cdf"))
    return before, after, edges


@pytest.mark.parametrize("number", range(25))
def test_distances_are_scipys_on_the_bins_and_bounds_hold_for_the_rows(number):
    before, after, edges = samples(number)
    a, b = binned(before, edges), binned(after, edges)
    p, q = a / a.sum(), b / b.sum()
    floored = (np.where(p > 0, p, 1e-4), np.where(q > 0, q, 1e-4))
    psi = ((floored[1] - floored[0]) * np.log(floored[1] / floored[0])).sum()
    a, b = a.tolist(), b.tolist()
    assert distances.psi(a, b) == pytest.approx(psi, abs=1e-12)
    assert distances.jensen_shannon(a, b) == pytest.approx(jensenshannon(p, q, 2), abs=1e-7)
    apart = np.linalg.norm(np.sqrt(p) - np.sqrt(q)) / math.sqrt(2)
    assert distances.hellinger(a, b) == pytest.approx(apart)

    found: Any = distances.chi_square(a, b)
    chi2, likely = found
    used = [(x, y) for x, y in zip(a, b, strict=True) if x or y]
    theirs = stats.chi2_contingency(np.array(used).T, correction=False)
    assert chi2 == pytest.approx(theirs.statistic)
    assert likely == pytest.approx(theirs.pvalue, rel=1e-9, abs=1e-300)

    ks: Any = distances.kolmogorov_smirnov(a, b)
    numbers = np.arange(len(a))
    theirs = stats.ks_2samp(np.repeat(numbers, a), np.repeat(numbers, b))
    assert ks == pytest.approx(theirs.statistic)
    assert ks.low - 1e-12 <= stats.ks_2samp(before, after).statistic <= ks.high + 1e-12

    reach = before.min(), before.max()
    extremes = min(reach[0], after.min()), max(reach[1], after.max())
    moved: Any = distances.wasserstein(a, b, edges.tolist(), reach=reach, extremes=extremes)
    ends = [reach[0], *edges, reach[1]]
    middles = [(x + y) / 2 for x, y in pairwise(ends)]
    assert moved == pytest.approx(stats.wasserstein_distance(middles, middles, a, b))
    exact = stats.wasserstein_distance(before, after)
    assert moved.low - 1e-9 <= exact <= moved.high + 1e-9
    assert moved.low <= moved <= moved.high


@pytest.mark.parametrize("degrees", [1, 2, 5, 19, 200])
@pytest.mark.parametrize("value", [0.0, 1e-9, 0.5, 3.0, 20.0, 250.0, 1400.0, 3000.0])
def test_the_tail_of_chi_square_is_scipys(value, degrees):
    found: Any = distances.chi_square_tail(value, degrees)
    assert found == pytest.approx(stats.chi2.sf(value, degrees), rel=1e-9, abs=1e-300)


def test_nothing_lies_at_no_distance():
    for name in ("psi", "jensen_shannon", "hellinger", "chi_square", "kolmogorov_smirnov"):
        assert getattr(distances, name)([0, 0], [1, 2]) is None
        assert getattr(distances, name)([1, 2], [0, 0]) is None
    assert distances.psi([3, 5], [6, 10]) == 0.0
    assert distances.jensen_shannon([1, 0], [0, 1]) == 1.0
    assert distances.hellinger([1, 0], [0, 1]) == 1.0


def test_a_figure_is_a_number_that_knows_its_bounds():
    figure = Figure(0.91, 0.9, 0.92)
    assert (round(figure, 1), figure - 0.91, f"{figure:.1f}") == (0.9, 0.0, "0.9")
    assert isinstance(figure, float)
    assert not figure.exact
    again = pickle.loads(pickle.dumps(figure))
    assert (again, again.low, again.high) == (0.91, 0.9, 0.92)
    assert (Figure(3).low, Figure(3).high, Figure(3).exact) == (3.0, 3.0, True)
