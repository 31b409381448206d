"""County > service > municipality: sums worked by hand, coverage, breaks, disruption, and what is left out."""

from __future__ import annotations

import time
from datetime import date

import county_panel
import numpy as np
import pandas as pd
import pytest
from county_panel import Planted

from ennakointi.forecast import hierarchy
from ennakointi.forecast.hierarchy import Hierarchy, bridged, levels
from ennakointi.panel import Panel
from ennakointi.parameters.documents import Break, ForecastSettings, Label
from ennakointi.periods import month_index, month_text

FIRST, LAST = month_index(2015, 1), month_index(2024, 12)
MONTHS = np.arange(FIRST, LAST + 1)
AREAS = ("111", "398", "781")
SIZE = {"111": 100.0, "398": 1000.0, "781": 50.0}  # person-years of a month
RATE = {"111": 2.0, "398": 1.0, "781": 1.0}  # contacts per person-year: 200, 1000 and 50 a month
NAN = float("nan")


def settings(**more: object) -> ForecastSettings:
    facts = {"horizon_months": 12, "disruption_first": "2020-03", "disruption_last": "2021-04", "windows": 2}
    sizes = {"history_months": 120, "outlook_years": 5, "n_paths": 10, "n_paths_fast": 10}
    return ForecastSettings.model_validate({**facts, **sizes, **more})


def a_break(month: str, treatment: str, **where: object) -> Break:
    label = Label(fi="a", sv="a", en="a")
    facts = {"id": "b", "month": month, "label": label, "regions": ["paijat-hame"], "kind": "organiser"}
    return Break.model_validate({**facts, "treatment": treatment, **where})


def county(
    services: tuple[str, ...] = ("primary_care",),
    missing: tuple[tuple[str, str, int, int], ...] = (),
    silent: tuple[tuple[str, str], ...] = (),
    **more: object,
) -> Panel:
    """Every member uses its RATE in every month. `missing`: service, area, first and last month not held."""
    grid = pd.MultiIndex.from_product([services, AREAS, MONTHS], names=["service", "municipality", "month"])
    cells = grid.to_frame(index=False)
    cells["covered"] = True
    for service, area, first, last in missing:
        here = (cells["service"] == service) & (cells["municipality"] == area) & cells["month"].between(first, last)
        cells.loc[here, "covered"] = False
    cells["contacts"] = cells["municipality"].map({a: SIZE[a] * RATE[a] for a in AREAS})
    cells["persons"] = cells["contacts"] / 2
    quiet = pd.Series([pair in silent for pair in zip(cells["service"], cells["municipality"])])
    counts = cells[cells["covered"] & ~quiet].assign(age_band="0–64", sex="female", cost_eur=np.nan)
    lived = pd.MultiIndex.from_product([AREAS, MONTHS], names=["municipality", "month"]).to_frame(index=False)
    lived["member_py"] = lived["municipality"].map(SIZE)
    facts = {"available_from": FIRST, "breaks": (), "person_time": lived.assign(resident_py=2 * lived["member_py"])}
    return Panel(
        target_group="all",
        services=services,
        municipalities=AREAS,
        age_bands=("0–64",),
        sexes=("female",),
        first_month=FIRST,
        last_month=LAST,
        counts=counts.drop(columns="covered"),
        totals=pd.DataFrame(),
        coverage=cells[["service", "municipality", "month", "covered"]],
        queue=pd.DataFrame(),
        as_of=date(2024, 12, 31),
        **{**facts, **more},  # type: ignore[arg-type]
    )


def at(found: Hierarchy, service: str, municipality: str, year: int, month: int, what: str = "used") -> float:
    row = getattr(found, what)[found.nodes.index((service, municipality))]
    return float(row[month_index(year, month) - found.months[0]])


