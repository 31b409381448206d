"""For whom care was missing: sums, standardisation, planted differences between groups and areas, and intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import county_panel
import numpy as np
import pandas as pd
import pytest
from county_panel import AREAS, BANDS, MONTHS, SEXES, WINDOW, Planted
from hypothesis import given, settings
from hypothesis import strategies as st

from ennakointi import debt, groups, panel, parameters, sources, store, synthetic
from ennakointi.debt import equity, strata
from ennakointi.debt.ledger import Ledger
from ennakointi.debt.strata import Cells
from ennakointi.panel import Panel
from ennakointi.result_tables import RESULT_TABLES

SETTINGS = parameters.load().debt.model_copy(update={"n_paths": 300})
CATALOGUE = parameters.load().services
SERVICES = {"primary_care": Planted(2.0, 6.0, noise=0.02), "oral_health": Planted(1.0, 1.5, noise=0.02)}
OLDER = "older_people"
KEYS = ["service", "municipality", "age_band", "sex", "month"]

# Fleiss 1981, Statistical Methods for Rates and Proportions, p. 249: Down's syndrome by maternal age (rows) in births
# of the first and the fifth order, and mean births of the five orders; adjusted rates as printed by R's epitools.
CASES = np.array([[107, 0], [141, 8], [60, 63], [40, 112], [39, 262], [25, 295]], float)
BIRTHS = np.array(
    [[230061, 327], [329449, 30666], [114920, 123419], [39487, 149919], [14208, 104088], [3052, 34392]], float
)
STANDARD = np.array([319933, 931318, 786511, 488235, 237863, 61313]) / 5


def test_standardised_rates_are_those_of_epitools() -> None:
    found = equity.standardised(CASES.T, BIRTHS.T, STANDARD, np.ones((2, 6), bool))
    assert [float(f"{rate:.3g}") for rate in found] == [0.000923, 0.000755]


def test_a_part_that_lacks_strata_is_not_standardised() -> None:
    years = np.array([[1000.0, 2000.0], [1000.0, 5.0]])
    cases, held = np.array([[10.0, 60.0], [10.0, 3.0]]), np.ones((2, 2), bool)
    found = equity.standardised(cases, years, np.array([3.0, 1.0]), held)
    assert found[0] == pytest.approx(0.015)
    assert np.isnan(found[1])  # its strata hold three quarters of the standard
    one_band = equity.standardised(cases, years, np.array([3.0, 1.0]), np.array([[True, False], [True, False]]))
    assert one_band == pytest.approx([0.01, 0.01])


def test_person_years_of_services_in_different_areas() -> None:
    """100 contacts in 50 years and 100 in 200: 2 + .5 = 2.5 a year, so 200 contacts stand for 80 years."""
    years = np.array([[50.0], [200.0]])
    assert equity.person_years_together(np.full((2, 1), 100.0), years) == [80.0]
    assert equity.person_years_together(np.zeros((2, 1)), years) == [200.0]


def test_dispersion_by_hand() -> None:
    expected = np.array([[100.0, 300.0]])
    assert strata.dispersion(expected, np.array([[110.0, 290.0]]), expected) == pytest.approx(100 / 75)
    assert strata.dispersion(expected, expected, expected) == 1.0
    assert (
        strata.dispersion(np.array([[1.0, 2.0]]), np.array([[3.0, 0.0]]), np.ones((1, 2))) == 1.0
    )  # too small to tell


def test_rates_of_cells_by_hand() -> None:
    """Two areas of two strata; one person-year at the stratum's rate 0.4 (or 2) steadies each cell."""
    found = strata.rates(np.array([3.0, 20.0, 1.0, 0.0]), np.array([9.0, 10.0, 1.0, 0.0]), 2)
    assert found == pytest.approx([3.4 / 10, 22 / 11, 1.4 / 2, 2.0])


def test_draws_in_the_order_of_others_have_the_wanted_correlation() -> None:
    rng = np.random.default_rng(1)
    mine, others = rng.gamma(2.0, 1.0, 4000), rng.normal(0, 5, 4000)
    for r in (0.0, 0.8):
        placed = np.sort(others)[equity.in_order(mine, r, rng)]
        assert np.corrcoef(np.argsort(np.argsort(mine)), np.argsort(np.argsort(placed)))[0, 1] == pytest.approx(
            6 / np.pi * np.arcsin(r / 2), abs=0.04
        )
        assert sorted(placed) == sorted(others)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), services=st.integers(1, 3))
