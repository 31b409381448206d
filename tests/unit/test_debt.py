"""Service debt on small planted counties: recovery, coverage, groups, refusals, tables and checks."""

from __future__ import annotations

import dataclasses
import json
from types import SimpleNamespace

import county_panel
import numpy as np
import pandas as pd
import pytest
from county_panel import FIRST, LAST, MONTHS, Planted

from ennakointi import debt, parameters
from ennakointi.debt import checks as debt_checks
from ennakointi.parameters.documents import Label, Service
from ennakointi.periods import month_index, month_text
from ennakointi.result_tables import RESULT_TABLES

SETTINGS = parameters.load().debt.model_copy(update={"n_paths": 400})
COUNTY = {
    "primary_care": Planted(missing=0.2),
    "oral_health": Planted(0.5, 0.3, missing=0.3),
    "mental_health": Planted(0.2, 0.05),
    "emergency": Planted(0.15, 0.4),
    "home_care": Planted(0.02, 2.0, missing=0.1),
    "outreach": Planted(0.001, 0.001),
}
UNKNOWN_BEFORE_2022 = {("primary_care", "111"): (FIRST, month_index(2021, 12))}


def service(code: str, **more: object) -> Service:
    label = Label(fi=code, sv=code, en=code)
    facts = {"sector": "health", "level": "basic", "care_guarantee": None, "debt_kind": "care"}
    return Service(code=code, label=label, unit_cost_eur=50.0, minutes_per_contact=20.0, **{**facts, **more})


def run(truth: county_panel.Truth, **more: object) -> debt.ServiceDebt:
    services = more.pop("services", {code: service(code) for code in truth.panel.services})
    found = debt.accounts(truth.panel, SETTINGS, services, 7, **more)
    return debt.estimate(truth.panel, SETTINGS, services, found)


def summary(result: debt.ServiceDebt) -> pd.DataFrame:
    return result.tables["debt_summary"].set_index("service")


@pytest.fixture(scope="module")
def truth() -> county_panel.Truth:
    return county_panel.make(COUNTY, seed=3, uncovered=UNKNOWN_BEFORE_2022)


@pytest.fixture(scope="module")
def result(truth: county_panel.Truth) -> debt.ServiceDebt:
    return run(truth)


def test_planted_debt_lies_inside_the_interval(truth: county_panel.Truth, result: debt.ServiceDebt) -> None:
    found = summary(result).drop("all")
    planted = pd.Series(truth.missing)[found.index]
    inside = (found["debt_lo95"] <= planted) & (planted <= found["debt_hi95"])
    assert inside.sum() >= len(found) - 1
    assert found.loc["oral_health", "debt_lo95"] > 0
    assert found.loc["mental_health", "debt_lo95"] < 0 < found.loc["mental_health", "debt_hi95"]


def test_total_is_the_sum_of_services_with_an_interval_of_its_own(result: debt.ServiceDebt) -> None:
    found = summary(result)
    services = found.drop("all")
    assert found.loc["all", "debt"] == pytest.approx(services["debt"].sum())
    assert found.loc["all", "cost_eur"] == pytest.approx(services["cost_eur"].sum())
    width = (found["debt_hi80"] - found["debt_lo80"]) / 2
    assert width.drop("all").max() < width["all"] <= width.drop("all").sum() * 1.001


def test_only_the_constant_area_is_counted(truth: county_panel.Truth, result: debt.ServiceDebt) -> None:
    """Sysmä-like area 111 joins primary care in 2022: its contacts never enter."""
    rows = result.estimates.query("service == 'primary_care' and month == '2023-01'")
    counts = truth.panel.counts.query("service == 'primary_care' and municipality == '398'")
    assert rows["observed"].item() == counts.loc[counts["month"] == month_index(2023, 1), "contacts"].sum()
    assert rows["covered_share"].item() == pytest.approx(0.9)
    assert "holds all the time" in summary(result).loc["primary_care", "reason"]


