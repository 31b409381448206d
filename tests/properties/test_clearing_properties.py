"""What must hold of clearing any debt: more capacity, more time and less debt never hurt, units do not matter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ennakointi.queues.joint import Joint, Outlook
from ennakointi.queues.return_scenarios import (
    Needs,
    clears,
    during,
    months_to_clear,
    needed_capacity,
    projected,
    quantile,
)

P, H, CHANCE = 25, 60, 0.8
CASES = settings(max_examples=40, deadline=None)
seeds = st.integers(0, 2**32 - 1)
growths = st.sampled_from([-0.05, -0.01, 0.0, 0.01, 0.05])
levels = st.floats(0, 0.5)
months = st.integers(1, H)


def made(seed: int, growth: float, size: float = 1000.0) -> Needs:
    """Needs of a service of `size` contacts a month: draws of all sizes, among them none at all, and noisy months."""
    rng = np.random.default_rng(seed)
    queue, returning = size * rng.uniform(0, 2, (2, P)) * rng.integers(0, 2, (2, P))
    changes = size * (growth + rng.normal(0, 0.01, (P, 1)) + rng.normal(0, 0.02, (P, H)))
    return Needs(queue, returning, rng.uniform(0, 0.04, P), changes, int(rng.integers(1, 48)), 0.01 * size)


def taken(needs: Needs, capacity: float | np.ndarray) -> np.ndarray:
    return months_to_clear(needs, during(capacity, H, 1, H))


@given(seeds, growths, levels, levels)
@CASES
def test_more_capacity_never_takes_longer(seed: int, growth: float, one: float, other: float) -> None:
    needs, (low, high) = made(seed, growth), sorted((one, other))
    assert (taken(needs, 1000 * high) <= taken(needs, 1000 * low)).all()


@given(seeds, growths, months, months)
@CASES
def test_a_later_date_never_needs_more(seed: int, growth: float, one: int, other: int) -> None:
    needs, (early, late) = made(seed, growth), sorted((one, other))
    sooner, later = needed_capacity(needs, early), needed_capacity(needs, late)
    assert (later <= sooner * (1 + 1e-9)).all()
    assert (later[sooner == 0] == 0).all()


@given(seeds, growths, st.floats(1, 3), levels)
@CASES
def test_more_debt_never_clears_sooner(seed: int, growth: float, times: float, capacity: float) -> None:
    needs = made(seed, growth)
    larger = replace(needs, queue=times * needs.queue, returning=times * needs.returning)
    assert (taken(larger, 1000 * capacity) >= taken(needs, 1000 * capacity)).all()


@given(seeds, growths)
@CASES
def test_no_debt_is_cleared_at_once_without_capacity(seed: int, growth: float) -> None:
    needs = replace(made(seed, growth), queue=np.zeros(P), returning=np.zeros(P))
    assert (taken(needs, 0.0) == 0).all()
    assert (needed_capacity(needs, 12) == 0).all()


@given(seeds, growths, st.integers(-6, 10), levels)
@CASES
def test_contacts_in_thousands_say_the_same(seed: int, growth: float, power: int, capacity: float) -> None:
    factor = 2.0**power  # exact in binary, so that nothing is rounded
    needs = made(seed, growth)
    scaled = Needs(
        factor * needs.queue,
        factor * needs.returning,
        needs.passing,
        factor * needs.changes,
        needs.phase_in_months,
        factor * needs.tolerance,
    )
    assert (taken(scaled, factor * 1000 * capacity) == taken(needs, 1000 * capacity)).all()
    assert needed_capacity(scaled, 24) == pytest.approx(factor * needed_capacity(needs, 24))


@given(seeds, growths, months)
@CASES
def test_the_capacity_gives_the_wanted_chance_and_a_little_less_does_not(seed: int, growth: float, by: int) -> None:
    needs = made(seed, growth)
    capacity = quantile(needed_capacity(needs, by), CHANCE)
    assert (taken(needs, capacity) <= by).mean() >= CHANCE
    less = capacity * (1 - 2e-3) - 0.05  # the bracket of a few thousand contacts is halved to hundredths of one
    assume(less > 0)
    assert (taken(needs, less) <= by).mean() < CHANCE


@given(seeds, growths, months)
@CASES
def test_clearing_in_any_month_is_clearing_within_them(seed: int, growth: float, by: int) -> None:
    needs = made(seed, growth)
    ahead = replace(needs, changes=needs.changes[:, :by])
    added = np.linspace(0, 100, P) * np.ones((by, 1))
    assert (clears(ahead, added) == np.isfinite(months_to_clear(ahead, added))).all()


@given(seeds, growths, levels)
@CASES
def test_every_need_passes_is_worked_off_or_is_left(seed: int, growth: float, capacity: float) -> None:
    """Never below nothing; while the queue lasts, what is left changes by what passes, grows and is worked off."""
    needs, added = made(seed, growth), 1000 * capacity
    before = (needs.queue, needs.returning)
    for month, (queue, returning) in enumerate(projected(needs, np.full(H, added))):
        assert (queue >= 0).all()
        assert (returning >= 0).all()
        expected = (before[0] + before[1]) * (1 - needs.passing) + needs.changes[:, month] - added
        lasting = queue > 0
        assert (queue + returning)[lasting] == pytest.approx(expected[lasting])
        assert (queue + returning >= expected - 1e-6).all()
        before = (queue, returning)


@given(seeds, st.integers(1, 48), levels)
@CASES
def test_without_slack_it_does_not_matter_when_the_hidden_need_comes(seed: int, phase_in: int, capacity: float) -> None:
    """What the added capacity has over calls in those still to come, so only slack of the present capacity is lost."""
    needs = made(seed, 0.0)
    steady = replace(needs, changes=np.abs(needs.changes))
    late = replace(steady, phase_in_months=phase_in)
    assert taken(late, 1000 * capacity) == pytest.approx(taken(steady, 1000 * capacity))


def joint(seed: int, n: int) -> Joint:
    """Services with needed capacities of their own, often none, and months to clear."""
    rng = np.random.default_rng(seed)
    parts = []
    for _service in range(n):
        needed = 100 * rng.lognormal(size=P) * rng.integers(0, 2, P)
        month = np.where(needed > 0, np.where(rng.random(P) < 0.2, np.inf, 13 + needed), rng.integers(0, 13, P))
        effort = (float(rng.uniform(1, 9)), float(rng.random()))
        parts.append(Outlook("possible", 1.0, 0.0, month, month, {12: needed}, effort, 500.0, 900.0, ""))
    return Joint("possible", tuple(parts), 900.0, "")


@given(seeds, st.integers(1, 6), st.sampled_from([0.5, 0.8, 0.95]))
@CASES
def test_all_services_are_clear_no_surer_and_no_cheaper_than_any_of_them(seed: int, n: int, chance: float) -> None:
    every = joint(seed, n)
    each = [replace(every, parts=(part,)) for part in every.parts]
    assert (every.months <= 12).mean() <= min((one.months <= 12).mean() for one in each)
    of_all, of_each = every.wanted(12, chance), [one.wanted(12, chance) for one in each]
    for measure in range(3):
        assert of_all[measure] >= sum(one[measure] for one in of_each) * (1 - 1e-12)
    for one, part in zip(of_each, every.parts, strict=True):
        assert one[0] == quantile(part.needed[12], chance)


@given(seeds, st.integers(1, 6), st.sampled_from([0.5, 0.8, 0.95]))
@CASES
def test_the_capacity_of_all_clears_all_with_the_wanted_chance_and_a_little_less_does_not(
    seed: int, n: int, chance: float
) -> None:
    every = joint(seed, n)
    capacity = every.wanted(12, chance)[0]
    assert every.chances(12, np.array([capacity]))[0] >= chance
    assume(capacity > 0)
    assert every.chances(12, np.array([capacity * (1 - 1e-9)]))[0] < chance
    curve = every.chances(12, np.linspace(0, 2 * capacity, 13))
    assert (np.diff(curve) >= 0).all()
    assert curve[0] == (every.months <= 12).mean()


@given(seeds, st.integers(1, 4))
@CASES
def test_a_service_that_needs_nothing_in_any_draw_changes_nothing(seed: int, n: int) -> None:
    every = joint(seed, n)
    part = every.parts[0]
    nothing = replace(part, needed={12: np.zeros(P)}, with_added=np.zeros(P), to_clear=0.0)
    more = replace(every, parts=(*every.parts, nothing))
    assert more.wanted(12, 0.8) == pytest.approx(every.wanted(12, 0.8))
    assert (more.months == every.months).all()
