"""The delay curve: against the sample's own delays, scipy's estimate, and what was drawn."""

import math
from typing import Any

import pytest
from core.tests.maturity.histories import NEVER, drawn
from scipy.stats import CensoredData, ecdf

from headwater.maturity.counts import Cell, Tally
from headwater.maturity.curve import Curve, Risks, log_rank

DAY = 86400.0
AGES = (1, 3, 7, 14, 28, 45)


def curve(cells: Any) -> Any:
    return Curve(Risks.of(cells.items()), DAY)


def test_a_curve_that_can_be_reckoned_by_hand():
    # Ten watched for 3 days: 4 labelled on the first, 3 on the third. Ten for 1 day: 5 labelled.
    # What was labelled on a day that is not over yet does not count.
    cells = {
        Cell(0, 3, 0): Tally(4, 4 * 43200),
        Cell(0, 3, 2): Tally(3),
        Cell(0, 3, None): Tally(3),
        Cell(1, 1, 0): Tally(5, 5 * 43200),
        Cell(1, 1, 1): Tally(1),
        Cell(1, 1, None): Tally(4),
        Cell(2, 0, 0): Tally(8),
    }
    found = curve(cells)
    assert [found.at(age) for age in (0, 1, 2, 3)] == pytest.approx(
        [0, 9 / 20, 9 / 20, 1 - 11 / 20 * 3 / 6]
    )
    assert found.at(0.5) == pytest.approx(9 / 40)
    assert found.at(3.1) is None
    assert found.share_at(9) == found.at(3)
    assert found.within(0) == pytest.approx(9 / 40)
    assert found.within(2) == found.at(3)  # at the very beginning of the third day
    assert found.age_of(9 / 40) == pytest.approx(0.5)
    assert found.age_of(0.99) is None
    variance = (11 / 20) ** 2 * 9 / (20 * 11)
    assert found.error(1) == pytest.approx(math.sqrt(variance))


def test_nothing_is_known_of_nothing():
    found = curve({Cell(0, 0, None): Tally(5)})
    assert (len(found), found.at(0), found.at(1), found.age_of(0.5)) == (0, 0.0, None, None)


def test_where_all_are_labelled_all_will_be():
    found = curve({Cell(0, 4, 1): Tally(50)})
    assert (found.at(1), found.at(2), found.at(99)) == (0.0, 1.0, 1.0)
    low, high = found.band(2)
    assert 0.9 < low < 1
    assert high == 1
    assert found.band(1)[0] == 0
    assert 0 < found.band(1)[1] < 0.1


@pytest.mark.filterwarnings("ignore:The confidence interval is undefined")
@pytest.mark.parametrize("kind", ["exponential", "bimodal", "slow", "at once"])
def test_it_is_scipys_estimate_from_the_same_counts(kind):
    history = drawn(kind, seed=1, rows=3000, days=40)
    counts = history.counts(40)
    found: Any = Curve(Risks.of(counts.cells.items()), DAY)
    events, censored = [], []
    for cell, (rows, _) in counts.cells.items():
        if cell.delay is not None and cell.delay < cell.age:
            events += [cell.delay + 1] * rows
        elif cell.age:
            # Watched for so many whole days, and not labelled in them.
            censored += [cell.age] * rows
    survival = ecdf(CensoredData(uncensored=events, right=censored)).sf
    for age in range(1, 40):
        assert 1 - found.at(age) == pytest.approx(float(survival.evaluate(age)), abs=1e-12)
    # scipy's band is Greenwood's by log-log, at the ages where labels came.
    reach = survival.confidence_interval(0.95, method="log-log")
    for age in (8, 14, 21):
        low, high = found.band(age)
        if 0 < found.at(age) < 1:
            assert 1 - high == pytest.approx(float(reach.low.evaluate(age)), abs=1e-9)
            assert 1 - low == pytest.approx(float(reach.high.evaluate(age)), abs=1e-9)


@pytest.mark.parametrize("kind", ["exponential", "bimodal", "slow", "at once"])
def test_it_is_within_a_hundredth_of_the_samples_own_delays(kind):
    for seed in range(8):
        history = drawn(kind, seed)
        maturity = history.maturity()
        for age in AGES:
            watched = maturity.counts.of(lambda cell, least=age: cell.age >= least).rows
            share = history.share(age)
            error = math.sqrt(share * (1 - share) / watched) if watched < 1000 else 0
            assert abs(maturity.expected(age) - share) <= max(0.01, 3.5 * error)


def band_coverage(runs):
    """Return for each age in which part of the runs the band holds the drawn share."""
    inside = dict.fromkeys(AGES, 0)
    for seed in range(runs):
        maturity = drawn("exponential", seed).maturity()
        for age in AGES:
            low, high = maturity.band(age)
            inside[age] += low <= (1 - NEVER) * (1 - math.exp(-age / 12)) <= high
    return {age: count / runs for age, count in inside.items()}


def test_the_band_holds_what_was_drawn_mostly():
    assert all(share >= 0.84 for share in band_coverage(50).values())


@pytest.mark.slow
def test_the_band_holds_what_was_drawn_in_19_of_20_runs():
    assert all(0.92 <= share <= 0.98 for share in band_coverage(500).values())


def test_log_rank_tells_curves_apart_and_is_signed():
    quick, slow = (
        Risks.of(drawn(kind, seed=2, rows=2000).counts(60).cells.items())
        for kind in ("at once", "exponential")
    )
    assert log_rank(quick, slow) > 4
    assert log_rank(slow, quick) == pytest.approx(-log_rank(quick, slow))
    assert log_rank(quick, quick) == 0
    same = Risks.of(drawn("exponential", seed=3, rows=2000).counts(60).cells.items())
    assert abs(log_rank(slow, same)) < 3
    assert log_rank(quick, Risks.of([])) == 0


def test_an_earlier_present_is_what_was_known_then():
    history = drawn("exponential", seed=4)
    lagged = Curve(Risks.of(history.counts(60).cells.items(), lag=10), DAY)
    then = Curve(Risks.of(history.counts(50).cells.items()), DAY)
    ages = range(1, 50)
    assert [lagged.at(a) for a in ages] == pytest.approx([then.at(a) for a in ages])
