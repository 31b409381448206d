"""The account by hand: gaps, intervals, substitution, needs that ended, hidden need, and sums."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ennakointi.debt import ledger, lost, terms
from ennakointi.debt.calibration import Calibration
from ennakointi.debt.ledger import PersonModel
from ennakointi.debt.lost import Fading
from ennakointi.debt.paths import Paths
from ennakointi.debt.service_series import Account, ServiceSeries

FACTORS = Calibration(np.array([1.0, 2.0, np.nan]), np.array([1.0, 2.0, np.nan]), np.full(3, 20.0))
DRAWS = 100


def fade(
    at_once: float = 0.0, passes: float = 0.0, died: float = 0.0, moved: float = 0.0, returns: float = 0.0
) -> Fading:
    return Fading(*(np.full(DRAWS, share) for share in (at_once, passes, died, moved, returns)), 36, True)


def series(observed: list[float], service: str = "primary_care", window: int | None = None) -> ServiceSeries:
    """One month of baseline, then the window and what comes after it."""
    n = len(observed) + 1
    account = Account(0, 0, 0, 1, window or n - 1, n - 1)
    values = np.array([0.0, *observed])
    return ServiceSeries(
        service, account, ("398",), np.arange(n), values, values, values, np.full(n, np.nan), np.ones(n)
    )


def certain(expected: list[float], spread: float = 0.0) -> Paths:
    """Paths at the expectation, half of them `spread` above and half below every month."""
    point = np.array(expected)
    steps = np.repeat([[-spread], [spread]], DRAWS // 2, axis=0)
    return Paths(point, point + steps, np.zeros(1), "theta", 0.0)


def kept(
    observed: list[float],
    expected: list[float],
    *,
    spread: float = 0.0,
    queue: list[float] | None = None,
    persons: PersonModel | None = None,
    fading: Fading | None = None,
    substituted: np.ndarray | None = None,
    service: str = "primary_care",
    window: int | None = None,
) -> ledger.Ledger:
    own, simulated = series(observed, service, window), certain(expected, spread)
    net = ledger.net(own, simulated, FACTORS)
    waits = None if queue is None else np.tile(queue, (DRAWS, 1))
    nothing = np.zeros_like(net)
    replaced = nothing if substituted is None else substituted
    missing = ledger.Missing(own, simulated, net, FACTORS)
    return ledger.keep(missing, replaced, waits, fading or fade(), persons)


def test_gaps_are_signed_and_cumulated_by_hand() -> None:
    found = kept([4.0, 12.0, 10.0], [10.0, 10.0, 10.0])
    assert found.gap == pytest.approx([6, -2, 0])
    assert found.debt == pytest.approx([6, 4, 4])
    assert found.gross == pytest.approx([6, 6, 6])
    assert found.returned == pytest.approx([0, 2, 2])
    assert found.debt_weeks[2] == pytest.approx(4 / 10 * 365.25 / 84)


def test_interval_is_widened_by_its_factor_and_empty_beyond_the_calibrated_horizon() -> None:
    found = kept([4.0, 12.0, 10.0], [10.0, 10.0, 10.0], spread=1.0)
    assert [found.debt_lo80[0], found.debt_hi80[0]] == pytest.approx([5, 7])
    assert [found.debt_lo80[1], found.debt_hi80[1]] == pytest.approx([4 - 2 * 2, 4 + 2 * 2])
    assert np.isnan([found.debt_lo80[2], found.debt_hi95[2]]).all()
    assert found.debt[2] == pytest.approx(4)


def test_needs_end_at_once_and_by_the_month() -> None:
    """100 missing in the first month: 10 not needed at once; then of the 90 left 5 % pass, 2 % die, 1 % move."""
    died, moved, not_needed = lost.means(np.tile([100.0, 100.0], (DRAWS, 1)), fade(0.1, 0.05, 0.02, 0.01))
    assert not_needed[0] == pytest.approx([10, 14.5])
    assert died[0] == pytest.approx([0, 1.8])
    assert moved[0] == pytest.approx([0, 0.9])
    back = lost.means(np.tile([100.0, 100.0], (DRAWS, 1)), fade(0.1, returns=0.5))
    assert back[2, 0] == pytest.approx([10, 14.5])  # 45 came back, so 45 more were missed: 4.5 not needed


def test_needs_that_end_are_counted_about_their_mean_in_clumps() -> None:
    mean = np.tile(np.cumsum([30.0, 0.0, 70.0]), (20_000, 1))
    found = lost.counted(mean, np.random.default_rng(1))
    assert found.mean(axis=0) == pytest.approx([30, 30, 100], rel=0.01)
    assert found[:, 2].var() == pytest.approx(lost.CLUMP * 100, rel=0.05)
    assert (np.diff(found, axis=1) >= 0).all()


def test_hidden_need_is_what_persons_did_not_get_and_what_is_known_of_it() -> None:
    """40 of 100 missing by counts, 36 by persons; 6 wait, a tenth of what is missing is not needed: 4.
    hidden = 36 − 6 − 4; unexplained = 40 − 36."""
    found = kept([60.0], [100.0], queue=[6.0], persons=PersonModel(0.36, 0.0, 0.0), fading=fade(0.1))
    assert found.of("lost") == pytest.approx([4], abs=1.0)
    assert found.of("hidden") + found.of("lost") == pytest.approx([30])
    assert found.of("unexplained") == pytest.approx([4])


def test_hidden_need_is_not_told_without_persons_or_without_a_queue() -> None:
    for account in (kept([60.0], [100.0], queue=[6.0]), kept([60.0], [100.0], persons=PersonModel(0.3, 0.01, 0.0))):
        assert np.isnan(account.of("hidden")).all()
        assert np.isnan(account.of("unexplained")).all()


def test_hidden_need_comes_back_for_the_phase_in_and_no_longer() -> None:
    left = lost.carried(np.array([1000.0]), 45, Fading(*(np.zeros(1),) * 4, np.array([0.5 / 36]), 36))
    assert left[0, [17, 35, 44]] == pytest.approx([750, 500, 500])


def test_where_nothing_is_missing_nothing_is_lost_on_average() -> None:
    rng = np.random.default_rng(3)
    noise = np.cumsum(rng.normal(0, 50, (4000, 22)), axis=1)
    still = Fading(*(np.full(4000, share) for share in (0.2, 0.02, 0.0, 0.0, 0.01)), 36)
    found = lost.means(noise, still).sum(axis=0)[:, -1]
    assert abs(found.mean()) < 3 * found.std() / np.sqrt(4000)


def test_departures_that_no_persons_tell_are_not_zero_but_unknown() -> None:
    unknown = Fading(*(np.zeros(DRAWS) for _ in range(5)), 36)
    found = kept([60.0], [100.0], queue=[6.0], fading=unknown)
    assert np.isnan(found.of("lost_died")).all()
    assert found.of("lost") == pytest.approx([0])
    assert "lost_moved" not in dict(found.terms.named())


def test_after_the_window_only_needs_known_to_be_open_end() -> None:
    """26 hidden and 6 waiting when the window ends; a tenth of them passes; the queue then is empty."""
    model = PersonModel(0.36, 0.0, 0.0)
    found = kept([60.0, 80.0, 90.0], [100.0] * 3, queue=[6.0, 0.0, 0.0], persons=model, fading=fade(0.1, 0.1), window=1)
    hidden = 30 - found.of("lost")[0]
    assert found.of("hidden") == pytest.approx(hidden * np.array([1, 0.9, 0.81]))
    assert np.diff(found.of("lost")) == pytest.approx([0.1 * (hidden + 6), 0.1 * 0.9 * hidden])
    assert found.debt == pytest.approx([40, 60, 70])


def test_substitution_is_signed_by_month_and_held_at_zero_only_when_cumulated() -> None:
    nets = {"primary_care": np.zeros((1, 3)), "digital_pathway": -np.cumsum([[5.0, -2.0, 4.0]], axis=1)}
    found = terms.substitution(nets, {"primary_care": {"digital_pathway": 0.5}})
    assert found["primary_care"][0] == pytest.approx([2.5, 1.5, 3.5])
    assert found["digital_pathway"][0] == pytest.approx([-2.5, -1.5, -3.5])
    below = {**nets, "digital_pathway": -np.cumsum([[-2.0, -2.0, 6.0]], axis=1)}
    assert terms.substitution(below, {"primary_care": {"digital_pathway": 0.5}})["primary_care"][0] == pytest.approx(
        [0, 0, 1]
    )


def test_a_coefficient_of_zero_and_an_unknown_substitute_replace_nothing() -> None:
    nets = {"primary_care": np.zeros((1, 1)), "digital_pathway": np.array([[-30.0]])}
    found = terms.substitution(nets, {"primary_care": {"digital_pathway": 0.0, "unknown": 1.0}})
    assert found["primary_care"][0] == pytest.approx([0])


def test_total_does_not_count_a_substitute_twice() -> None:
    """100 expected and 60 given; the substitute expected 10 and gave 40: 10 are missing, its surplus is spent."""
    own, other = series([60.0]), series([40.0], "digital_pathway")
    nets = {
        "primary_care": ledger.net(own, certain([100.0]), FACTORS),
        "digital_pathway": ledger.net(other, certain([10.0]), FACTORS),
    }
    replaced = terms.substitution(nets, {"primary_care": {"digital_pathway": 1.0}})
    parts = [
        kept([60.0], [100.0], substituted=replaced["primary_care"]),
        kept([40.0], [10.0], substituted=replaced["digital_pathway"], service="digital_pathway"),
    ]
    assert [part.debt[0] for part in parts] == pytest.approx([10, 0])
    total = ledger.added(parts, series([100.0], "all"), certain([110.0]), FACTORS)
    assert total.debt[0] == pytest.approx(10)
    assert total.substituted[0] == pytest.approx(0)


def test_draws_of_services_are_ordered_so_that_their_sum_has_the_width_asked_for() -> None:
    rng = np.random.default_rng(1)
    nets = {"a": rng.normal(10, 3, (4000, 2)), "b": rng.normal(20, 4, (4000, 2))}
    for sd, wanted in ((5.0, 5.0), (6.0, 6.0), (7.0, 7.0), (1.0, 5.0), (20.0, 7.0)):
        placed = terms.coupled(nets, 1, sd, np.random.default_rng(2))
        assert (placed["a"] + placed["b"])[:, 1].std() == pytest.approx(wanted, rel=0.04)
        assert np.sort(placed["a"][:, 1]) == pytest.approx(np.sort(nets["a"][:, 1]))


def test_a_number_told_as_low_likely_and_high_keeps_its_ends() -> None:
    class Told:
        low, likely, high = 0.05, 0.12, 0.25

    drawn = lost.drawn(Told(), 20_000, np.random.default_rng(1))  # type: ignore[arg-type]
    assert np.quantile(drawn, [0.1, 0.9]) == pytest.approx([0.05, 0.25], rel=0.03)
    assert drawn.min() >= 0


counts = st.lists(st.floats(0, 1e5), min_size=3, max_size=3)
shares = st.floats(0, 0.2)


@settings(max_examples=50, deadline=None)
@given(counts, counts, counts, st.floats(0, 1), shares, shares)
def test_the_account_balances_in_every_draw(
    observed: list[float], expected: list[float], queue: list[float], told: float, at_once: float, passes: float
) -> None:
    model = PersonModel(told, 0.1, 0.5)
    found = kept(observed, expected, queue=queue, persons=model, spread=2.0, fading=fade(at_once, passes), window=2)
    parts = found.terms
    assert parts.visible is not None
    assert parts.hidden is not None
    assert parts.unexplained is not None
    total = parts.substituted + parts.visible + parts.lost + parts.hidden + parts.unexplained
    assert np.allclose(parts.net, total, atol=1e-6)
    assert found.debt == pytest.approx(np.cumsum(expected) - np.cumsum(observed), abs=1e-6)
    assert found.debt == pytest.approx(found.gross - found.returned, abs=1e-6)
    assert (np.diff(found.gross, prepend=0) >= 0).all()


@settings(max_examples=30, deadline=None)
@given(counts)
def test_debt_is_zero_when_what_was_delivered_is_what_was_expected(given: list[float]) -> None:
    found = kept(given, given, queue=[0.0] * 3, persons=PersonModel(0.0, 0.0, 0.0), fading=fade(0.2, 0.1))
    for part in ("debt", "lost", "hidden", "unexplained", "visible"):
        assert found.of(part) == pytest.approx(np.zeros(3), abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.lists(counts, min_size=2, max_size=5), counts)
def test_accounts_of_disjoint_services_add_up_in_every_draw(observed: list[list[float]], expected: list[float]) -> None:
    parts = [kept(one, expected, spread=1.0, queue=[1.0, 2.0, 3.0], fading=fade(0.1)) for one in observed]
    together = [float(sum(month)) for month in zip(*observed, strict=True)]
    total = ledger.added(parts, series(together, "all"), certain([len(parts) * e for e in expected]), FACTORS)
    assert np.allclose(total.terms.debt, np.sum([part.terms.debt for part in parts], axis=0))
    assert total.observed == pytest.approx(together)
    assert total.expected == pytest.approx([len(parts) * e for e in expected], abs=1e-6)
