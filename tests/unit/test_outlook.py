"""The outlook: years that join without a jump, what is missing is told, bars that add up, planted ageing recovered."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from county_panel import AREAS, LAST, MONTHS, Planted, make

from ennakointi import parameters
from ennakointi.forecast.need import demography, need_paths, outlook, waterfall
from ennakointi.forecast.need.drivers import Trend
from ennakointi.forecast.need.outlook import ModelYears
from ennakointi.panel import Panel, projection
from ennakointi.parameters.documents import ForecastSettings
from ennakointi.parameters.scenario_documents import Scenario
from ennakointi.periods import month_index
from ennakointi.result_tables import RESULT_TABLES

SERVICES = {"primary_care": Planted(young=2.0, old=6.0), "emergency": Planted(young=0.2, old=1.0)}
LABEL = {"fi": "a", "sv": "a", "en": "a"}
DRAWS, HORIZON = 300, 24


@pytest.fixture(scope="module")
def counts() -> Panel:
    return make(SERVICES, seed=2).panel


@pytest.fixture(scope="module")
def settings() -> ForecastSettings:
    return parameters.load().forecast


@cache
def population(until: int = 2040, areas: tuple[str, ...] = AREAS, growth: float = 0.02) -> pd.DataFrame:
    """The panel's 20,000 residents to 2022, then those of 65 and over growing by `growth` a year."""
    rows = []
    for year in range(2013, until + 1):
        for area in areas:
            weight = {"398": 0.9, "111": 0.1}.get(area, 0.05)
            for sex in ("female", "male"):
                older = 20_000 * weight * 0.25 / 2 * (1 + 0.02 * (min(year, 2022) - 2013))
                older *= (1 + growth) ** max(year - 2022, 0)
                ages = dict.fromkeys(range(65), 20000 * weight * 0.75 / 2 / 65)
                ages |= dict.fromkeys(range(65, 95), older / 30)
                variant = "observed" if year <= 2022 else "projection_2022"
                rows += [(year, area, age, sex, n, variant) for age, n in ages.items()]
    return pd.DataFrame(rows, columns=["year", "municipality", "age", "sex", "persons", "variant"])


def monthly(counts: Panel, measure: str) -> dict[str, pd.Series]:
    cells = counts.counts
    found = {name: cells[cells["service"] == name].groupby("month")[measure].sum() for name in counts.services}
    return {"all": cells.groupby("month")[measure].sum(), **found}


