"""The effect by time since the start: it holds the planted one, and nothing is found where nothing is."""

from __future__ import annotations

import numpy as np
import pytest
from roll_outs import CODES, STARTS, roll_out

from ennakointi.causal import event_time, rollout

PLANTED = float(np.log(0.85))


def by_time(seed: int, effect: float, **changed: object) -> event_time.EventTimes:
    panel = roll_out(seed, effect, share=0.2, equal=True, **changed)  # type: ignore[arg-type]
    record = rollout.rollout_effect(panel, 199, seed)
    assert record is not None
    found = event_time.effect_by_time(panel, 199, seed, record.effect.estimate, None)
    assert found is not None
    return found


def test_the_quarters_average_to_about_the_effect_of_record() -> None:
    found = by_time(3, PLANTED)
    after = found.period >= 0
    assert np.average(found.effect[after], weights=1 / np.diag(found.covariance)[after]) == pytest.approx(
        PLANTED, abs=0.05
    )
    assert (found.lo95 < found.effect).all()
    assert (found.effect < found.hi95).all()
    assert found.persons.min() > 0


def test_the_band_holds_every_quarter_at_once_in_nineteen_of_twenty_studies() -> None:
    held = []
    for seed in range(20):
        found = by_time(seed, PLANTED)
        truth = np.where(found.period >= 0, PLANTED, 0.0)
        held.append(((found.lo95 <= truth) & (truth <= found.hi95)).all())
    assert np.mean(held) >= 0.85


def test_quarters_before_the_start_are_shown_and_years_are_twelve_months() -> None:
    found = by_time(1, 0.0)
    assert set(found.period) >= set(range(-8, 4))
    assert np.abs(found.effect[found.period < 0].mean()) < 0.05
    panel = roll_out(1, PLANTED, share=0.2, equal=True)
    years = event_time.effect_by_time(panel, 199, 1, PLANTED, None, event_time.YEARS, rollout.BASE_MONTHS)
    assert years is not None
    assert set(years.period) <= set(event_time.YEARS)
    assert years.effect[years.period == 0] == pytest.approx(PLANTED, abs=0.08)


def test_with_one_treated_of_ten_there_is_no_band_and_an_excluded_area_is_never_treated() -> None:
    alone = by_time(1, PLANTED, starts=dict.fromkeys(CODES[:1], STARTS["111"]))
    assert np.isnan(alone.lo95).all()
    panel = roll_out(1, PLANTED, share=0.2, equal=True, starts=dict.fromkeys(CODES[:1], STARTS["111"]))
    assert event_time.effect_by_time(panel, 199, 1, 0.0, exclude=0) is None