def test_tables_have_their_declared_columns_and_identities(result: debt.ServiceDebt) -> None:
    for name, table in result.tables.items():
        assert list(table.columns) == list(RESULT_TABLES[name].names)
    monthly = result.estimates
    gap = monthly["expected"] - monthly["substituted"] - monthly["observed"]
    assert monthly["gap"].to_numpy() == pytest.approx(gap.to_numpy())
    account = monthly[monthly["period"] != "baseline"]
    assert account.groupby("service")["gap"].cumsum().to_numpy() == pytest.approx(account["debt"].to_numpy())
    assert monthly[["hidden", "unexplained", "structural", "visible"]].isna().all().all()
    assert monthly.loc[monthly["period"] == "baseline", "debt"].isna().all()


def test_interval_ends_at_the_calibrated_horizon(result: debt.ServiceDebt) -> None:
    """History 2014–2019 leaves at most 48 months after a 24-month training window and the skipped two."""
    total = result.estimates.query("service == 'all' and period != 'baseline'")
    assert total["debt_lo80"].notna().sum() < len(total) or len(total) <= 48
    assert total.loc[total["month"] <= "2021-12", ["debt_lo80", "debt_hi95"]].notna().all().all()


def test_the_same_seed_gives_the_same_numbers(truth: county_panel.Truth, result: debt.ServiceDebt) -> None:
    pd.testing.assert_frame_equal(run(truth).estimates, result.estimates)


def test_checks_are_sentences_with_slots(result: debt.ServiceDebt) -> None:
    rows = result.tables["debt_checks"]
    assert {
        "baseline",
        "coverage",
        "fallback",
        "calibration",
        "noise",
        "breaks",
        "substitution",
        "balance",
        "outside",
    } <= set(rows["check"])
    assert set(rows["passed"]) <= {"yes", "no", "not_checked"}
    for cell in rows["message"]:
        content = json.loads(cell)
        assert "{" not in content["message"].format(**content["values"])
    assert "mental_health" in set(rows.query("check == 'noise' and passed == 'no'")["service"])
    assert len(result.checks) == len(rows)


def test_diagnosing_that_stops_does_not_hide_the_debt() -> None:
    """The group shrinks by half in the window; its members' use per resident is what is missed."""
    share = np.where(month_index(2020, 3) <= MONTHS, 0.10, 0.20)
    made = county_panel.make({"primary_care": Planted(noise=0.02)}, member_share=share, seed=5)
    by_care = summary(run(made, group=SimpleNamespace(endogenous=False, uses_care=True)))
    by_status = summary(run(made, group=SimpleNamespace(endogenous=False, uses_care=False)))
    assert by_care.loc["primary_care", "debt_share"] == pytest.approx(0.5, abs=0.08)
    assert by_status.loc["primary_care", "debt_share"] == pytest.approx(0.0, abs=0.08)


def test_a_group_defined_by_use_is_refused(truth: county_panel.Truth) -> None:
    found = run(truth, group=SimpleNamespace(endogenous=True, uses_care=True))
    rows = found.tables["debt_summary"]
    assert rows[["service", "status"]].to_numpy().tolist() == [["all", "refused"]]
    assert "decides who belongs" in rows["reason"].item()
    assert found.estimates.empty


@pytest.mark.parametrize(("start", "status"), [((2018, 6), "deviation"), ((2019, 6), "refused")])
def test_a_short_baseline_is_no_debt(start: tuple[int, int], status: str) -> None:
    made = county_panel.make(COUNTY, available_from=month_index(*start))
    rows = run(made).tables["debt_summary"]
    assert rows["status"].tolist() == [status]
    assert json.loads(rows["reason"].item())["values"]["needed"] == 24


def test_a_shorter_baseline_than_aimed_at_is_a_failed_check() -> None:
    made = county_panel.make({"primary_care": Planted(missing=0.2)}, available_from=month_index(2017, 7))
    found = run(made)
    checks = found.tables["debt_checks"].set_index(["service", "check"])["passed"]
    assert checks["all", "baseline"] == "no"
    assert checks["all", "calibration"] == "no"
    assert np.isnan(summary(found).loc["all", "debt_lo80"])
    assert summary(found).loc["all", "debt"] > 0


