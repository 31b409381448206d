"""Counties of an aggregate source: the one with the intervention first, then those without a gap."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import small_county

from ennakointi.causal.areas import NEVER, AreaPanel
from ennakointi.effectiveness import evidence, registered
from ennakointi.effectiveness.evidence import Evidence
from ennakointi.effectiveness.outcome_months import NO_DATA
from ennakointi.parameters.effect_documents import Intervention
from ennakointi.periods import month_index

AS_OF = date(2019, 12, 31)
START = month_index(2019, 7)
KNOWN = small_county.parameters()


def months(**changed: object) -> pd.DataFrame:
    """Emergency contacts of three counties in every month of 2019, and the persons behind them."""
    starts = pd.date_range("2019-01-01", "2019-12-01", freq="MS")
    rows = [
        (f"county:{code}", measure, day.date(), (value + day.month) / (1 if measure == "contacts" else 2), population)
        for code, value, population in (("05", 50, 12_000), ("07", 200, 36_000), ("09", 100, 24_000))
        for measure in ("contacts", "persons")
        for day in starts
    ]
    table = pd.DataFrame(rows, columns=["area", "measure", "period_start", "value", "population"])
    return table.assign(**{"target_group": "all", "service": "emergency", "frequency": "M", **changed})


def whole_county(**changed: object) -> Intervention:
    given = {"rollout": "county", "starts": {}, "start": START, "comparison": "other_counties", "example": False}
    return KNOWN.interventions["team_model"].model_copy(update={**given, **changed})


def gathered(folder: Path, rows: pd.DataFrame, one: Intervention) -> Evidence:
    built = small_county.build_store(folder, AS_OF, panel=rows)
    return evidence.gather(built, folder / "none", folder / "none", one, KNOWN, 1)


def test_other_counties_are_donors(tmp_path: Path) -> None:
    found = gathered(tmp_path, months(), whole_county())
    counties = found.by_outcome["emergency_contacts"]
    assert isinstance(counties, AreaPanel)
    assert counties.areas == ("county:09", "county:05", "county:07")
    assert counties.starts.tolist() == [START, NEVER, NEVER]
    assert counties.counts[:, 0].tolist() == [101, 51, 201]
    assert counties.person_years[:, 0].tolist() == [2000, 1000, 3000]
    assert counties.persons[:, 11].tolist() == [56, 31, 106]
    assert found.reasons == dict.fromkeys(
        ("primary_care_contacts", "specialised_outpatient_contacts", "negative_control"), NO_DATA
    )


def test_where_no_persons_are_told_counts_stand_for_them(tmp_path: Path) -> None:
    rows = months().query("measure == 'contacts'")
    counties = gathered(tmp_path, rows, whole_county()).by_outcome["emergency_contacts"]
    assert isinstance(counties, AreaPanel)
    assert (counties.persons == counties.counts).all()


def test_a_county_with_a_gap_is_no_donor_and_its_own_gap_stays(tmp_path: Path) -> None:
    rows = months()
    gaps = rows["area"].isin(["county:05", "county:09"]) & (rows["period_start"] == date(2019, 3, 1))
    counties = gathered(tmp_path, rows[~gaps], whole_county()).by_outcome["emergency_contacts"]
    assert isinstance(counties, AreaPanel)
    assert counties.areas == ("county:09", "county:07")
    assert np.flatnonzero(np.isnan(counties.counts[0])).tolist() == [2]


def test_counties_that_the_intervention_may_reach_are_left_out(tmp_path: Path) -> None:
    found = gathered(tmp_path, months(), whole_county(spillover_exclusions=("county:07",)))
    counties = found.by_outcome["emergency_contacts"]
    assert isinstance(counties, AreaPanel)
    assert counties.areas == ("county:09", "county:05")
    assert found.excluded == ("county:07",)


def test_a_source_without_population_or_without_the_county_has_nothing_to_compare(tmp_path: Path) -> None:
    for name, rows in (
        ("population", months(population=None)),
        ("county", months().query("area != 'county:09'")),
        ("weeks", months(frequency="D")),
    ):
        found = gathered(tmp_path / name, rows, whole_county())
        assert (found.by_outcome, found.missing) == ({}, NO_DATA)


def test_only_what_the_whole_county_began_can_be_told_from_counts(tmp_path: Path) -> None:
    built = small_county.build_store(tmp_path, AS_OF, panel=months())
    parameters = small_county.parameters(interventions={**KNOWN.interventions, "whole": whole_county(id="whole")})
    assert set(registered.known(parameters, built)) == {"whole"}
    municipal = KNOWN.interventions["team_model"]
    assert evidence.gather(built, tmp_path, tmp_path, municipal, KNOWN, 1).missing == NO_DATA
