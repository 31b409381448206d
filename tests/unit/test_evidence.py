"""From the store to a cohort and an area panel: who is compared with whom, and what is counted, by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import small_county

from ennakointi import effectiveness, groups, panel
from ennakointi.causal.areas import NEVER, AreaPanel
from ennakointi.effectiveness import area_outcomes, evidence, registered
from ennakointi.effectiveness.cohorts import Cohort
from ennakointi.effectiveness.evidence import NEGATIVE_CONTROL, Evidence
from ennakointi.parameters.effect_documents import SERVICE_COST, SERVICE_MINUTES, Outcome
from ennakointi.periods import month_index

pytestmark = pytest.mark.xdist_group("evidence")  # its fixtures are dear: one worker makes them once

AS_OF = date(2022, 12, 31)
MARCH, JUNE = month_index(2021, 3), month_index(2021, 6)
KNOWN = small_county.parameters()
# emergency contacts of each person; 0 is enrolled in March 2021, 4 in June; 3 dies on 15 June 2021
EMERGENCIES = {
    0: ["2020-05-04", "2020-11-04", "2021-03-20", "2021-05-03", "2022-02-01", "2022-04-05"],
    1: ["2020-05-06", "2020-11-07", "2021-08-01"],
    2: ["2021-08-01"],
    3: ["2020-05-06", "2020-11-07", "2021-04-30"],
    4: ["2020-05-06", "2020-11-07", "2021-12-01"],
}


def persons() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "person_id": [f"p{i}" for i in range(5)],
            "birth_date": [date(1960, 1, 1 + i) for i in range(5)],
            "sex": ["female", "male", "female", "male", "female"],
            "municipality": ["398", "398", "398", "111", "111"],
            "resident_from": [date(1990, 1, 1)] * 5,
            "death_date": [None, None, None, date(2021, 6, 15), None],
        }
    )


def contacts() -> pd.DataFrame:
    rows = [(f"p{person}", day, "emergency") for person, days in EMERGENCIES.items() for day in days]
    rows += [(f"p{person}", "2019-01-15", "oral_health") for person in EMERGENCIES]
    rows += [("p0", "2022-12-15", "primary_care")]
    frame = pd.DataFrame(rows, columns=["person_id", "started_at", "service"])
    started = pd.to_datetime(frame["started_at"]) + pd.Timedelta(hours=9)
    return frame.assign(
        contact_id=[f"c{i}" for i in range(len(frame))], started_at=started, mode="in_person", cost_eur=10.0
    )


def stays() -> pd.DataFrame:
    """Person 0 lies five days in a ward after the index month, person 4 two days before it."""
    rows = [("p0", "2021-04-28", "2021-05-03"), ("p4", "2020-12-10", "2020-12-12")]
    frame = pd.DataFrame(rows, columns=["person_id", "admitted_at", "discharged_at"])
    days = {name: pd.to_datetime(frame[name]) + pd.Timedelta(hours=9) for name in ("admitted_at", "discharged_at")}
    return frame.assign(**days, stay_id=["s0", "s1"], service="ward_care", unit="ward")


def measurements() -> pd.DataFrame:
    rows = [("p0", "2021-02-10", 60), ("p0", "2021-06-01", 50), ("p0", "2021-07-01", 52), ("p1", "2021-05-05", 70)]
    frame = pd.DataFrame(rows, columns=["person_id", "measured_on", "value"])
    return frame.assign(measured_on=pd.to_datetime(frame["measured_on"]).dt.date, measure="hba1c_mmol_mol")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared quarter of five persons."""
    place = tmp_path_factory.mktemp("county")
    enrolments = pd.DataFrame(
        {
            "person_id": ["p0", "p4", "p2"],
            "intervention": ["heavy_user_coaching", "heavy_user_coaching", "other_thing"],
            "enrolled_on": [date(2021, 3, 10), date(2021, 6, 5), date(2021, 3, 1)],
        }
    )
    statuses = pd.DataFrame(
        {
            "person_id": ["p0", "p1", "p1"],
            "controller": ["county", "county", "kela"],
            "status": ["home_care", "home_care", "unemployed"],
            "start_date": [date(2020, 1, 1)] * 3,
        }
    )
    tables = {"persons": persons(), "contacts": contacts(), "enrolments": enrolments, "statuses": statuses}
    tables |= {"stays": stays(), "measurements": measurements()}
    store = small_county.build_store(place, AS_OF, **tables)
    index = groups.build(store, KNOWN, place / "work" / "memberships", ["all"])
    panel.build(store, index, KNOWN, place / "work" / "panels")
    return place


