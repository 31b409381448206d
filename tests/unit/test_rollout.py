"""Roll-outs by area: recovery of a planted effect, refusals, gaps, one treated area."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from roll_outs import CODES, FIRST, LARGEST, STARTS, roll_out

from ennakointi.causal import difference, randomisation, rollout
from ennakointi.causal.areas import NEVER, NEVER_TREATED

EFFECT = float(np.log(0.85))


def test_the_planted_effect_is_inside_its_interval_and_found() -> None:
    found = rollout.rollout_effect(roll_out(1, EFFECT, share=1.0), 999, 1, LARGEST)
    assert found is not None
    assert found.effect.lo95 <= EFFECT <= found.effect.hi95 < 0
    assert found.effect.estimate == pytest.approx(EFFECT, abs=0.04)
    assert found.effect.p_value < 0.05
    assert [CODES[i] for i in np.flatnonzero(found.treated)] == ["016", "098", "111", "560"]
    assert found.comparison[LARGEST]


@pytest.mark.parametrize("autocorrelation", [0.0, 0.8])
def test_the_interval_covers_and_no_effect_is_seldom_found(autocorrelation: float) -> None:
    noise = {"spread": 0.08, "autocorrelation": autocorrelation}
    effects = [rollout.rollout_effect(roll_out(s, EFFECT, **noise), 199, s, LARGEST, studies=0) for s in range(40)]
    nulls = [rollout.rollout_effect(roll_out(s, 0.0, **noise), 199, s, LARGEST, studies=0) for s in range(40)]
    inside = sum(e is not None and e.effect.lo95 <= EFFECT <= e.effect.hi95 for e in effects)
    found = sum(e is None or e.effect.p_value <= 0.05 for e in nulls)
    assert inside >= 35
    assert found <= 5  # cluster-robust errors find 18 of 40 with one treated area


def test_one_treated_of_ten_cannot_reach_five_per_cent() -> None:
    panel = roll_out(2, -1.0, starts={"111": STARTS["111"]}, equal=True)
    found = rollout.rollout_effect(panel, 999, 2)
    assert found is not None
    assert found.effect.smallest_p == pytest.approx(0.1)
    assert found.effect.p_value == pytest.approx(0.1)
    assert np.isnan([found.effect.lo95, found.effect.hi95, found.detectable]).all()


def test_without_a_comparison_there_is_no_effect() -> None:
    together = dict.fromkeys(CODES, STARTS["111"])
    assert rollout.rollout_effect(roll_out(3, starts=together), 99, 3) is None


def test_a_start_without_a_year_before_it_is_left_out() -> None:
    panel = roll_out(4)
    early = replace(panel, starts=np.where(panel.starts == STARTS["111"], panel.months[6], panel.starts))
    found = rollout.rollout_effect(early, 99, 4, LARGEST)
    assert found is not None
    assert not found.treated[CODES.index("111")]


def test_an_uncovered_base_takes_the_area_out_and_zero_counts_do_no_harm() -> None:
    panel = roll_out(5, share=0.02)
    counts = panel.counts.copy()
    counts[CODES.index("111"), : STARTS["111"] - int(panel.months[0])] = np.nan
    counts[CODES.index("081")] = 0
    found = rollout.rollout_effect(replace(panel, counts=counts), 199, 5, LARGEST)
    assert found is not None
    assert not found.treated[CODES.index("111")]
    assert np.isfinite(found.effect.estimate)


def test_the_placebo_of_a_trend_before_the_start_fails() -> None:
    panel = roll_out(6, share=1.0)
    drifting = np.isin(panel.areas, ["098", "111", "560", "016"])
    years = (panel.months - panel.months[0]) / 12
    growing = replace(panel, counts=np.round(panel.counts * np.exp(0.15 * years * drifting[:, None])))
    trending = rollout.placebo_effect(growing, 999, 6, LARGEST)
    parallel = rollout.placebo_effect(panel, 999, 6, LARGEST)
    assert trending is not None
    assert parallel is not None
    assert trending.effect.p_value < 0.05 < parallel.effect.p_value


def test_leave_one_out_has_an_effect_for_each_treated_area() -> None:
    panel = roll_out(7, EFFECT, share=1.0)
    found = rollout.rollout_effect(panel, 199, 7, LARGEST)
    assert found is not None
    left_out = rollout.leave_one_out(panel, found.treated, LARGEST)
    assert len(left_out) == 4
    assert left_out == pytest.approx(EFFECT, abs=0.1)
    first = (panel.months >= panel.starts[:, None]) & (panel.months < panel.starts[:, None] + 3)
    slow = replace(panel, counts=np.where(first, 2 * panel.counts, panel.counts))
    assert rollout.leave_one_out(slow, found.treated, LARGEST, washout=3) == pytest.approx(EFFECT, abs=0.1)


def test_a_dominant_area_is_more_than_half() -> None:
    assert rollout.dominant_area(roll_out(8)) == LARGEST
    assert rollout.dominant_area(roll_out(8, equal=True)) is None


def test_a_smaller_effect_needs_more_residents() -> None:
    small = rollout.rollout_effect(roll_out(9, share=0.1), 199, 9, LARGEST)
    large = rollout.rollout_effect(roll_out(9, share=1.0), 199, 9, LARGEST)
    assert small is not None
    assert large is not None
    assert 0 < large.detectable < small.detectable / 2


def test_noise_tells_dispersion_and_drift_apart() -> None:
    rng = np.random.default_rng(10)
    expected = np.full((10, 48), 200.0)
    plain = difference.noise(rng.poisson(expected).astype(float), np.ones((10, 48)))
    gamma = rng.gamma(expected / 3) * 3
    dispersed = difference.noise(rng.poisson(gamma).astype(float), np.ones((10, 48)))
    steps = np.repeat(rng.normal(0, 0.15, (10, 4)), 12, axis=1)
    drifting = difference.noise(rng.poisson(expected * np.exp(steps)).astype(float), np.ones((10, 48)))
    assert plain.dispersion == pytest.approx(1.0, abs=0.15)
    assert plain.drift < 0.03
    assert dispersed.dispersion == pytest.approx(4.0, rel=0.2)
    assert drifting.drift == pytest.approx(0.15 * np.sqrt(2), rel=0.35)


def test_the_base_is_the_whole_years_that_the_areas_cover() -> None:
    """45 months before the first start are three whole years, and a gap makes them fewer for that start alone."""
    panel = roll_out(11)
    cells = rollout.group_time_cells(panel)
    length = {int(start): int(month) for start, month in zip(cells.start, cells.start - cells.base_first)}
    assert length == {start: (start - FIRST) // 12 * 12 for start in STARTS.values()}
    assert (cells.base_last == cells.start - 1).all()
    gap = panel.counts.copy()
    gap[CODES.index("781"), STARTS["111"] - FIRST - 20] = np.nan
    shorter = rollout.group_time_cells(replace(panel, counts=gap))
    assert set((shorter.start - shorter.base_first)[shorter.start == STARTS["111"]]) == {12}
    later = rollout.group_time_cells(panel, washout=3)
    assert (later.first >= later.start + 3).all()
    assert later.last.max() <= panel.months[-1]


def test_a_longer_base_is_more_precise() -> None:
    """A year alone as base: wider on average when areas stray for long (autocorrelation 0.8)."""
    widths = []
    for seed in range(6):
        panel = roll_out(seed, EFFECT, share=0.2, equal=True, spread=0.08, autocorrelation=0.8)
        year = difference.group_time_cells(panel.starts, int(panel.months[0]), int(panel.months[-1]), 3, 12)
        found = [rollout.rollout_effect(panel, 199, seed, None, cells) for cells in (None, year)]
        widths.append([one.effect.hi95 - one.effect.lo95 for one in found if one is not None])
    whole, one_year = np.mean(widths, axis=0)
    assert whole < 0.9 * one_year


def test_assignments_are_all_distinct_and_the_actual_is_first() -> None:
    starts = np.array([3, 3, 5, NEVER, NEVER])
    rows, exact = randomisation.assignments(starts, np.ones(5, bool), 1000, 0)
    assert exact
    assert len(rows) == len(np.unique(rows, axis=0)) == 30  # 5! / (2! 1! 2!)
    assert (rows[0] == starts).all()
    fixed, _ = randomisation.assignments(starts, np.array([True, True, True, True, False]), 1000, 0)
    assert len(fixed) == 12
    assert (fixed[:, 4] == NEVER).all()
    drawn, exact = randomisation.assignments(starts, np.ones(5, bool), 10, 0)
    assert not exact
    assert drawn.shape == (10, 5)
    assert (drawn[0] == starts).all()


def test_with_never_adopters_only_those_who_start_later_are_no_comparison() -> None:
    panel = roll_out(3, -0.3, share=0.2, equal=True)
    later = rollout.rollout_effect(panel, 99, 1)
    never = rollout.rollout_effect(replace(panel, comparison=NEVER_TREATED), 99, 1)
    assert later is not None
    assert never is not None
    assert (never.comparison == (panel.starts == NEVER)).all()
    assert later.comparison.sum() > never.comparison.sum()
    assert never.effect.estimate == pytest.approx(later.effect.estimate, abs=0.1)
