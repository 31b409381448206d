"""Forecasts of a small county: what every series gets, what is said of it, and what is found again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import county_panel
import numpy as np
import pandas as pd
import pytest

from ennakointi import forecast, parameters
from ennakointi.forecast import checks, hierarchy, score_ledger, tables
from ennakointi.forecast.series import LEVELS, Windows
from ennakointi.panel import Panel
from ennakointi.periods import Quarter, month_text
from ennakointi.result_tables import RESULT_TABLES

pytestmark = pytest.mark.xdist_group("forecast")  # its fixture is dear: one worker makes it once

PARAMETERS = parameters.load()
SETTINGS = PARAMETERS.forecast.model_copy(update={"n_paths": 60, "horizon_months": 12})
SERVICES = {
    "oral_health": county_panel.Planted(1.0, 2.0, missing=0.3),
    "home_care": county_panel.Planted(0.2, 6.0, missing=0.1),
    "outreach": county_panel.Planted(0.0002, 0.001),
}
LAST = county_panel.LAST
AHEAD = [month_text(LAST + h) for h in range(1, 13)]


def estimate(panel: Panel, **more: object) -> forecast.Forecast:
    return forecast.estimate(panel, None, SETTINGS, {}, PARAMETERS.services, 5, mode="fast", **more)


@pytest.fixture(scope="module")
def panel() -> Panel:
    return county_panel.make(SERVICES, residents=30_000).panel


@pytest.fixture(scope="module")
def made(panel: Panel) -> Mapping[str, pd.DataFrame]:
    return estimate(panel).tables


def messages(found: pd.DataFrame, check: str) -> dict[str, tuple[str, dict]]:
    """Service → passed and slots of one check."""
    rows = found[found["check"] == check]
    return {s: (p, json.loads(m)["values"]) for s, p, m in zip(rows["service"], rows["passed"], rows["message"])}


def monthly(panel: Panel, service: str) -> pd.Series:
    """Contacts of the panel by month."""
    by_month = panel.counts[panel.counts["service"] == service].groupby("month")["contacts"].sum()
    return by_month.set_axis([month_text(int(month)) for month in by_month.index])


def test_every_table_is_there_as_declared(made) -> None:
    names = {name for name in RESULT_TABLES if name.startswith(("forecast", "demand"))} - {"forecast_ledger"}
    assert set(made) == names
    for name, table in made.items():
        assert list(table.columns) == list(RESULT_TABLES[name].names)
        keys = [column for column in RESULT_TABLES[name].of_kind("key") if column in table]
        assert not table.duplicated(keys).any(), name


def test_the_county_has_all_quantiles_and_municipalities_three(made) -> None:
    rows = made["forecast"]
    assert set(rows["service"]) == {"all", *SERVICES}
    assert set(rows["origin"]) == {month_text(LAST)}
    for (_, place), series in rows.groupby(["service", "municipality"]):
        assert series["month"].unique().tolist() == AHEAD
        levels = list(LEVELS) if place == "all" else [0.1, 0.5, 0.9]
        assert series["quantile"].tolist() == levels * len(AHEAD)
        values = series["value"].to_numpy().reshape(len(AHEAD), -1)
        assert (values >= 0).all()
        assert (np.diff(values, axis=1) >= 0).all()
        assert series.groupby("month")["mean"].nunique().eq(1).all()
    assert set(rows.loc[rows["service"] != "all", "municipality"]) == {"all", *county_panel.AREAS}


def test_means_add_up_over_municipalities_and_services(made) -> None:
    rows = (
        made["forecast"].query("quantile == 0.5").set_index(["service", "municipality", "month"])["mean"].sort_index()
    )
    for service in SERVICES:
        parts = sum(rows[service, area] for area in county_panel.AREAS)
        np.testing.assert_allclose(parts, rows[service, "all"], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(sum(rows[s, "all"] for s in SERVICES), rows["all", "all"], rtol=1e-6)


def test_the_history_is_what_the_panel_holds(made, panel: Panel) -> None:
    rows = made["forecast_history"]
    county = rows[rows["municipality"] == "all"].set_index(["service", "month"])
    assert (county.groupby("service").size() == tables.HISTORY_MONTHS).all()
    own = county.loc["home_care"]
    counted = monthly(panel, "home_care")
    np.testing.assert_allclose(own["observed"], counted.loc[own.index])
    disrupted = own[own["period"] == "disrupted"].index.tolist()
    assert (disrupted[0], disrupted[-1], len(disrupted)) == ("2020-03", "2021-04", 14)
    assert set(own["period"]) == {"disrupted", "used"}
    last_year = rows[rows["municipality"] != "all"].groupby(["service", "municipality"])
    assert (last_year.size() == 12).all()
    of_areas = rows[rows["municipality"] != "all"].groupby(["service", "month"])["observed"].sum()
    np.testing.assert_allclose(of_areas, county["observed"].loc[of_areas.index])


def test_a_rerun_gives_the_same_tables(made, panel: Panel) -> None:
    for name, table in estimate(panel).tables.items():
        pd.testing.assert_frame_equal(table, made[name])


def test_the_checks_say_how_it_went(made) -> None:
    found = made["forecast_checks"]
    assert messages(found, "coverage") == {"all": ("yes", {"covered_share": 1.0})}
    assert messages(found, "disruption")["all"][1] == {"first_month": "2020-03", "last_month": "2021-04"}
    passed, values = messages(found, "fallback")["all"]
    assert (passed, values["series"]) == ("yes", 10)
    assert 1 <= values["fallbacks"] <= 4  # outreach is too small
    assert messages(found, "coherent")["all"][0] == "yes"
    assert messages(found, "membership") == {}
    inside = messages(found, "intervals")["all"][1]["inside_share"]
    assert 0.6 <= inside <= 1.0


def test_years_without_a_population_projection_end_with_the_model(made) -> None:
    rows = made["demand_outlook"].query("service == 'all'")
    assert set(rows["basis"]) == {"observed", "model"}
    assert rows["year"].max() == 2023  # twelve months from July 2023: the only whole year ahead
    whole = rows[rows["year"] == 2023].iloc[0]
    assert whole["lo80"] < whole["contacts"] < whole["hi80"]
    assert messages(made["forecast_checks"], "projection")["all"][0] == "no"


def test_months_that_come_are_foretold_and_scored(tmp_path: Path, panel: Panel) -> None:
    """The quarter before knew three months less: its forecasts of them are kept, and scored now."""
    earlier = county_panel.make(SERVICES, residents=30_000, last=LAST - 3).panel
    then, now = estimate(earlier).tables, estimate(panel).tables
    score_ledger.remember(tmp_path, Quarter(2023, 1), "county", then["forecast"], then["forecast_history"])
    scored = score_ledger.scored(tmp_path, Quarter(2023, 2), "county", now["forecast"], now["forecast_history"])
    rows = scored.set_index("service")
    assert set(rows.index) == {"all", *SERVICES}
    assert (rows["months"] == 3).all()
    large = rows.loc[["oral_health", "home_care"]]
    assert (large["error_share"].abs() < 0.15).all()
    assert (large["wql"] < 0.15).all()
    assert rows["inside95"].sum() >= 9


def test_planted_levels_and_seasons_are_found_again() -> None:
    """Poisson counts whose July is low, and a pandemic that took a third: next year's months without it."""
    calm = {"oral_health": county_panel.Planted(1.0, 2.0, missing=0.34, noise=0.0)}
    whole = county_panel.make(calm, residents=60_000).panel
    cut = county_panel.make(calm, residents=60_000, last=LAST - 12).panel
    rows = estimate(cut).tables["forecast"].query("service == 'oral_health' and municipality == 'all'")
    came = monthly(whole, "oral_health").to_numpy()[-12:]
    median = rows.loc[rows["quantile"] == 0.5, "value"].to_numpy()
    assert np.abs(median / came - 1).mean() < 0.06
    assert median.sum() == pytest.approx(came.sum(), rel=0.03)
    low, high = (rows.loc[rows["quantile"] == q, "value"].to_numpy() for q in (0.025, 0.975))
    assert ((low <= came) & (came <= high)).sum() >= 9