def gathered(folder: Path, intervention: str, **changed: object) -> Evidence:
    store = small_county.store.open(folder / "work" / "store")
    one = KNOWN.interventions[intervention].model_copy(update=changed)
    work = folder / "work"
    return evidence.gather(store, work / "panels", work / "memberships", one, KNOWN, 1)


@pytest.fixture(scope="module")
def cohort(folder: Path) -> Cohort:
    found = gathered(folder, "heavy_user_coaching").by_outcome["emergency_contacts"]
    assert isinstance(found, Cohort)
    return found


def row(cohort: Cohort, person: int, month: int) -> int:
    return int(np.flatnonzero((cohort.person == person) & (cohort.index_month == month))[0])


def test_comparison_persons_have_the_same_index_month_and_use(cohort: Cohort) -> None:
    rows = set(zip(cohort.person.tolist(), cohort.index_month.tolist(), cohort.enrolled.tolist()))
    assert rows == {
        (0, MARCH, True),
        (1, MARCH, False),
        (3, MARCH, False),
        (4, MARCH, False),
        (4, JUNE, True),
        (1, JUNE, False),
    }
    assert cohort.asked == 2


def test_the_follow_up_is_the_twelve_months_after_the_index_month(cohort: Cohort) -> None:
    enrolled = row(cohort, 0, MARCH)
    assert cohort.events[enrolled] == 2  # May 2021 and February 2022; not in March 2021 nor April 2022
    assert cohort.person_years[enrolled] == pytest.approx(365 / 365.25)
    assert cohort.before_events[enrolled] == 2
    assert cohort.before_person_years[enrolled] == pytest.approx(365 / 365.25)


def test_death_ends_the_follow_up(cohort: Cohort) -> None:
    dead = row(cohort, 3, MARCH)
    assert cohort.person_years[dead] == pytest.approx((30 + 31 + 15) / 365.25)
    assert cohort.events[dead] == 1


def test_quarters_are_counted_from_the_index_month(cohort: Cohort) -> None:
    enrolled = row(cohort, 0, MARCH)
    events = dict(zip(cohort.quarter.tolist(), cohort.quarter_events[enrolled].tolist()))
    assert {quarter for quarter, n in events.items() if n} == {-4, -2, 0, 3}
    assert cohort.quarter_person_years[enrolled, -1] == pytest.approx(90 / 365.25)


def test_later_enrolment_of_a_comparison_person_is_told(cohort: Cohort) -> None:
    """Person 4 was enrolled in June: nine of twelve months of one of the four comparison rows."""
    assert cohort.later_enrolled == pytest.approx(9 / 12 / 4)


def test_only_statuses_that_may_be_used_are_covariates(cohort: Cohort) -> None:
    values = dict(zip(cohort.names, cohort.covariates.T))
    assert values["status_home_care"][row(cohort, 1, MARCH)] == 1
    assert "status_unemployed" not in values
    assert values["age"][row(cohort, 0, MARCH)] == pytest.approx(61, abs=0.2)
    assert values["outcome_q2"][row(cohort, 0, MARCH)] == pytest.approx(np.log1p(1))


def test_other_outcomes_have_the_same_rows(folder: Path) -> None:
    found = gathered(folder, "heavy_user_coaching").by_outcome
    outcomes = {"emergency_contacts", "primary_care_contacts", NEGATIVE_CONTROL}
    assert set(found) == outcomes | {SERVICE_COST, SERVICE_MINUTES}
    primary = found["primary_care_contacts"]
    assert isinstance(primary, Cohort)
    assert primary.events.sum() == 0
    assert len(primary.person) == 6


def test_costs_and_minutes_of_persons_are_of_all_services(folder: Path, cohort: Cohort) -> None:
    found = gathered(folder, "heavy_user_coaching").by_outcome
    for name, each in ((SERVICE_COST, "unit_cost_eur"), (SERVICE_MINUTES, "minutes_per_contact")):
        one = found[name]
        assert isinstance(one, Cohort)
        np.testing.assert_allclose(one.events, cohort.events * getattr(KNOWN.services["emergency"], each))
        np.testing.assert_array_equal(one.covariates, cohort.covariates)