def test_nodes_sums_and_their_matrix() -> None:
    found = hierarchy.build(county(("primary_care", "oral_health")), settings(), ("oral_health", "primary_care"))
    assert found.nodes[:4] == (("all", "all"), ("oral_health", "all"), ("primary_care", "all"), ("oral_health", "111"))
    assert found.nodes[-1] == ("primary_care", "781")
    assert found.services == ("oral_health", "primary_care")
    assert at(found, "primary_care", "all", 2018, 5) == 1250
    assert at(found, "all", "all", 2018, 5) == 2500
    bottom = np.nan_to_num(found.used[3:])
    assert np.nan_to_num(found.used) == pytest.approx(found.summing @ bottom)
    assert found.covered_share == pytest.approx(np.ones(9))


def test_a_covered_cell_without_rows_is_zero_and_an_uncovered_one_is_missing() -> None:
    hole = ("primary_care", "111", month_index(2016, 1), month_index(2016, 6))
    found = hierarchy.build(county(missing=(hole,), silent=(("primary_care", "781"),)), settings(), ["primary_care"])
    assert at(found, "primary_care", "781", 2016, 3) == 0
    assert np.isnan(at(found, "primary_care", "111", 2016, 3))
    assert np.isnan(at(found, "primary_care", "111", 2016, 3, "persons"))


def test_a_sum_is_bridged_by_rate_and_not_by_heads() -> None:
    """111 is 100 of 1,150 person-years but 200 of 1,250 contacts: heads alone would give 1,050 · 1,150 / 1,050 =
    1,150."""
    hole = ("primary_care", "111", month_index(2016, 1), month_index(2016, 6))
    found = hierarchy.build(county(missing=(hole,)), settings(), ["primary_care"])
    assert at(found, "primary_care", "all", 2016, 3) == pytest.approx(1250)
    assert at(found, "all", "all", 2016, 3) == pytest.approx(1250)
    assert at(found, "primary_care", "all", 2016, 3, "persons") == 525  # of the held members


def test_a_bridge_follows_the_person_time_of_the_month() -> None:
    """Level of 111 with twice the people: 400; (1,000 + 400) / 1,000 times the contacts of 398."""
    contacts = np.array([[NAN, 200.0, 200.0], [1000.0, 1000.0, 1000.0]])
    time = np.array([[200.0, 100.0, 100.0], [1000.0, 1000.0, 1000.0]])
    level = levels(np.nan_to_num(contacts), np.isfinite(contacts), np.ones(3, bool), time)
    assert level[:, 0] == pytest.approx([400, 1000])
    assert bridged(contacts, level) == pytest.approx([1400, 1200, 1200])


def test_a_sum_with_under_half_of_its_level_is_missing() -> None:
    """398 carries 1,000 of 1,250 contacts: without it the sum is refused, with it alone it is not."""
    spans = ((a, month_index(2016, m), month_index(2016, m)) for a, m in (("398", 2), ("111", 3), ("781", 3)))
    found = hierarchy.build(county(missing=tuple(("primary_care", *s) for s in spans)), settings(), ["primary_care"])
    assert np.isnan(at(found, "primary_care", "all", 2016, 2))
    assert np.isnan(at(found, "primary_care", "all", 2016, 2, "observed"))
    assert at(found, "primary_care", "all", 2016, 3) == pytest.approx(1250)


def test_disrupted_months_are_observed_and_not_used() -> None:
    own = {"disruption_by_service": {"oral_health": {"first": "2020-03", "last": "2021-08"}}}
    found = hierarchy.build(county(("primary_care", "oral_health")), settings(**own), ("primary_care", "oral_health"))
    for service, place in (("primary_care", "all"), ("primary_care", "398"), ("all", "all")):
        assert np.isnan(at(found, service, place, 2020, 3))
        assert np.isnan(at(found, service, place, 2021, 4))
        assert at(found, service, place, 2020, 3, "observed") > 0
    assert at(found, "primary_care", "all", 2021, 5) == 1250
    assert np.isnan(at(found, "oral_health", "all", 2021, 8))
    assert at(found, "all", "all", 2021, 8) == pytest.approx(2500)  # half of the level is held: bridged