def test_a_service_that_the_register_no_longer_holds_has_a_reason() -> None:
    gone = dict.fromkeys((("oral_health", area) for area in county_panel.AREAS), (LAST - 5, LAST))
    found = estimate(county_panel.make(SERVICES, uncovered=gone).panel).tables
    assert "oral_health" not in set(found["forecast"]["service"])
    assert messages(found["forecast_checks"], "refused")["oral_health"][0] == "no"


def test_a_service_that_the_group_never_used_is_not_mentioned(panel: Panel) -> None:
    never = replace(panel, counts=panel.counts[panel.counts["service"] != "outreach"])
    found = estimate(never).tables
    assert "outreach" not in set(found["forecast"]["service"]) | set(found["forecast_checks"]["service"])


def test_a_municipality_that_the_register_does_not_hold_is_told() -> None:
    gone = dict.fromkeys(((service, "111") for service in SERVICES), (LAST - 5, LAST))
    found = estimate(county_panel.make(SERVICES, uncovered=gone).panel).tables
    assert set(found["forecast"]["municipality"]) == {"all", "398"}
    assert messages(found["forecast_checks"], "coverage")["all"][0] == "yes"  # nine residents of ten
    assert messages(found["forecast_checks"], "coverage")["all"][1]["covered_share"] == pytest.approx(0.9)


def test_a_young_group_says_how_few_months_it_has() -> None:
    young = county_panel.make({"home_care": SERVICES["home_care"]}, available_from=LAST - 19).panel
    found = estimate(young).tables
    assert found["forecast"]["value"].notna().all()
    passed, values = messages(found["forecast_checks"], "history")["home_care"]
    assert (passed, values["months"], values["aimed"]) == ("no", 20, 36)
    history = found["forecast_history"].query("service == 'home_care' and municipality == 'all'")
    assert history["period"].value_counts().to_dict() == {"missing": tables.HISTORY_MONTHS - 20, "used": 20}


