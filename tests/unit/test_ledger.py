"""The account by hand: gaps, substitution, queues, totals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ennakointi.debt import ledger
from ennakointi.debt.calibration import Calibration
from ennakointi.debt.paths import Paths
from ennakointi.debt.service_series import Account, ServiceSeries

FACTORS = Calibration(np.array([1.0, 2.0, np.nan]), np.array([1.0, 2.0, np.nan]), np.full(3, 20.0))


def series(
    observed: list[float], service: str = "primary_care", waiting: float | list[float] = np.nan
) -> ServiceSeries:
    """One month of baseline, then the window."""
    n = len(observed) + 1
    account = Account(0, 0, 0, 1, n - 1, n - 1)
    values = np.array([0.0, *observed])
    return ServiceSeries(
        service,
        account,
        ("398",),
        np.arange(n),
        values,
        values,
        values,
        np.full(n, 0.0) + waiting,
        np.ones(n),
    )


def certain(expected: list[float], spread: float = 0.0) -> Paths:
    """Paths at the expectation, half of them `spread` above and half below every month."""
    point = np.array(expected)
    steps = np.repeat([[-spread], [spread]], 50, axis=0)
    return Paths(point, point + steps, np.zeros(1), "theta")


def kept(observed: list[float], expected: list[float], **more: object) -> ledger.Ledger:
    own = series(observed, waiting=more.pop("waiting", np.nan))
    nothing = ledger.Substitution(np.zeros(len(expected)), np.zeros((100, len(expected))))
    return ledger.keep(own, certain(expected, **more), nothing, FACTORS, 2.5)


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


def test_visible_is_the_change_of_the_queue_in_contacts() -> None:
    found = kept([1.0, 1.0], [1.0, 1.0], waiting=[100.0, 104.0, 98.0])
    assert found.visible == pytest.approx([10, -5])


def test_substitution_is_signed_by_month_and_held_at_zero_only_when_cumulated() -> None:
    others = {"digital_pathway": series([15.0, 8.0, 14.0], "digital_pathway")}
    simulated = {"digital_pathway": certain([10.0, 10.0, 10.0])}
    found = ledger.substitution(series([0.0] * 3), {"digital_pathway": 0.5}, others, simulated, 100)
    assert found.cumulated == pytest.approx([2.5, 1.5, 3.5])
    below = {"digital_pathway": series([8.0, 8.0, 16.0], "digital_pathway")}
    found = ledger.substitution(series([0.0] * 3), {"digital_pathway": 0.5}, below, simulated, 100)
    assert found.cumulated == pytest.approx([0, 0, 1])


def test_a_new_substitute_is_excess_from_its_first_contact() -> None:
    others = {"digital_pathway": series([3.0, 5.0], "digital_pathway")}
    found = ledger.substitution(series([0.0] * 2), {"digital_pathway": 1.0, "unknown": 1.0}, others, {}, 100)
    assert found.cumulated == pytest.approx([3, 8])


def test_a_coefficient_of_zero_substitutes_nothing() -> None:
    others = {"digital_pathway": series([30.0], "digital_pathway")}
    found = ledger.substitution(series([0.0]), {"digital_pathway": 0.0}, others, {}, 100)
    assert found.cumulated == pytest.approx([0])


def test_total_does_not_count_a_substitute_twice() -> None:
    """100 expected and 60 given; the substitute expected 10 and gave 40: 10 are missing, not −20."""
    own, other = series([60.0]), series([40.0], "digital_pathway")
    simulated = {"primary_care": certain([100.0]), "digital_pathway": certain([10.0])}
    given = ledger.substitution(own, {"digital_pathway": 1.0}, {"digital_pathway": other}, simulated, 100)
    nothing = ledger.Substitution(np.zeros(1), np.zeros((100, 1)))
    parts = [
        ledger.keep(own, simulated["primary_care"], given, FACTORS, 1.0),
        ledger.keep(other, simulated["digital_pathway"], nothing, FACTORS, 1.0),
    ]
    assert [part.debt[0] for part in parts] == pytest.approx([10, -30])
    total = ledger.added(parts, series([100.0], "all"), certain([110.0]), FACTORS)
    assert total.debt[0] == pytest.approx(10)
    assert total.substituted[0] == 0


counts = st.lists(st.floats(0, 1e5), min_size=3, max_size=3)


@settings(max_examples=50, deadline=None)
@given(counts, counts)
def test_the_account_balances(observed: list[float], expected: list[float]) -> None:
    found = kept(observed, expected)
    assert found.debt == pytest.approx(np.cumsum(expected) - np.cumsum(observed), abs=1e-6)
    assert found.debt == pytest.approx(found.gross - found.returned, abs=1e-6)
    assert (np.diff(found.gross, prepend=0) >= 0).all()
    assert (np.diff(found.returned, prepend=0) >= 0).all()