def test_before_a_break_nothing_is_used_where_it_touches() -> None:
    joined = a_break("2019-01", "stop", municipalities=["111"])
    found = hierarchy.build(county(breaks=(joined,)), settings(), ["primary_care"])
    assert np.isnan(at(found, "primary_care", "111", 2018, 12))
    assert at(found, "primary_care", "111", 2018, 12, "observed") == 200
    assert at(found, "primary_care", "111", 2019, 1) == 200
    assert at(found, "primary_care", "398", 2018, 12) == 1000
    assert at(found, "primary_care", "all", 2018, 12) == pytest.approx(1250)


def test_a_re_base_everywhere_cuts_the_service_and_a_bridge_does_not() -> None:
    law = a_break("2023-01", "re-base", services=["oral_health"])
    other = a_break("2022-01", "bridge")
    panel = county(("primary_care", "oral_health", "emergency"), breaks=(law, other))
    found = hierarchy.build(panel, settings(), panel.services)
    assert np.isnan(at(found, "oral_health", "all", 2022, 12))
    assert at(found, "oral_health", "all", 2022, 12, "observed") == 1250
    assert at(found, "oral_health", "all", 2023, 1) == 1250
    assert at(found, "primary_care", "all", 2021, 12) == 1250
    assert at(found, "all", "all", 2022, 12) == pytest.approx(3750)  # two of three services: bridged
    assert len(found.series().values[found.nodes.index(("oral_health", "all"))]) == 24


def test_the_latest_break_counts_and_only_those_of_the_group() -> None:
    known = [a_break("2019-01", "re-base"), a_break("2017-01", "stop")]
    other = a_break("2022-01", "re-base", groups=["student_health_clients"])
    found = hierarchy.build(county(breaks=(*known, other)), settings(), ["primary_care"])
    assert np.isnan(at(found, "primary_care", "398", 2018, 12))
    assert at(found, "primary_care", "398", 2019, 1) == 1000


def test_a_municipality_not_held_at_the_end_is_left_out() -> None:
    gone = ("primary_care", "111", month_index(2024, 12), LAST)
    found = hierarchy.build(county(missing=(gone,)), settings(), ["primary_care"])
    assert ("primary_care", "111") not in found.nodes
    assert at(found, "primary_care", "all", 2018, 5) == 1050
    assert found.covered_share == pytest.approx([1050 / 1150, 1050 / 1150, 1, 1])


def test_the_whole_is_covered_as_far_as_its_contacts_are() -> None:
    """1,050 contacts at 1,050 / 1,150 covered and 1,250 at 1."""
    gone = ("primary_care", "111", month_index(2024, 12), LAST)
    panel = county(("primary_care", "oral_health"), missing=(gone,))
    found = hierarchy.build(panel, settings(), panel.services)
    assert found.covered_share[0] == pytest.approx((1050 * 1050 / 1150 + 1250) / 2300)


def test_services_without_contacts_or_members_are_left_out() -> None:
    silent = tuple(("oral_health", area) for area in AREAS)
    gone = tuple(("emergency", area, LAST, LAST) for area in AREAS)
    panel = county(("primary_care", "oral_health", "emergency"), missing=gone, silent=silent)
    found = hierarchy.build(panel, settings(), (*panel.services, "no_such_service"))
    assert found.services == ("primary_care",)


def test_a_group_that_cannot_be_told_has_a_whole_and_nothing_in_it() -> None:
    found = hierarchy.build(county(available_from=LAST + 1), settings(), ["primary_care"])
    assert found.nodes == (("all", "all"),)
    assert found.summing.shape == (1, 0)
    assert np.isnan(found.series().values[0]).all()


def test_history_begins_when_the_group_can_be_told_and_is_no_longer_than_asked() -> None:
    since = month_index(2017, 1)
    found = hierarchy.build(county(available_from=since), settings(), ["primary_care"])
    assert np.isnan(at(found, "primary_care", "all", 2016, 12, "observed"))
    assert at(found, "primary_care", "all", 2017, 1) == 1250
    short = hierarchy.build(county(), settings(history_months=60), ["primary_care"])
    assert month_text(int(short.months[0])) == "2020-01"
    assert len(short.months) == 60


