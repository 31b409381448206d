"""No declared break appears as debt: organisers and producers that change leave the estimate where it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import county_panel
import numpy as np
import pandas as pd
import pytest
from county_panel import FIRST, Planted

from ennakointi import debt, groups, panel, parameters, sources, store, synthetic
from ennakointi.debt import service_series
from ennakointi.debt.ledger import Ledger
from ennakointi.panel import Panel
from ennakointi.panel.axes import UNKNOWN_MUNICIPALITY
from ennakointi.parameters import Parameters
from ennakointi.parameters.documents import Break, Label
from ennakointi.periods import month_index

PARAMETERS = parameters.load()
SETTINGS = PARAMETERS.debt.model_copy(update={"n_paths": 200})
CHANGES = ("organiser", "provider")  # kinds of breaks
WITHIN = 0.02


def made(folder: Path, residents: int, since: date, *, changes: bool) -> synthetic.Truth:
    settings = synthetic.SyntheticSettings(organiser_changes=changes)
    synthetic.make(folder, residents=residents, since=since, until=date(2023, 12, 31), settings=settings)
    return synthetic.truth(folder)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[synthetic.Truth, synthetic.Truth]:
    folder, since = tmp_path_factory.mktemp("pair"), date(2020, 1, 1)
    return made(folder / "with", 2_000, since, changes=True), made(folder / "without", 2_000, since, changes=False)


def test_the_same_persons_get_the_same_care(pair: tuple[synthetic.Truth, synthetic.Truth]) -> None:
    changed, unchanged = (truth.volumes.drop(columns="covered") for truth in pair)
    pd.testing.assert_frame_equal(changed, unchanged)
    pd.testing.assert_frame_equal(*(truth.hidden_persons for truth in pair))
    pd.testing.assert_frame_equal(*(truth.occupancy.drop(columns="beds_held") for truth in pair))
    for table in ("persons", "statuses", "enrolments"):
        pd.testing.assert_frame_equal(*(pd.read_parquet(truth.folder.parent / f"{table}.parquet") for truth in pair))


def test_without_changes_the_register_holds_everything_as_own(pair: tuple[synthetic.Truth, synthetic.Truth]) -> None:
    changed, unchanged = (pd.read_parquet(truth.folder.parent / "coverage.parquet") for truth in pair)
    assert (unchanged["status"] == "complete").all()
    assert (unchanged["provider"] == "own").all()
    assert {"none", "partial"} <= set(changed["status"])
    keys = ["person_id", "started_at", "service", "mode", "attendance"]
    held, every = (pd.read_parquet(truth.folder.parent / "contacts", columns=keys).value_counts() for truth in pair)
    assert (held <= every.reindex(held.index)).all()
    assert held.sum() < 0.97 * every.sum()


def end_of_window(ledger: Ledger) -> tuple[float, float]:
    """Debt and expected contacts."""
    return float(ledger.debt[ledger.window_months - 1]), float(ledger.expected[: ledger.window_months].sum())


def joining(month: str) -> Break:
    """Municipality 111 joins."""
    label = Label(fi="x", sv="x", en="x")
    return Break(
        id="b",
        month=month,
        label=label,
        regions=("paijat-hame",),
        municipalities=("111",),
        kind="organiser",
        treatment="stop",
    )


@pytest.mark.parametrize("month", ["2021-01", "2023-01"])
def test_a_municipality_that_joins_leaves_the_debt_of_the_others(month: str) -> None:
    """And without its coverage and break it would pass for care that came back."""
    planted = {"primary_care": Planted(2.0, 4.0, missing=0.2), "oral_health": Planted(1.0, 1.0, missing=0.1)}
    services = {s: PARAMETERS.services[s] for s in planted}
    year, number = map(int, month.split("-"))
    before = {(s, "111"): (FIRST, month_index(year, number) - 1) for s in planted}
    joined = county_panel.make(planted, uncovered=before, breaks=(joining(month),)).panel
    always = county_panel.make(planted).panel
    same = replace(always, coverage=joined.coverage, breaks=joined.breaks)
    blind = replace(joined, coverage=always.coverage, breaks=())
    found = [debt.accounts(one, SETTINGS, services, 3).ledgers for one in (joined, same, blind)]
    for service, one in found[0].items():
        np.testing.assert_array_equal(one.debt, found[1][service].debt)
    own, _ = end_of_window(found[0]["all"])
    missed, _ = end_of_window(found[2]["all"])
    assert found[0]["all"].debt[-1] - found[2]["all"].debt[-1] > 0.1 * own
    assert month != "2021-01" or abs(missed - own) > WITHIN * own


def with_hidden_homes(made: Panel) -> Panel:
    """The panel with as many people of unknown municipality as live in 111."""

    def more(rows: pd.DataFrame) -> pd.DataFrame:
        return pd.concat([rows, rows[rows["municipality"] == "111"].assign(municipality=UNKNOWN_MUNICIPALITY)])

    coverage = more(made.coverage)
    hidden = coverage["municipality"] == UNKNOWN_MUNICIPALITY
    return replace(
        made,
        municipalities=(*made.municipalities, UNKNOWN_MUNICIPALITY),
        counts=more(made.counts),
        totals=more(made.totals),
        person_time=more(made.person_time),
        coverage=coverage.assign(covered=coverage["covered"] | hidden),
    )


def test_people_whose_home_is_hidden_count_only_where_everybody_does() -> None:
    """Some of them live in 111, and would come in with it in 2021."""
    planted = {"primary_care": Planted()}
    joined = county_panel.make(planted, uncovered={("primary_care", "111"): (FIRST, month_index(2020, 12))}).panel
    for made, area in ((joined, ("398",)), (county_panel.make(planted).panel, ("398", "111", UNKNOWN_MUNICIPALITY))):
        one = with_hidden_homes(made)
        assert service_series.fit_account(one, "primary_care", debt.account_of(one, SETTINGS))[0] == area


def whole(folder: Path, loaded: Parameters) -> Panel:
    """The panel of all residents of a synthetic county."""
    (folder / "work").mkdir()
    until = date(2023, 12, 31)
    opened = store.build(sources.discover(folder / "data"), folder / "work" / "store", loaded, until)
    index = groups.build(opened, loaded, folder / "work" / "memberships", ["all"])
    panel.build(opened, index, loaded, folder / "work" / "panels", "residents")
    return panel.open(folder / "work" / "panels", "all")


@pytest.mark.slow
def test_the_changes_of_2021_and_2023_leave_the_estimate(tmp_path: Path) -> None:
    """20,000 residents: in the same area nothing moves at all, and the share of expected use that is missing in the
    area held all the time is that of the whole county within two hundredths."""
    kept = {name: known for name, known in PARAMETERS.breaks.items() if known.kind not in CHANGES}
    panels = []
    for name, loaded in (("with", PARAMETERS), ("without", replace(PARAMETERS, breaks=kept))):
        made(tmp_path / name / "data", 20_000, date(2014, 1, 1), changes=name == "with")
        panels.append(whole(tmp_path / name, loaded))
    changed, unchanged = panels
    same = replace(unchanged, coverage=changed.coverage, breaks=changed.breaks)
    found, beside, every = (
        debt.accounts(one, SETTINGS, PARAMETERS.services, 1).ledgers for one in (changed, same, unchanged)
    )
    assert len(found) > 25
    for service, one in found.items():
        own, expected = end_of_window(one)
        assert own == pytest.approx(end_of_window(beside[service])[0], abs=WITHIN * abs(own) + 1e-9), service
    (own, expected), (debt_of_all, expected_of_all) = end_of_window(found["all"]), end_of_window(every["all"])
    assert expected < 0.95 * expected_of_all
    assert own / expected == pytest.approx(debt_of_all / expected_of_all, abs=WITHIN)