def cohort_of(folder: Path, measure: dict[str, object], **changed: object) -> Cohort:
    primary = Outcome.model_validate(
        {"id": "measured", "label": {"fi": "x", "sv": "x", "en": "x"}, "measure": measure, "better": "fewer"}
    )
    found = gathered(folder, "heavy_user_coaching", primary_outcome=primary, **changed).by_outcome["measured"]
    assert isinstance(found, Cohort)
    return found


def test_bed_days_of_persons_by_hand(folder: Path) -> None:
    """Person 4's two days before March 2021 put them in another cell than person 0; person 3 had none."""
    found = cohort_of(folder, {"kind": "bed_days"})
    assert found.events[row(found, 0, MARCH)] == 5
    assert found.events.sum() == 5
    assert (4, MARCH) not in set(zip(found.person.tolist(), found.index_month.tolist()))
    assert found.covariates[row(found, 0, MARCH), found.names.index("outcome_q1")] == 0


def test_means_of_persons_are_of_those_who_were_measured(folder: Path) -> None:
    found = cohort_of(folder, {"kind": "measurement", "measure": "hba1c_mmol_mol"})
    enrolled, other = row(found, 0, MARCH), row(found, 1, MARCH)
    assert set(zip(found.person.tolist(), found.index_month.tolist())) == {(0, MARCH), (1, MARCH)}
    assert (found.events[enrolled], found.person_years[enrolled]) == (102, 2)
    assert (found.before_events[enrolled], found.before_person_years[enrolled]) == (60, 1)
    assert (found.events[other], found.before_person_years[other]) == (70, 0)
    values = dict(zip(found.names, found.covariates.T))
    average = (60 + 70) / 2  # of the rows that are known, also those of June, stands for the other person's
    assert values["outcome_measured_1y"][[enrolled, other]].tolist() == [60, average]
    assert values["outcome_measured_known"][[enrolled, other]].tolist() == [1, 0]
    assert found.population == {}


def test_the_follow_up_begins_after_the_washout(folder: Path) -> None:
    """June 2021 to May 2022: not the contact of May 2021, but those of February and April 2022."""
    found = gathered(folder, "heavy_user_coaching", washout_months=2).by_outcome["emergency_contacts"]
    assert isinstance(found, Cohort)
    enrolled = row(found, 0, MARCH)
    assert found.events[enrolled] == 2
    assert found.quarter_events[enrolled, -4:].tolist() == [0, 0, 1, 1]
    assert found.person_years[enrolled] == pytest.approx(365 / 365.25)
    assert found.washout_months == 2
    assert found.person_years[row(found, 3, MARCH)] == pytest.approx(15 / 365.25)  # dies on 15 June


def test_nothing_after_the_last_decision_month_is_looked_at(folder: Path, cohort: Cohort) -> None:
    agreed = {"decision_months": (month_index(2021, 12),)}
    found = gathered(folder, "heavy_user_coaching", **agreed).by_outcome["emergency_contacts"]
    assert isinstance(found, Cohort)
    enrolled = row(found, 0, MARCH)
    assert found.person_years[enrolled] == pytest.approx(275 / 365.25)  # April to December
    assert found.events[enrolled] < cohort.events[row(cohort, 0, MARCH)]
    areas = gathered(folder, "team_model", starts={"111": MARCH}, **agreed).by_outcome["emergency_contacts"]
    assert isinstance(areas, AreaPanel)
    assert areas.months[-1] == month_index(2021, 12)
    assert areas.counts.shape == areas.persons.shape == (len(areas.areas), len(areas.months))


def test_persons_whom_the_intervention_may_have_reached_are_marked(folder: Path, cohort: Cohort) -> None:
    found = gathered(folder, "heavy_user_coaching", spillover_exclusions=("111",)).by_outcome["emergency_contacts"]
    assert isinstance(found, Cohort)
    marked = set(zip(found.person[found.reached].tolist(), found.index_month[found.reached].tolist()))
    assert marked == {(3, MARCH), (4, MARCH)}
    assert not cohort.reached.any()


def test_nobody_enrolled_and_no_group_say_so(folder: Path) -> None:
    assert gathered(folder, "heavy_user_coaching", id="unknown").missing == evidence.NO_ENROLMENTS
    assert gathered(folder, "outreach_elderly").missing == evidence.NO_GROUP