def test_parts_add_up_to_the_whole_in_every_draw(seed: int, services: int) -> None:
    rng = np.random.default_rng(seed)
    k, stratum = 12, np.tile(np.eye(4), 3)
    cells = [
        Cells(
            *rng.gamma(0.5, 40, (4, k)), origins=np.arange(2) + i, tried=rng.poisson(rng.gamma(1, 30, (2, 3, k))) + 0.0
        )
        for i in range(services)
    ]
    draws = rng.normal(50, 20, (services, 40))
    for inside in (np.ones((1, k)), np.eye(k), np.repeat(np.eye(3), 4, axis=1), stratum):
        found = equity.measured(cells, draws, inside, stratum, np.ones(4), rng)
        assert found.debt[:-1].sum(axis=1) == pytest.approx(draws.sum(axis=0), abs=1e-8)
        assert found.debt[-1].sum() == pytest.approx(draws.mean(axis=1).sum(), abs=1e-8)
        assert found.expected.sum() == pytest.approx(sum(c.expected.sum() for c in cells))


def test_the_standard_of_ones_own_structure_gives_the_crude_rate() -> None:
    rng = np.random.default_rng(5)
    stratum, years = np.eye(4), np.array([100.0, 50.0, 400.0, 20.0])
    cells = Cells(*rng.gamma(2, 40, (3, 4)), years, np.array([0]), rng.gamma(2, 40, (1, 3, 4)))
    found = equity.measured([cells], rng.normal(50, 20, (1, 30)), np.ones((1, 4)), stratum, years, rng)
    assert found.standardised == pytest.approx(found.rate)


def added(*panels: Panel) -> Panel:
    """The panel of the residents of several panels together."""
    counts = pd.concat([p.counts for p in panels]).groupby(KEYS, as_index=False)[["contacts", "persons"]].sum()
    totals = pd.concat([p.totals for p in panels]).groupby(KEYS[1:], as_index=False)[["contacts", "persons"]].sum()
    time = pd.concat([p.person_time for p in panels]).groupby(KEYS[1:], as_index=False)[["member_py", "resident_py"]]
    return replace(
        panels[0], counts=counts.assign(cost_eur=np.nan), totals=totals.assign(cost_eur=np.nan), person_time=time.sum()
    )


def thinned(made: Panel, area: str, share: float) -> Panel:
    """The panel without a share of the window's contacts in one area."""
    counts = made.counts.copy()
    hit = (counts["municipality"] == area) & counts["month"].between(*WINDOW)
    counts.loc[hit, "contacts"] = np.random.default_rng(0).binomial(counts.loc[hit, "contacts"], 1 - share)
    return replace(made, counts=counts)


def county(seed: int, group: float, rest: float, area: float = 0.0) -> tuple[Panel, Panel]:
    """A group of 6,000 and all 26,000 residents, who share their monthly shocks; `group`, `rest` and (in one area of
    the group) `area` are shares missing."""
    made = [
        county_panel.make({s: replace(p, missing=share) for s, p in SERVICES.items()}, seed=seed, residents=n).panel
        for share, n in ((group, 6_000), (rest, 20_000))
    ]
    members = thinned(made[0], "111", area)
    everyone = added(members, made[1])
    residents = everyone.person_time.drop(columns="member_py")
    time = members.person_time.drop(columns="resident_py").merge(residents, on=KEYS[1:])
    return replace(members, target_group="g", person_time=time), everyone


def accounts(made: Panel) -> Mapping[str, Ledger]:
    services = {s: CATALOGUE[s].model_copy(update={"substitutes": {}}) for s in SERVICES}
    return debt.accounts(made, SETTINGS, services, 3).ledgers


def compared(seed: int, *missing: float) -> pd.DataFrame:
    group, everyone = county(seed, *missing)
    rest = accounts(equity.others(group, everyone))
    return equity.table(group, everyone, accounts(group), rest, uses_care=False, seed=1)


@pytest.fixture(scope="module")
def found() -> pd.DataFrame:
    return compared(1, 0.3, 0.1, 0.4)


def row(table: pd.DataFrame, part: str, service: str = "all") -> pd.Series:
    return table[(table["part"] == part) & (table["service"] == service)].iloc[0]


