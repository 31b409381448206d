"""Constant-coverage areas, the months of an account, and all services together."""

from __future__ import annotations

import county_panel
import numpy as np
import pytest
from county_panel import FIRST, LAST, Planted

from ennakointi.debt import service_series
from ennakointi.debt.service_series import Account
from ennakointi.periods import month_index

ACCOUNT = Account(
    FIRST,
    month_index(2017, 1),
    month_index(2019, 12),
    month_index(2020, 3),
    month_index(2021, 12),
    LAST,
)
COUNTY = {"primary_care": Planted(), "emergency": Planted(0.2, 0.6)}


def fitted(uncovered: dict) -> tuple[tuple[str, ...], Account]:
    panel = county_panel.make(COUNTY, uncovered=uncovered).panel
    return service_series.fit_account(panel, "primary_care", ACCOUNT)


def test_account_counts_its_months() -> None:
    assert ACCOUNT.baseline_months == 36
    assert ACCOUNT.skip == 2
    assert ACCOUNT.months[0] == month_index(2020, 3)


def test_an_area_with_one_uncovered_month_is_left_out() -> None:
    area, account = fitted({("primary_care", "111"): (month_index(2021, 5), month_index(2021, 5))})
    assert area == ("398",)
    assert account.last == LAST


def test_history_runs_back_as_far_as_the_area_is_held() -> None:
    hole = (month_index(2015, 3), month_index(2015, 4))
    area, account = fitted({("primary_care", "398"): hole})
    assert area == ("398", "111")
    assert account.history_start == month_index(2015, 5)
    assert account.baseline_start == ACCOUNT.baseline_start


def test_when_no_area_is_held_to_the_end_the_account_ends_earlier() -> None:
    lost = {("primary_care", area): (month_index(2022, 3), LAST) for area in county_panel.AREAS}
    area, account = fitted(lost)
    assert area == ("398", "111")
    assert account.last == month_index(2022, 2)
    assert account.window_end == ACCOUNT.window_end


def test_an_account_that_ends_inside_the_window_ends_the_window() -> None:
    lost = {("primary_care", area): (month_index(2020, 9), LAST) for area in county_panel.AREAS}
    _, account = fitted(lost)
    assert account.last == account.window_end == month_index(2020, 8)


def test_no_area_at_all() -> None:
    never = {("primary_care", area): (FIRST, LAST) for area in county_panel.AREAS}
    assert fitted(never)[0] == ()


def test_series_count_the_area_only_and_total_adds_them() -> None:
    panel = county_panel.make(COUNTY, uncovered={("primary_care", "111"): (FIRST, FIRST + 90)}).panel
    parts = [service_series.build(panel, service, ACCOUNT, "member_py") for service in COUNTY]
    total = service_series.total(parts, panel)
    observed = [part.between(part.observed, ACCOUNT.window_start, LAST) for part in parts]
    assert total.between(total.observed, ACCOUNT.window_start, LAST) == pytest.approx(sum(observed))
    assert total.municipalities == ("111", "398")
    assert parts[0].covered_share == pytest.approx(0.9, abs=0.001)
    assert ((total.covered_share > 0.9) & (total.covered_share < 1)).all()
    assert np.isnan(total.waiting).all()


def test_expected_follows_the_ageing_of_the_population() -> None:
    """Rates stand still, the older band grows two per cent a year: so does what is expected of it."""
    panel = county_panel.make({"home_care": Planted(0.0, 2.0)}).panel
    found = service_series.build(panel, "home_care", ACCOUNT, "member_py")
    first, last = (found.between(found.expected, m, m)[0] for m in (month_index(2018, 1), month_index(2023, 1)))
    assert last / first == pytest.approx((1 + 0.02 * 9) / (1 + 0.02 * 4))