def test_area_panel_counts_by_municipality_and_month(folder: Path) -> None:
    starts = {"111": MARCH}
    found = gathered(folder, "team_model", starts=starts).by_outcome["emergency_contacts"]
    assert isinstance(found, AreaPanel)
    heinola, lahti = found.areas.index("111"), found.areas.index("398")
    november = int(np.flatnonzero(found.months == month_index(2020, 11))[0])
    assert found.counts[heinola, november] == 2
    assert found.counts[lahti, november] == 2
    assert found.starts[heinola] == MARCH
    assert found.starts[lahti] == NEVER
    lived = found.person_years.sum()  # weighted by age and sex
    assert lived == pytest.approx(15 + 4 + 2 + 166 / 365.25, rel=0.2)


def test_standardised_person_years_follow_the_strata() -> None:
    """Two strata with rates 0.1 and 0.3 (mean 0.2): a person-year of the first counts half, of the second
    1.5."""
    keys = {"municipality": ["111", "398"], "month": [5, 5]}
    places = pd.DataFrame({**keys, "service": "emergency", "covered": True})
    time = pd.DataFrame({**keys, "age_band": ["0–6", "85+"], "sex": "female", "member_py": [1e6, 1e6]})
    counts = time[["municipality", "month", "age_band", "sex"]].assign(
        service="emergency", contacts=[1e5, 3e5], persons=1
    )
    bands, areas = ("0–6", "85+"), ("111", "398")
    one_month = panel.Panel(
        "all",
        ("emergency",),
        areas,
        bands,
        ("female",),
        5,
        5,
        5,
        counts,
        counts,
        time,
        places,
        counts,
        (),
        AS_OF,
    )
    found = area_outcomes.weighted_person_years(one_month, ["emergency"], counts.assign(value=counts["contacts"]))
    assert found["111"].iloc[0] == pytest.approx(0.5e6, rel=1e-4)
    assert found["398"].iloc[0] == pytest.approx(1.5e6, rel=1e-4)


def test_a_municipality_that_the_register_does_not_hold_is_a_gap(tmp_path: Path) -> None:
    months = pd.date_range("2019-01-01", "2022-12-01", freq="MS")
    coverage = pd.DataFrame({"municipality": "111", "service": "emergency", "month": months, "status": "complete"})
    coverage.loc[coverage["month"] < "2020-01-01", "status"] = "none"
    store = small_county.build_store(tmp_path, AS_OF, persons=persons(), contacts=contacts(), coverage=coverage)
    index = groups.build(store, KNOWN, tmp_path / "work" / "memberships", ["all"])
    panel.build(store, index, KNOWN, tmp_path / "work" / "panels")
    found = gathered(tmp_path, "team_model", starts={"111": MARCH}).by_outcome["emergency_contacts"]
    assert isinstance(found, AreaPanel)
    heinola = found.counts[found.areas.index("111")]
    assert np.isnan(heinola[found.months < month_index(2020, 1)]).all()
    assert not np.isnan(heinola[found.months >= month_index(2020, 1)]).any()
    assert replace(found).without(0).areas == found.areas[1:]


def test_an_intervention_that_only_enrolments_name_has_stated_defaults(folder: Path) -> None:
    known = effectiveness.known(KNOWN, small_county.store.open(folder / "work" / "store"))
    assert "other_thing" in known
    assert set(known) <= {*KNOWN.interventions, "other_thing"}
    strange = known["other_thing"]
    assert (strange.target_group, strange.primary_outcome.better, strange.selected_on) == ("all", "fewer", "need")
    assert strange.smallest_important_effect == registered.DEFAULT_SMALLEST


def test_only_interventions_that_the_source_can_tell_of_are_known(folder: Path) -> None:
    own = small_county.store.open(folder / "work" / "store")
    synthetic = replace(own, manifest={**own.manifest, "synthetic": True})
    early = replace(synthetic, manifest={**synthetic.manifest, "last_month": month_index(2022, 9)})
    assert "team_model" not in effectiveness.known(KNOWN, own)
    assert "team_model" in effectiveness.known(KNOWN, synthetic)
    assert "team_model" not in effectiveness.known(KNOWN, early)
    assert "heavy_user_coaching" in effectiveness.known(KNOWN, own)
    assert "outreach_elderly" not in effectiveness.known(KNOWN, own)