def model(counts: Panel, level: float = 1.0, spread: float = 0.05) -> ModelYears:
    """Paths that repeat the last year's months, all of a path higher or lower together."""
    rng = np.random.default_rng(5)
    names = ("all", *counts.services)
    observed, persons = monthly(counts, "contacts"), monthly(counts, "persons")
    paths = {}
    for name in names:
        last = observed[name].loc[LAST - 11 :].to_numpy()
        paths[name] = level * np.tile(last, HORIZON // 12) * np.exp(rng.normal(0, spread, (DRAWS, 1)))
    return ModelYears(names, np.arange(LAST + 1, LAST + 1 + HORIZON), paths, observed, persons)


def made(counts: Panel, settings: ForecastSettings, **given: Any) -> dict[str, pd.DataFrame]:
    usual = {"population": population(), "ahead": model(counts), "scenarios": {}, "seed": 3, "uses_care": False}
    known = {**usual, **given}
    services = {name: parameters.load().services[name] for name in SERVICES}
    return outlook.outlook(counts, services=services, settings=settings, **known)


@pytest.fixture(scope="module")
def plain(counts: Panel, settings: ForecastSettings) -> dict[str, pd.DataFrame]:
    return made(counts, settings)


@pytest.fixture(scope="module")
def assumed(counts: Panel, settings: ForecastSettings) -> dict[str, pd.DataFrame]:
    return made(counts, settings, scenarios={"fewer": scenario(), "younger": ageing()})


def scenario(name: str = "fewer", **given: Any) -> Scenario:
    usual: dict[str, Any] = {"id": name, "label": LABEL, "why": LABEL, "kind": "policy", "active": True}
    usual |= {"services": {"emergency": [-0.3, -0.1]}, "from": "2024-01", "to": "2024-01", "profile": "step"}
    return Scenario.model_validate({**usual, **given})


def ageing() -> Scenario:
    usual = {"id": "younger", "label": LABEL, "why": LABEL, "kind": "healthy_ageing", "active": True}
    return Scenario.model_validate({**usual, "years_per_year": [0.1, 0.3]})


def sentences(tables: dict[str, pd.DataFrame]) -> list[str]:
    return [json.loads(m)["message"] for m in tables["forecast_checks"]["message"]]


def test_tables_have_the_declared_columns_and_years_in_three_parts(
    counts: Panel, plain: dict[str, pd.DataFrame]
) -> None:
    found = plain
    for name, table in found.items():
        assert tuple(table.columns) == RESULT_TABLES[name].names, name
    years = found["demand_outlook"].query("service == 'emergency'").set_index("year")
    assert years["basis"].loc[2015:2038].tolist() == ["observed"] * 8 + ["model"] * 2 + ["demography"] * 14
    assert (years["lo80"] <= years["contacts"]).all()
    assert (years["contacts"] <= years["hi80"]).all()
    observed = monthly(counts, "contacts")["emergency"].loc[2022 * 12 : 2022 * 12 + 11].sum()
    assert years.loc[2022, ["contacts", "lo80", "hi80"]].tolist() == [observed] * 3


def test_the_first_year_is_partly_observed(counts: Panel, plain: dict[str, pd.DataFrame]) -> None:
    ahead = model(counts)
    seen = ahead.observed["emergency"].loc[2023 * 12 : LAST].sum()
    later = ahead.paths["emergency"][:, :6].sum(axis=1).mean()
    found = plain["demand_outlook"]
    row = found[(found["service"] == "emergency") & (found["year"] == 2023)].iloc[0]
    assert row["contacts"] == pytest.approx(seen + later)
    assert row["basis"] == "model"


def test_demography_takes_over_without_a_jump(counts: Panel, settings: ForecastSettings) -> None:
    """Without a trend, the months after the model are those a year before times the growth of need alone."""
    one = projection.build(population(), "projection_2022", AREAS, counts.sexes)
    assert one is not None
    ahead = model(counts, level=1.3)
    need = need_paths.build(counts, one, ahead, settings, False, 3)
    for service in ahead.services:
        path = need.paths[service].mean(axis=0)
        step = path[HORIZON : HORIZON + 12].sum() / path[HORIZON - 12 : HORIZON].sum()
        use = need.uses[service].flat
        residents = one.residents(np.arange(LAST + HORIZON - 11, LAST + HORIZON + 13)).reshape(2, -1, 2, 12)
        growth = np.einsum("sa,saym->y", use, residents)
        assert step == pytest.approx(growth[1] / growth[0], abs=0.015)
        single = path[HORIZON:] / path[HORIZON - 12 : -12]
        assert np.abs(np.diff(single)).max() < 0.01


def test_the_work_of_all_services_is_as_unsure_as_their_contacts(counts: Panel, settings: ForecastSettings) -> None:
    """Every contact takes the same work; services are drawn apart, so that their sum alone would be too sure."""
    services = dict.fromkeys(SERVICES, parameters.load().services["primary_care"])
    found = outlook.outlook(counts, population(), model(counts), {}, services, settings, 3, False)
    years = found["demand_outlook"].query("service == 'all' and basis != 'observed'").set_index("year")
    work = found["demand_resources"].query("service == 'all' and resource == 'fte'").set_index("year").loc[years.index]
    of_contacts = (years["hi80"] - years["lo80"]) / years["contacts"]
    of_work = (work["hi80"] - work["lo80"]) / work["amount"]
    np.testing.assert_allclose(of_work, of_contacts, rtol=0.1)


def test_a_trend_goes_on_by_a_whole_year_in_every_month(
    counts: Panel, settings: ForecastSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody ages, 5 % a year without damping: each month after the model is 5 % above the one a year before."""
    slope = lambda services: [Trend(np.log(1.05), 1e-9, 1e6, 0.01, 8) for _ in services]  # noqa: E731
    monkeypatch.setattr(need_paths.drivers, "trends", slope)
    monkeypatch.setattr(need_paths.drivers, "DAMPING", (1.0, 1.0))
    still = population(growth=0.0)
    one = projection.build(still[still["year"] >= 2022], "projection_2022", AREAS, counts.sexes)
    assert one is not None
    need = need_paths.build(counts, one, model(counts), settings, False, 3)
    path = need.paths["emergency"].mean(axis=0)
    np.testing.assert_allclose(path[HORIZON:] / path[HORIZON - 12 : -12], 1.05, rtol=1e-4)


def test_the_model_alone_decides_up_to_its_horizon(counts: Panel, settings: ForecastSettings) -> None:
    one = projection.build(population(growth=0.2), "projection_2022", AREAS, counts.sexes)
    assert one is not None
    ahead = model(counts)
    need = need_paths.build(counts, one, ahead, settings, False, 3)
    np.testing.assert_array_equal(need.paths["emergency"][:, :HORIZON], ahead.paths["emergency"])


@pytest.mark.parametrize("which", ["plain", "assumed"])
def test_bars_add_up_and_end_where_the_outlook_ends(which: str, request: pytest.FixtureRequest) -> None:
    found = request.getfixturevalue(which)
    bars = found["demand_drivers"]
    last = found["demand_outlook"]["year"].max()
    ends = found["demand_outlook"].query(f"year == {last}").set_index(["service", "variant"])["contacts"]
    for (service, variant), part in bars.groupby(["service", "variant"]):
        change = part.set_index("factor")["change"]
        assert change.drop("end").sum() == pytest.approx(change["end"], rel=1e-9)
        assert change["end"] == pytest.approx(ends[service, variant], rel=1e-9)
        assert part["place"].tolist() == list(range(1, len(part) + 1))
    assert set(bars["from_year"]) == {"2022"}
    assert set(bars["to_year"]) == {str(last)}


def test_scenarios_make_a_variant_of_their_own(assumed: dict[str, pd.DataFrame]) -> None:
    bars = assumed["demand_drivers"]
    assert set(bars["variant"]) == {"projection_2022", "projection_2022+fewer+younger"}
    full = bars[bars["variant"] != "projection_2022"].set_index(["service", "factor"])["change"]
    start = full["emergency", "start"]
    assert full["emergency", "fewer"] == pytest.approx(-0.2 * start, rel=0.06)
    assert full["primary_care", "fewer"] == 0
    assert full["all", "fewer"] == pytest.approx(full["emergency", "fewer"])
    assert full["emergency", "healthy_ageing"] < 0
    order = bars[(bars["variant"] != "projection_2022") & (bars["service"] == "all")]["factor"].tolist()
    assert order == ["start", "population", "ageing", "healthy_ageing", "trend", "fewer", "interaction", "end"]


def test_planted_growth_of_the_old_is_the_ageing_bar(plain: dict[str, pd.DataFrame]) -> None:
    """65 and over grow by 2 % a year to the middle of 2038, at five times the rate of the young."""
    bars = plain["demand_drivers"].query("service == 'emergency'").set_index("factor")
    old = 0.25 * np.array([1.17, 1.18 * 1.02**15.5])  # of the residents of 2013, in the middle of 2022 and of 2038
    share = old / (0.75 + old)
    mean_rate = 0.2 + 0.8 * share
    size = (0.75 + old[1]) / (0.75 + old[0])
    start = bars.loc["start", "change"]
    told = start * (mean_rate[1] / mean_rate[0] - 1)
    assert bars.loc["population", "change"] == pytest.approx(start * (size - 1), rel=0.05)
    assert bars.loc["ageing", "change"] == pytest.approx(told, rel=0.1)
    assert bars.loc["ageing", "lo80"] < told < bars.loc["ageing", "hi80"]


def test_without_a_projection_only_the_model_speaks_and_says_so(counts: Panel, settings: ForecastSettings) -> None:
    found = made(counts, settings, population=None)
    assert found["demand_outlook"]["year"].max() == 2024
    assert set(found["demand_outlook"]["variant"]) == {"none"}
    assert found["demand_drivers"].empty
    assert any("No population projection was delivered" in s for s in sentences(found))


def test_a_projection_that_ends_early_ends_the_outlook(counts: Panel, settings: ForecastSettings) -> None:
    found = made(counts, settings, population=population(until=2031))
    assert found["demand_outlook"]["year"].max() == 2031
    assert any("ends in {year}, and so does the outlook" in s for s in sentences(found))
    short = made(counts, settings, population=population(until=2024))
    assert short["demand_outlook"]["year"].max() == 2024
    assert any("no later than the model" in s for s in sentences(short))


def test_a_projection_of_other_municipalities_is_left_out_and_named(counts: Panel, settings: ForecastSettings) -> None:
    found = made(counts, settings, population=population(areas=("398",)))
    assert any("lacks {municipalities} of the area's {area} municipalities" in s for s in sentences(found))
    assert found["demand_outlook"]["basis"].isin(["observed", "model"]).all()


def test_projections_stand_side_by_side(counts: Panel, settings: ForecastSettings) -> None:
    more = population(growth=0.04)
    more = more[more["variant"] != "observed"].assign(variant="projection_high")
    found = made(counts, settings, population=pd.concat([population(), more]))["demand_outlook"]
    last = found[(found["year"] == found["year"].max()) & (found["service"] == "all")].set_index("variant")["contacts"]
    assert last["projection_high"] > 1.05 * last["projection_2022"]


def test_use_that_care_itself_thins_is_counted_per_resident(settings: ForecastSettings) -> None:
    """A group that shrinks by half because nobody diagnoses: per member the use has no trend, per resident it has."""
    share = np.where(month_index(2021, 6) <= MONTHS, 0.25, 0.5)
    panel = make(SERVICES, seed=4, member_share=share).panel
    one = projection.build(population(), "projection_2022", AREAS, panel.sexes)
    assert one is not None
    cells = demography.cube(panel, panel.sexes)
    by_member, by_resident = (
        demography.use(cells, "primary_care", one, settings, uses_care).blocks.log_index for uses_care in (False, True)
    )
    assert abs(by_member[-1] - by_member[0]) < 0.1
    assert by_resident[-1] - by_resident[0] == pytest.approx(np.log(0.5), abs=0.1)


def test_the_order_of_services_does_not_matter(
    counts: Panel, settings: ForecastSettings, plain: dict[str, pd.DataFrame]
) -> None:
    ahead = model(counts)
    turned = ModelYears(
        ahead.services[::-1], ahead.months, dict(reversed(ahead.paths.items())), ahead.observed, ahead.persons
    )
    keys = ["service", "year", "variant"]
    other = made(counts, settings, ahead=turned)["demand_outlook"]
    pd.testing.assert_frame_equal(
        *(found.sort_values(keys).reset_index(drop=True) for found in (plain["demand_outlook"], other))
    )


def test_resources_follow_the_contacts_of_the_year(plain: dict[str, pd.DataFrame]) -> None:
    found = plain
    years = found["demand_outlook"].set_index(["service", "year"])["contacts"]
    use = found["demand_resources"].set_index(["service", "year", "resource"])
    for year in (2023, 2035):
        assert use.loc[("primary_care", year, "cost_eur"), "amount"] == pytest.approx(65 * years["primary_care", year])
        parts = sum(use.loc[(s, year, "fte"), "amount"] for s in SERVICES)
        assert use.loc[("all", year, "fte"), "amount"] == pytest.approx(parts)
    assert use.loc[("all", 2030, "cost_eur"), "price_year"] == "2025"
    assert use.loc[("all", 2030, "fte"), "price_year"] == ""


def test_a_group_without_a_forecast_has_empty_tables(counts: Panel, settings: ForecastSettings) -> None:
    ahead = model(counts)
    none = ModelYears((), ahead.months, {}, ahead.observed, ahead.persons)
    found = made(counts, settings, ahead=none)
    assert all(found[name].empty for name in ("demand_outlook", "demand_drivers", "demand_resources"))


def test_a_service_whose_last_year_is_not_known_has_no_waterfall(counts: Panel, settings: ForecastSettings) -> None:
    ahead = model(counts)
    holed = dict(ahead.observed)
    holed["emergency"] = holed["emergency"].where(holed["emergency"].index != 2022 * 12 + 3)
    found = made(counts, settings, ahead=ModelYears(ahead.services, ahead.months, ahead.paths, holed, ahead.persons))
    assert set(found["demand_drivers"]["service"]) == {"all", "primary_care"}
    assert waterfall.months_of(2022).tolist() == list(range(2022 * 12, 2023 * 12))


def test_persons_that_are_not_known_are_not_nobody(counts: Panel, settings: ForecastSettings) -> None:
    ahead = model(counts)
    unknown = {**ahead.persons, "emergency": ahead.persons["emergency"] * np.nan}
    found = made(counts, settings, ahead=ModelYears(ahead.services, ahead.months, ahead.paths, ahead.observed, unknown))
    for name in ("demand_outlook", "demand_drivers", "demand_resources"):
        rows = found[name].query("service == 'emergency'")
        assert len(rows), name
        assert rows["n_persons"].isna().all(), name
