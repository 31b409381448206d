"""Sensitivity of the debt: each variant against the accounts kept under it, planted trends, years and substitutes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import county_panel
import numpy as np
import pandas as pd
import pytest
from county_panel import FIRST, LAST, Planted

from ennakointi import debt, parameters
from ennakointi.debt import Accounts, lost, sensitivity
from ennakointi.panel import Panel
from ennakointi.parameters.debt_documents import DebtSettings, Likely
from ennakointi.parameters.documents import Label, Service
from ennakointi.periods import month_index
from ennakointi.result_tables import RESULT_TABLES

SETTINGS = parameters.load().debt.model_copy(update={"n_paths": 200})
COUNTY = {"primary_care": Planted(missing=0.2), "mental_health": Planted(0.5, 0.1, missing=0.3), "chat": Planted(0.5)}
TO_CLEAR = {"return_30": 160.0, "return_50": 200.0, "return_80": 260.0}
WINDOW_2021 = (month_index(2021, 1), month_index(2021, 12))


def services(**substitutes: dict[str, float]) -> dict[str, Service]:
    facts = {"sector": "health", "level": "basic", "care_guarantee": None, "debt_kind": "care"}
    return {
        code: Service(
            code=code,
            label=Label(fi=code, sv=code, en=code),
            unit_cost_eur=50.0,
            minutes_per_contact=20.0,
            substitutes=substitutes.get(code, {}),
            **facts,
        )
        for code in COUNTY
    }


def times(panel: Panel, factor: float, first: int, last: int, service: str | None = None) -> Panel:
    """The panel with the contacts of some months multiplied."""
    counts = panel.counts
    hit = counts["month"].between(first, last) & ((counts["service"] == service) | (service is None))
    return replace(panel, counts=counts.assign(contacts=counts["contacts"] * np.where(hit, factor, 1.0)))


def both(panel: Panel, settings=SETTINGS, **substitutes: dict[str, float]) -> tuple[Accounts, pd.DataFrame]:
    known = services(**substitutes)
    record = debt.accounts(panel, settings, known, 7)
    found = sensitivity.table(panel, settings, known, 7, group=None, record=record, to_clear=TO_CLEAR)
    return record, found.set_index(["choice", "variant"])


def at_end(record: Accounts, service: str = "all") -> float:
    ledger = record.ledgers[service]
    return float(ledger.debt[ledger.window_months - 1])


@pytest.fixture(scope="module")
def panel() -> Panel:
    return county_panel.make(COUNTY, seed=3).panel


@pytest.fixture(scope="module")
def made(panel: Panel) -> tuple[Accounts, pd.DataFrame]:
    return both(panel)


def test_every_choice_starts_with_the_record(made: tuple[Accounts, pd.DataFrame]) -> None:
    record, found = made
    assert list(found.reset_index().columns.difference(RESULT_TABLES["debt_sensitivity"].names)) == []
    assert list(found.loc["trend"].index) == ["record", "none", "linear"]
    assert list(found.loc["baseline_year"].index) == ["record", "without_2017", "without_2018", "without_2019"]
    assert list(found.loc["window"].index) == [
        "record",
        "ends_2021-05",
        "ends_2021-09",
        "ends_2022-03",
        "begins_2020-04",
    ]
    assert set(found.index.get_level_values(0)) == {"trend", "baseline_year", "window", "lost", "return"}
    records = found.xs("record", level="variant")
    assert records["value"].drop(["lost", "return"]).to_numpy() == pytest.approx(at_end(record))
    assert (records["change"] == 0).all()
    all_services = record.ledgers["all"]
    assert records.loc["trend", "lo80"] == pytest.approx(all_services.debt_lo80[all_services.window_months - 1])
    with_interval = found[found.index.get_level_values("choice") != "return"]
    assert (with_interval["lo80"] < with_interval["value"]).all()
    assert (with_interval["value"] < with_interval["hi80"]).all()


@pytest.mark.parametrize(
    ("variant", "changes"),
    [
        (("trend", "none"), {"trend": "none"}),
        (("trend", "linear"), {"trend": "linear"}),
        (("baseline_year", "without_2017"), {"baseline_first": month_index(2018, 1)}),
        (("baseline_year", "without_2019"), {"baseline_last": month_index(2018, 12)}),
        (("window", "ends_2021-05"), {"window_last": month_index(2021, 5)}),
        (("window", "ends_2022-03"), {"window_last": month_index(2022, 3)}),
        (("window", "begins_2020-04"), {"window_first": month_index(2020, 4)}),
    ],
)
def test_a_variant_is_the_account_kept_under_it(
    panel: Panel, made: tuple[Accounts, pd.DataFrame], variant: tuple[str, str], changes: dict[str, object]
) -> None:
    other = debt.accounts(panel, SETTINGS.model_copy(update=changes), services(), 7, calibrated=made[0].factors)
    row = made[1].loc[variant]
    assert row["value"] == pytest.approx(at_end(other), rel=1e-6)
    assert row["change"] == pytest.approx(at_end(other) - at_end(made[0]), abs=1e-3)
    ledger = other.ledgers["all"]
    width = (ledger.debt_hi80 - ledger.debt_lo80)[ledger.window_months - 1]
    assert row["hi80"] - row["lo80"] == pytest.approx(width, rel=0.1)


def test_the_choice_that_moves_most_is_marked(panel: Panel, made: tuple[Accounts, pd.DataFrame]) -> None:
    """A fifth more contacts in all of 2019: leaving that year out takes most of the debt away."""
    raised = times(panel, 1.2, month_index(2019, 1), month_index(2019, 12))
    record, found = both(raised)
    assert found.loc[("baseline_year", "without_2019"), "change"] < -0.1 * at_end(record)
    marked = found["moves_most"].groupby("choice").first()
    assert marked.drop(["lost", "return"]).to_dict() == {"trend": "no", "window": "no", "baseline_year": "yes"}
    assert marked["lost"] == ""
    assert (made[1]["moves_most"] == "yes").groupby("choice").all().sum() == 1


def test_a_trend_in_the_baseline_is_followed_by_the_linear_form_only() -> None:
    """Use grows by 8 % a year and nothing is missed: without a trend the debt seems negative."""
    grown = county_panel.make({code: Planted(2.0, 3.0, trend=0.08, noise=0.01) for code in COUNTY}, seed=4).panel
    record, found = both(grown)
    expected = record.ledgers["all"].expected[:22].sum()
    assert abs(found.loc[("trend", "linear"), "value"]) < 0.05 * expected
    assert found.loc[("trend", "none"), "value"] < -0.08 * expected


def test_a_year_between_is_filled_with_its_neighbours(panel: Panel) -> None:
    found = sensitivity.filled(panel, 2018).counts
    monthly = panel.counts.groupby(["service", "month"])["contacts"].sum()
    after = found.groupby(["service", "month"])["contacts"].sum()
    june = {year: ("chat", month_index(year, 6)) for year in (2017, 2018, 2019)}
    assert after[june[2018]] == pytest.approx((monthly[june[2017]] + monthly[june[2019]]) / 2)
    assert after[june[2018]] != monthly[june[2018]]
    assert after[june[2019]] == monthly[june[2019]]
    other = times(panel, 3.0, month_index(2018, 1), month_index(2018, 12))
    refilled = sensitivity.filled(other, 2018).counts.groupby(["service", "month"])["contacts"].sum()
    pd.testing.assert_series_equal(refilled, after)


def test_what_a_substitute_gave_is_divided_between_services_in_debt(panel: Panel) -> None:
    more = times(panel, 1.6, *WINDOW_2021, service="chat")
    record, found = both(more, primary_care={"chat": 0.0}, mental_health={"chat": 0.0}, chat={"primary_care": 0.0})
    surplus = -at_end(record, "chat")
    assert surplus > 0
    rows = found.loc["substitution"]
    assert list(rows.index) == ["record", "coefficient_0.5", "coefficient_1"]
    assert rows.loc["record", "value"] == pytest.approx(
        at_end(record, "primary_care") + at_end(record, "mental_health")
    )
    assert rows["change"].tolist() == pytest.approx([0.0, -surplus / 2, -surplus], rel=0.02)
    assert set(rows["moves_most"]) == {""}


def test_a_service_new_in_the_window_can_substitute() -> None:
    county = {**COUNTY, "chat": Planted(0.5, starts=month_index(2021, 6))}
    fresh = county_panel.make(county, seed=3).panel
    record, found = both(fresh, primary_care={"chat": 0.0})
    assert "chat" in record.refusals
    counts = fresh.counts[fresh.counts["service"] == "chat"]
    given = counts.loc[counts["month"] <= SETTINGS.window_last, "contacts"].sum()
    assert found.loc[("substitution", "coefficient_1"), "change"] == pytest.approx(-given, rel=1e-6)


def left_on_average(settings: DebtSettings, panel: Panel) -> Iterator[float]:
    """Debt less needs ended at the window's end by service, without the chance in how many end."""
    found = debt.accounts(panel, settings, services(), 7)
    for service, account in found.services.items():
        missing = account.terms.debt[:, : account.window_months]
        yield float((missing[:, -1] - lost.means(missing, found.fading[service]).sum(axis=0)[:, -1]).mean())