def test_a_group_without_contacts_says_so(panel: Panel) -> None:
    nobody = replace(panel, counts=panel.counts.iloc[:0], totals=panel.totals.iloc[:0])
    found = estimate(nobody).tables
    assert all(found[name].empty for name in found if name != "forecast_checks")
    assert messages(found["forecast_checks"], "refused")["all"][0] == "no"


def test_a_group_defined_by_use_is_forecast_with_a_caution(panel: Panel) -> None:
    by_use = SimpleNamespace(endogenous=True, uses_care=True)
    assert messages(estimate(panel, group=by_use).tables["forecast_checks"], "membership")["all"][0] == "not_checked"


def test_usual_persons_are_those_of_months_with_any() -> None:
    rows = np.zeros((4, 14))
    rows[0] = [99, 99, *range(1, 13)]  # the last twelve: 1 … 12
    rows[1, -3:] = [2, 4, 3]  # few persons, now and then
    rows[3] = np.nan
    np.testing.assert_array_equal(tables.usual_persons(rows), [6.5, 3.0, 0.0, np.nan])


def test_scores_by_hand() -> None:
    """Two origins of two months: engine 10 ± 2 for 12, 8, 10 and a missing month, seasonal naive 8."""
    observed = np.array([[[12.0, 8.0], [10.0, np.nan]]])
    spread = np.array([-3, -2, -2, -1, -1, 0, 0, 0, 1, 1, 2, 2, 3])
    quantiles = np.broadcast_to(10.0 + spread, (1, 2, 2, 13))
    windows = Windows(np.array([2, 4]), observed, quantiles, np.full((1, 2, 2), 8.0), np.array([4.0]))
    nothing, persons = np.full((1, 3), np.nan), np.array([[0.0, 7.0, 9.0]])
    whole = hierarchy.Hierarchy(
        (("all", "all"),), np.arange(3), nothing, nothing, persons, np.zeros((1, 0)), np.ones(1)
    )
    found = tables.score_rows("all", whole, windows).set_index("model")
    engine, naive = found.loc["engine"], found.loc["seasonal_naive"]
    assert engine[["mase", "coverage80", "coverage95", "bias", "n_origins"]].tolist() == [4 / 12, 1.0, 1.0, 0.0, 2]
    assert found["n_persons"].tolist() == [8.0, 8.0]
    assert naive["mase"] == pytest.approx((4 + 0 + 2) / 12)
    assert naive["wql"] == pytest.approx(6 / 30)
    assert naive["bias"] == pytest.approx(-6 / 30)
    assert np.isnan(naive["coverage80"])
    losses = sum(
        max(level * (y - q), (level - 1) * (y - q))
        for y in (12, 8, 10)
        for level, q in zip(LEVELS[2:11], 10.0 + spread[2:11])
    )
    assert engine["wql"] == pytest.approx(2 * losses / 9 / 30)
    assert tables.score_rows("all", whole, None).empty


def of_groups(**means: list[float]) -> pd.DataFrame:
    rows = [
        {"target_group": group, "service": "home_care", "municipality": "all", "month": AHEAD[i], "mean": mean}
        for group, values in means.items()
        for i, mean in enumerate(values)
    ]
    return pd.DataFrame(rows, columns=["target_group", "service", "municipality", "month", "mean"]).assign(quantile=0.5)


def test_a_group_is_compared_with_all_residents_month_by_month() -> None:
    found = checks.within_all(of_groups(all=[10.0, 20.0], older_people=[9.0, 20.0], small=[1.0, 23.0]))
    words = found.set_index("target_group")
    assert words["passed"].to_dict() == {"older_people": "yes", "small": "no"}
    values = json.loads(words.loc["small", "message"])["values"]
    assert values == {"above": 1, "compared": 2, "excess_share": pytest.approx(3 / 30)}


@pytest.mark.parametrize(
    ("above", "passed"),
    [(20.0, "yes"), (20.01, "yes"), (29.0, "yes"), (31.0, "no")],  # 10 of 10,000 contacts are 0.1 %
)
def test_an_excess_that_is_noise_passes(above: float, passed: str) -> None:
    found = checks.within_all(of_groups(all=[20.0, 9_980.0], small=[above, 1.0])).iloc[0]
    assert found["passed"] == passed
    assert ("above" in json.loads(found["message"])["values"]) == (above > 20)


def test_groups_without_all_residents_are_not_checked() -> None:
    assert checks.within_all(of_groups(small=[1.0]))["passed"].tolist() == ["not_checked"]
    assert checks.within_all(of_groups(all=[1.0])).empty
    assert checks.within_all(of_groups()).empty