def test_series_for_the_engine() -> None:
    found = hierarchy.build(county(available_from=month_index(2021, 3)), settings(), ["primary_care"])
    series = found.series()
    assert series.keys[:2] == ("all|all", "primary_care|all")
    assert series.ends == (LAST,) * 5
    assert (series.frequency, series.seasons) == ("M", (12,))
    assert {len(values) for values in series.values} == {LAST - month_index(2021, 5) + 1}


def test_persons_are_a_lower_bound_for_the_whole() -> None:
    found = hierarchy.build(county(("primary_care", "oral_health")), settings(), ("primary_care", "oral_health"))
    assert at(found, "primary_care", "all", 2018, 5, "persons") == 625
    assert at(found, "all", "all", 2018, 5, "persons") == 625


def test_a_member_without_people_keeps_its_mean() -> None:
    """Municipality unknown: contacts, no person-time."""
    contacts, time = np.array([[4.0, 6.0], [100.0, 100.0]]), np.array([[0.0, 0.0], [10.0, 20.0]])
    level = levels(contacts, np.ones((2, 2), bool), np.ones(2, bool), time)
    assert level == pytest.approx(np.array([[5.0, 5.0], [200 / 3, 400 / 3]]))


def test_members_never_held_together_have_their_own_last_months() -> None:
    contacts, known = np.array([[8.0, 0.0], [0.0, 3.0]]), np.array([[True, False], [False, True]])
    assert levels(contacts, known, np.ones(2, bool), np.ones(2)) == pytest.approx(np.array([[8.0, 8.0], [3.0, 3.0]]))


def test_rates_are_those_of_the_last_thirty_six_common_months() -> None:
    """The first 12 of 48 months have ten times the contacts, and do not count."""
    contacts = np.ones((2, 48))
    contacts[0, :12] = 10.0
    level = levels(contacts, np.ones((2, 48), bool), np.ones(48, bool), np.ones(48))
    assert level == pytest.approx(np.ones((2, 48)))


def test_planted_county_adds_up() -> None:
    truth = county_panel.make({"primary_care": Planted(), "home_care": Planted(0.0, 2.0)}, seed=4)
    found = hierarchy.build(truth.panel, settings(), truth.panel.services)
    rows = truth.panel.counts
    inside = rows[(rows["service"] == "home_care") & (rows["month"] == month_index(2019, 6))]
    assert at(found, "home_care", "all", 2019, 6) == inside["contacts"].sum()
    assert (
        at(found, "home_care", "398", 2019, 6, "persons")
        == inside.loc[inside["municipality"] == "398", "persons"].sum()
    )


def test_a_large_county_is_fast() -> None:
    """28 services × 30 municipalities × 140 months × 4 strata."""
    rng = np.random.default_rng(1)
    names = {"service": [f"s{i}" for i in range(28)], "municipality": [f"{i:03d}" for i in range(30)]}
    months = np.arange(140) + FIRST
    grid = pd.MultiIndex.from_product([*names.values(), months, range(4)]).to_frame(index=False)
    grid.columns = pd.Index([*names, "month", "age_band"])
    for key, values in names.items():
        grid[key] = pd.Categorical(grid[key], categories=values)
    cells = grid.assign(contacts=rng.poisson(3.0, len(grid)), persons=1)
    place = cells[cells["service"] == "s0"].groupby(["municipality", "month"], observed=True).size().reset_index()
    panel = Panel(
        target_group="all",
        services=tuple(names["service"]),
        municipalities=tuple(names["municipality"]),
        age_bands=(),
        sexes=(),
        first_month=int(months[0]),
        last_month=int(months[-1]),
        available_from=int(months[0]),
        counts=cells,
        totals=pd.DataFrame(),
        person_time=place.assign(member_py=100.0, resident_py=100.0),
        coverage=cells[cells["age_band"] == 0].assign(covered=True),
        queue=pd.DataFrame(),
        breaks=(),
        as_of=date(2026, 8, 31),
    )
    began = time.process_time()
    found = hierarchy.build(panel, settings(history_months=140), panel.services)
    assert time.process_time() - began < 2.0
    assert found.used.shape == (1 + 28 + 840, 140)
    assert np.nansum(found.used[0]) == pytest.approx(np.nansum(found.used[29:]))
