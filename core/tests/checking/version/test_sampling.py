"""Bounds of sampling error: right where they are known, and honest about few rows."""

import numpy as np
import pytest

from headwater.checking.version import sampling


def test_bounds_are_those_of_wilson():
    low, high = sampling.bounds(10, 100, 1.959964)
    assert low == pytest.approx(0.0552, abs=1e-4)
    assert high == pytest.approx(0.1744, abs=1e-4)
    assert sampling.bounds(0, 0) == (0.0, 1.0)


def test_few_rows_prove_little():
    assert not sampling.at_least(2, 2, 0.12)
    assert sampling.at_least(300, 3000, 0.05)
    assert sampling.appeared(100, 1000, 0, 3000, 0.05)
    assert not sampling.appeared(100, 1000, 0, 20, 0.05)
    assert not sampling.appeared(100, 1000, 150, 3000, 0.05)


def test_two_samples_of_one_distribution_are_nearer_than_their_error():
    rng = np.random.default_rng(1)
    apart = []
    for _ in range(200):
        one, two = (np.unique(rng.poisson(30, n), return_counts=True) for n in (300, 800))
        pairs = [list(zip(*map(np.ndarray.tolist, s), strict=True)) for s in (one, two)]
        apart.append(sampling.distance(*pairs))
    assert max(apart) < sampling.distance_error(300, 800)
    assert sampling.distance([(1, 5)], [(2, 5)]) == 1.0


def test_quantiles_are_values():
    pairs = [(1, 10), (5, 80), (9, 10)]
    assert [sampling.quantile(pairs, s) for s in (0, 0.1, 0.5, 0.9, 0.95, 1)] == [1, 1, 5, 5, 9, 9]


def test_pairs_in_order_are_counted_and_equal_ones_by_half():
    assert sampling.in_order([(0, 3), (2, 0)]) == 1.0
    assert sampling.in_order([(2, 0), (0, 3)]) == 0.0
    assert sampling.in_order([(2, 3)]) == 0.5
    assert sampling.in_order([(1, 2), (1, 1), (2, 1)]) == pytest.approx((1 + 2.5 + 2 * 3.5) / 16)