def test_the_planted_difference_between_group_and_others_is_found(found: pd.DataFrame) -> None:
    members, others, gap = (row(found, part) for part in ("members", "non_members", "difference"))
    assert 0.3 < members["share"] < 0.4  # .3, and .58 in the tenth that lives in area 111
    assert members["share_lo80"] < members["share"] < members["share_hi80"]
    assert others["share_lo80"] < 0.1 < others["share_hi80"]
    assert gap["share"] == pytest.approx(members["share"] - others["share"])
    assert 0 < gap["share_lo80"] < 0.228 < gap["share_hi80"]
    assert gap["debt"] / gap["expected"] == pytest.approx(gap["share"])
    assert gap["standardised_lo80"] > 0


def test_errors_that_both_share_cancel_in_the_difference(found: pd.DataFrame) -> None:
    half = {part: np.ptp(row(found, part)[["share_lo80", "share_hi80"]].to_numpy(float)) / 2 for part in found["part"]}
    assert half["difference"] < np.hypot(half["members"], half["non_members"])


def test_the_area_that_lost_more_stands_out(found: pd.DataFrame) -> None:
    worse, other = row(found, "111"), row(found, "398")
    assert worse["share_lo80"] < 0.58 < worse["share_hi80"]
    assert other["share_lo80"] < 0.3 < other["share_hi80"]
    assert worse["per_1000_lo80"] > other["per_1000_hi80"]


@pytest.mark.parametrize("axis", ["area", "age", "sex"])
def test_parts_of_the_table_add_up_to_the_group(found: pd.DataFrame, axis: str) -> None:
    for service in ("all", *SERVICES):
        rows = found[(found["axis"] == axis) & (found["service"] == service)]
        whole = row(found, "members", service)
        assert rows["debt"].sum() == pytest.approx(whole["debt"], rel=1e-9)
        assert rows["expected"].sum() == pytest.approx(whole["expected"], rel=1e-9)
        assert whole["n_persons"] <= rows["n_persons"].sum()


def test_columns_and_parts_are_those_of_the_result_table(found: pd.DataFrame) -> None:
    assert tuple(found.columns) == RESULT_TABLES["debt_equity"].names
    assert set(found["part"]) == {"members", "non_members", "difference", *BANDS, *SEXES, *AREAS}
    assert not found.duplicated(["service", "axis", "part"]).any()
    assert (found["target_group"] == "g").all()


def test_others_are_what_the_group_leaves_of_all_residents() -> None:
    group, everyone = county(2, 0.0, 0.0)
    rest = equity.others(group, everyone)
    for table, value in (("counts", "contacts"), ("totals", "persons"), ("person_time", "member_py")):
        sums = [getattr(p, table)[value].sum() for p in (group, rest, everyone)]
        assert sums[0] + sums[1] == pytest.approx(sums[2])
    assert rest.person_time["resident_py"].sum() == pytest.approx(everyone.person_time["resident_py"].sum())
    later = equity.others(replace(group, available_from=MONTHS[30]), everyone)
    assert later.counts["month"].min() == later.available_from == MONTHS[30]


def test_without_others_or_without_debt_there_is_nothing_to_compare() -> None:
    group, everyone = county(2, 0.0, 0.0)
    alone = equity.table(everyone, everyone, accounts(everyone), {}, uses_care=False, seed=1)
    assert set(alone.loc[alone["axis"] == "members", "part"]) == {"members"}
    assert equity.table(group, everyone, {}, {}, uses_care=False, seed=1).empty


def test_beyond_the_calibrated_horizon_there_is_no_interval() -> None:
    _, everyone = county(2, 0.1, 0.1)
    short = {
        service: replace(one, factors=replace(one.factors, factor80=one.factors.factor80[:6]))
        for service, one in accounts(everyone).items()
    }
    table = equity.table(everyone, everyone, short, {}, uses_care=False, seed=1)
    assert table["share"].notna().all()
    assert table[["share_lo80", "per_1000_hi80", "standardised_lo80"]].isna().all(axis=None)


def test_person_years_of_a_group_that_care_makes_stay_at_its_share_before() -> None:
    """Half as many members in the window: rates are per year of those who would have been members."""
    share = np.where(WINDOW[0] <= MONTHS, 0.1, 0.2)
    made = county_panel.make(SERVICES, seed=4, member_share=share).panel
    ledger = accounts(replace(made, person_time=made.person_time.assign(member_py=made.person_time["resident_py"])))
    kept, fallen = (strata.of(made, ledger["oral_health"], uses).person_years.sum() for uses in (True, False))
    assert kept == pytest.approx(2 * fallen, rel=1e-6)