def test_a_borrowed_calibration_gives_the_interval() -> None:
    made = county_panel.make({"primary_care": Planted(missing=0.2)}, available_from=month_index(2017, 7))
    services = {code: service(code) for code in COUNTY}
    everyone = debt.accounts(county_panel.make(COUNTY, seed=3).panel, SETTINGS, services, 7).factors
    assert everyone.reached_months >= 22
    found = run(made, borrowed=everyone)
    assert summary(found).loc["all", "debt_lo80"] > 0
    check = found.tables["debt_checks"].query("check == 'calibration'")
    assert check["passed"].item() == "not_checked"
    assert "all residents" in check["message"].item()


def test_services_that_cannot_be_estimated_say_why() -> None:
    county = {
        "primary_care": Planted(),
        "digital_pathway": Planted(starts=month_index(2021, 11)),
        "ward_care": Planted(),
    }
    never = {("ward_care", area): (FIRST, LAST) for area in county_panel.AREAS}
    found = summary(run(county_panel.make(county, uncovered=never)))
    assert found["status"].to_dict() == {
        "all": "debt",
        "primary_care": "debt",
        "digital_pathway": "refused",
        "ward_care": "refused",
    }
    assert "12 contacts" in found.loc["digital_pathway", "reason"]
    assert "no area" in found.loc["ward_care", "reason"]
    assert found.loc["digital_pathway"].drop(["target_group", "debt_kind", "status", "reason"]).isna().all()


def test_an_account_ends_where_coverage_ends() -> None:
    lost = {("emergency", area): (month_index(2022, 7), LAST) for area in county_panel.AREAS}
    made = county_panel.make({"emergency": Planted(), "oral_health": Planted()}, uncovered=lost)
    monthly = run(made).estimates
    ends = monthly.groupby("service")["month"].max()
    assert ends.to_dict() == {
        "all": month_text(LAST),
        "emergency": "2022-06",
        "oral_health": month_text(LAST),
    }


def test_a_break_inside_the_window_ends_it() -> None:
    cut = SimpleNamespace(
        month=month_index(2021, 1), municipalities=(), services=("emergency",), groups=(), treatment="re-base"
    )
    made = county_panel.make({"emergency": Planted(), "oral_health": Planted()}, breaks=(cut,))
    found = run(made)
    assert summary(found).loc["emergency", "until"] == "2020-12"
    assert summary(found).loc["oral_health", "until"] == "2021-12"
    failed = found.tables["debt_checks"].query("service == 'emergency' and check == 'breaks'")
    assert failed["passed"].item() == "no"
    assert json.loads(failed["message"].item())["values"] == {"break_month": "2021-01"}


def test_checks_of_nothing_are_an_empty_table() -> None:
    assert list(debt_checks.table("all", []).columns) == list(RESULT_TABLES["debt_checks"].names)


@pytest.mark.parametrize(("coefficient", "passed"), [(0.0, "no"), (1.0, "yes")])
def test_a_substitute_that_grew_is_told_when_no_replacement_is_assumed(coefficient: float, passed: str) -> None:
    """The surplus of the second service (missing −1) is what the first one lost."""
    made = county_panel.make({"primary_care": Planted(missing=0.3), "digital_pathway": Planted(0.5, 0.5)}, seed=4)
    grown = made.panel.counts.copy()
    window = grown["month"].between(month_index(2020, 3), month_index(2021, 12))
    grown.loc[window & (grown["service"] == "digital_pathway"), "contacts"] *= 2
    panel = dataclasses.replace(made.panel, counts=grown)
    services = {
        "primary_care": service("primary_care", substitutes={"digital_pathway": coefficient}),
        "digital_pathway": service("digital_pathway"),
    }
    found = run(county_panel.Truth(panel), services=services)
    checks = found.tables["debt_checks"].set_index(["service", "check"])
    assert checks.loc[("all", "substitution"), "passed"] == passed
    message = checks.loc[("all", "substitution"), "message"]
    assert ("no replacement is assumed" in message) == (passed == "no")