def test_needs_that_end_at_the_low_and_high_shares(panel: Panel, made: tuple[Accounts, pd.DataFrame]) -> None:
    for end in ("low", "high"):
        told = {
            name: Likely(**dict.fromkeys(("low", "likely", "high"), getattr(getattr(SETTINGS.lost, name), end)))
            for name in ("at_once", "per_month")
        }
        fixed = SETTINGS.model_copy(update={"lost": SETTINGS.lost.model_copy(update=told)})
        left = sum(left_on_average(fixed, panel))
        assert made[1].loc[("lost", end), "value"] == pytest.approx(left, rel=1e-3)
    values = made[1].loc["lost", "value"]
    assert values["high"] < values["record"] < values["low"] < at_end(made[0])


def test_what_is_left_to_clear_is_what_the_clearing_tells(made: tuple[Accounts, pd.DataFrame]) -> None:
    """Of record is the middle share; clearing tells no interval of it, and without clearing nothing is told."""
    rows = made[1].loc["return"]
    assert rows["value"].to_dict() == {"record": 200.0, **TO_CLEAR}
    assert rows["change"].tolist() == [0.0, -40.0, 0.0, 60.0]
    assert rows[["lo80", "hi80"]].isna().all(axis=None)
    assert list(sensitivity._returned({})) == []


def test_a_year_that_the_baseline_cannot_spare_is_an_empty_row() -> None:
    late = county_panel.make(COUNTY, seed=3, available_from=month_index(2018, 1)).panel
    _, found = both(late)
    rows = found.loc["baseline_year"]
    assert list(rows.index) == ["record", "without_2018", "without_2019"]
    assert rows["value"].isna().tolist() == [False, True, True]


def test_without_a_debt_there_is_no_table() -> None:
    never = {(service, area): (FIRST, LAST) for service in COUNTY for area in county_panel.AREAS}
    record, found = both(county_panel.make(COUNTY, seed=3, uncovered=never).panel)
    assert not record.ledgers
    assert found.empty