def test_cells_follow_the_accounts_area_and_total() -> None:
    group, _ = county(2, 0.0, 0.0)
    ledger = accounts(group)["primary_care"]
    outside = replace(ledger, series=replace(ledger.series, municipalities=("398",)))
    cells = strata.of(group, outside, False)
    in_area = np.repeat([area == "398" for area in AREAS], len(BANDS) * len(SEXES))
    assert cells.expected.sum() == pytest.approx(ledger.expected[: ledger.window_months].sum())
    assert cells.person_years[~in_area].sum() == cells.observed[~in_area].sum() == 0
    assert len(cells.origins) >= 3


def test_no_placebo_window_in_a_short_history() -> None:
    account = SimpleNamespace(window_start=120, window_end=141, baseline_start=100, baseline_end=117, skip=2)
    origins, tried = strata.placebos(np.ones((4, 60)), np.ones((4, 60)), account, 100, 2)
    assert tried.shape == (0, 3, 4)
    assert len(origins) == 0


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Panel, Panel, pd.DataFrame]:
    """Older people and all residents of a synthetic county of 20,000, and its planted contacts over the window."""
    folder, until, loaded = tmp_path_factory.mktemp("county"), date(2022, 12, 31), parameters.load()
    rules = {OLDER: loaded.target_groups[OLDER].who}
    synthetic.make(folder / "data", residents=20_000, seed=1, until=until, groups=rules)
    (folder / "work").mkdir()
    opened = store.build(sources.discover(folder / "data"), folder / "work" / "store", loaded, until)
    index = groups.build(opened, loaded, folder / "work" / "memberships", ["all", OLDER])
    panel.build(opened, index, loaded, folder / "work" / "panels", "residents")
    volumes = synthetic.truth(folder / "data").volumes
    inside = volumes["month"].astype(str).between("2020-03", "2021-12")
    keys = ["target_group", "service", "municipality"]
    sums = volumes[inside].groupby(keys, observed=True)[["counterfactual", "actual"]].sum()
    made = [panel.open(folder / "work" / "panels", key) for key in (OLDER, "all")]
    return made[0], made[1], (sums["counterfactual"] - sums["actual"]).unstack()  # noqa: PD010


@pytest.mark.slow
def test_planted_debts_of_areas_lie_in_their_intervals(planted: tuple[Panel, Panel, pd.DataFrame]) -> None:
    """Nominal 80 %; over five seeds 80 % of areas × services of all residents were inside."""
    group, everyone, missing = planted
    for key, one in (("all", everyone), (OLDER, group)):
        ledgers = debt.accounts(one, SETTINGS, CATALOGUE, 1).ledgers
        table = equity.table(one, everyone, ledgers, {}, uses_care=False, seed=1)
        rows = table[(table["axis"] == "area") & (table["service"] != "all") & (table["expected"] >= 20)]
        true = [missing.loc[(key, service), part] for service, part in zip(rows["service"], rows["part"], strict=True)]
        inside = (rows["share_lo80"] * rows["expected"] <= true) & (true <= rows["share_hi80"] * rows["expected"])
        assert len(rows) > 50
        assert 0.7 <= inside.mean() <= 0.92


@pytest.mark.slow
def test_the_planted_difference_between_older_people_and_others_is_inside(
    planted: tuple[Panel, Panel, pd.DataFrame],
) -> None:
    group, everyone, missing = planted
    own = debt.accounts(group, SETTINGS, CATALOGUE, 1).ledgers
    rest = debt.accounts(equity.others(group, everyone), SETTINGS, CATALOGUE, 1).ledgers
    table = equity.table(group, everyone, own, rest, uses_care=False, seed=1)
    hits = []
    for service in sorted(set(own) & set(rest) & set(CATALOGUE)):
        area = list(own[service].series.municipalities)
        mine, every = (missing.loc[(key, service), area].sum() for key in (OLDER, "all"))
        members, others, gap = (row(table, part, service) for part in ("members", "non_members", "difference"))
        true = mine / members["expected"] - (every - mine) / others["expected"]
        hits.append(gap["share_lo80"] <= true <= gap["share_hi80"])
    assert len(hits) > 15
    assert 0.6 <= np.mean(hits) <= 0.97
