"""Outcomes of every kind on a county of four persons, counted by hand."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import small_county

from ennakointi import groups, panel, store
from ennakointi.causal.areas import NEVER, AreaPanel
from ennakointi.effectiveness import evidence, outcome_months
from ennakointi.effectiveness.evidence import Evidence
from ennakointi.effectiveness.outcome_months import Reading, Weighted
from ennakointi.parameters.effect_documents import SERVICE_COST, SERVICE_MINUTES, Intervention, NegativeControl, Outcome
from ennakointi.periods import month_index

pytestmark = pytest.mark.xdist_group("outcome_months")  # its fixture is dear: one worker makes it once

AS_OF = date(2020, 12, 31)
JANUARY, FEBRUARY, MARCH, LAST = (month_index(*at) for at in ((2019, 1), (2019, 2), (2019, 3), (2020, 12)))
KNOWN = small_county.parameters()
LABEL = {"fi": "x", "sv": "x", "en": "x"}

CONTACTS = pd.DataFrame(
    [  # person, day, service, mode, profession, attendance, unit, euros
        (0, "2019-01-10", "primary_care", "in_person", "physician", "attended", "north", 100.0),
        (0, "2019-01-20", "primary_care", "phone", "nurse", "attended", "north", None),
        (0, "2019-02-05", "primary_care", "in_person", "nurse", "no_show", "north", None),
        (1, "2019-02-07", "emergency", "in_person", "physician", "attended", "south", 300.0),
        (2, "2019-02-09", "primary_care", "administrative", "nurse", "attended", "south", 50.0),
        (2, "2019-03-03", "primary_care", "in_person", "physician", None, "south", 80.0),
        (3, "2019-03-04", "primary_care", "in_person", "physician", "attended", "south", 60.0),
        (0, "2020-12-15", "primary_care", "in_person", "physician", "attended", "north", 100.0),
    ],
    columns=["person", "day", "service", "mode", "profession", "attendance", "unit", "cost_eur"],
)
STAYS = pd.DataFrame(
    [  # ward care stands in the stays alone: three days over two months, one day, and one that has not ended
        (0, "2019-01-30", "2019-02-02", 900.0),
        (1, "2019-02-10", "2019-02-10", None),
        (2, "2020-12-30", None, None),
    ],
    columns=["person", "admitted", "discharged", "cost_eur"],
)
REFERRALS = pd.DataFrame(
    [
        (0, "2019-01-10", "2019-02-09", "oral_health"),  # 30 days
        (1, "2019-01-01", "2019-02-20", "oral_health"),  # 50 days
        (2, "2019-02-01", None, "oral_health"),
        (2, "2019-02-01", "2019-03-01", "physiotherapy"),  # 28 days
    ],
    columns=["person", "received", "started", "service"],
)
MEASURED = pd.DataFrame(
    [(0, "2019-01-05", 60.0), (0, "2019-01-25", 50.0), (1, "2019-02-01", 40.0)], columns=["person", "day", "value"]
)


def _persons() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "person_id": [f"p{i}" for i in range(4)],
            "birth_date": [date(1960, 1, 1 + i) for i in range(4)],
            "sex": ["female", "male", "female", "male"],
            "municipality": ["398", "398", "111", "111"],
            "resident_from": [date(1990, 1, 1)] * 4,
            "non_disclosure": [False, False, False, True],
        }
    )


def _id(frame: pd.DataFrame) -> list[str]:
    return [f"p{i}" for i in frame["person"]]


def _day(days: pd.Series) -> pd.Series:
    return pd.to_datetime(days) + pd.Timedelta(hours=9)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared quarter of four persons; nobody's emergency contacts are enrolled in anything."""
    place = tmp_path_factory.mktemp("outcomes")
    contacts = CONTACTS.drop(columns=["person", "day"]).assign(
        contact_id=[f"c{i}" for i in range(len(CONTACTS))], person_id=_id(CONTACTS), started_at=_day(CONTACTS["day"])
    )
    stays = pd.DataFrame(
        {
            "stay_id": [f"s{i}" for i in range(len(STAYS))],
            "person_id": _id(STAYS),
            "service": "ward_care",
            "unit": "ward",
            "admitted_at": _day(STAYS["admitted"]),
            "discharged_at": _day(STAYS["discharged"]),
            "cost_eur": STAYS["cost_eur"],
        }
    )
    referrals = pd.DataFrame(
        {
            "referral_id": [f"r{i}" for i in range(len(REFERRALS))],
            "person_id": _id(REFERRALS),
            "service": REFERRALS["service"],
            "received_on": pd.to_datetime(REFERRALS["received"]).dt.date,
            "started_on": pd.to_datetime(REFERRALS["started"]).dt.date,
        }
    )
    measurements = pd.DataFrame(
        {
            "person_id": _id(MEASURED),
            "measured_on": pd.to_datetime(MEASURED["day"]).dt.date,
            "measure": "hba1c_mmol_mol",
            "value": MEASURED["value"],
        }
    )
    tables = {"contacts": contacts, "stays": stays, "referrals": referrals, "measurements": measurements}
    built = small_county.build_store(place, AS_OF, persons=_persons(), **tables)
    index = groups.build(built, KNOWN, place / "work" / "memberships", ["all"])
    panel.build(built, index, KNOWN, place / "work" / "panels")
    return place


@pytest.fixture(scope="module")
def reading(folder: Path) -> Reading:
    opened = store.open(folder / "work" / "store")
    return Reading(opened, folder / "work" / "panels" / "person_months", KNOWN.services, LAST)


def outcome(**measure: object) -> Outcome:
    given = {"id": "measured", "label": LABEL, "measure": measure, "better": "fewer"}
    return Outcome.model_validate(given)


def counted(reading: Reading, **measure: object) -> dict[tuple[int, int], tuple[float, ...]]:
    """(person, month) → numerator, or numerator and denominator, of every bucket together."""
    found = {}
    for bucket in range(16):
        rows = outcome_months.of_bucket(reading, bucket, outcome(**measure).measure).added()
        below = [] if rows.denominator is None else [rows.denominator.tolist()]
        person = (rows.person * 16 + bucket).tolist()
        found |= dict(zip(zip(person, rows.month.tolist()), zip(rows.numerator.tolist(), *below)))
    return found


def test_contacts_of_services_are_those_that_took_place_with_the_client(reading: Reading) -> None:
    expected = {(0, JANUARY): (2,), (2, MARCH): (1,), (3, MARCH): (1,), (0, LAST): (1,)}
    assert counted(reading, kind="contacts", service="primary_care") == expected
    by_table = counted(reading, kind="contacts", service="primary_care", profession=["physician", "nurse"])
    assert by_table == expected


def test_contacts_are_filtered_in_the_words_of_the_rules(reading: Reading) -> None:
    assert counted(reading, kind="contacts", mode="phone") == {(0, JANUARY): (1,)}
    assert counted(reading, kind="contacts", profession="nurse") == {(0, JANUARY): (1,)}
    assert counted(reading, kind="contacts", attendance="no_show") == {(0, FEBRUARY): (1,)}
    assert counted(reading, kind="contacts", mode="administrative") == {(2, FEBRUARY): (1,)}
    assert counted(reading, kind="contacts", sector="social") == {}


def test_costs_are_recorded_or_at_the_unit_cost(reading: Reading) -> None:
    """A primary care contact without a cost is 65 euros; ward care stands in the stays alone: 300 euros a day for
    the first, 350 by unit cost for the others."""
    assert counted(reading, kind="cost", service="primary_care") == {
        (0, JANUARY): (165,),
        (2, MARCH): (80,),
        (3, MARCH): (60,),
        (0, LAST): (100,),
    }
    every = counted(reading, kind="cost")
    assert every[0, JANUARY] == (165 + 2 * 300,)
    assert every[0, FEBRUARY] == (300,)
    assert every[1, FEBRUARY] == (300 + 350,)
    assert every[2, LAST] == (2 * 350,)


def test_bed_days_stand_in_their_own_months(reading: Reading) -> None:
    expected = {(0, JANUARY): (2,), (0, FEBRUARY): (1,), (1, FEBRUARY): (1,), (2, LAST): (2,)}
    assert counted(reading, kind="bed_days") == expected
    assert counted(reading, kind="bed_days", service="specialised_inpatient") == {}


def test_waits_stand_in_the_month_in_which_care_began(reading: Reading) -> None:
    days = {(0, FEBRUARY): (30, 1), (1, FEBRUARY): (50, 1), (2, MARCH): (28, 1)}
    assert counted(reading, kind="wait_days") == days
    assert counted(reading, kind="wait_days", service="physiotherapy") == {(2, MARCH): (28, 1)}
    over = counted(reading, kind="waits_over", longer_than_days=30)
    assert over == {(0, FEBRUARY): (0, 1), (1, FEBRUARY): (1, 1), (2, MARCH): (0, 1)}


def test_measurements_are_averaged_or_within_limits(reading: Reading) -> None:
    assert counted(reading, kind="measurement", measure="hba1c_mmol_mol") == {
        (0, JANUARY): (110, 2),
        (1, FEBRUARY): (40, 1),
    }
    within = counted(reading, kind="measurement", measure="hba1c_mmol_mol", minimum=40, maximum=50)
    assert within == {(0, JANUARY): (1, 2), (1, FEBRUARY): (1, 1)}


def test_weights_turn_contacts_into_euros_or_minutes(reading: Reading) -> None:
    rows = outcome_months.of_bucket(reading, 0, Weighted({"primary_care": 65.0})).added()
    assert dict(zip(rows.month.tolist(), rows.numerator.tolist())) == {JANUARY: 130.0, LAST: 65.0}


@pytest.mark.parametrize(
    "measure",
    [
        {"kind": "contacts", "urgency": "urgent"},  # the column is not delivered
        {"kind": "measurement", "measure": "bmi"},
        {"kind": "wait_days", "wait_from": "decided"},
    ],
)
def test_what_the_data_do_not_hold_is_missing_and_not_zero(reading: Reading, measure: dict[str, object]) -> None:
    assert outcome_months.lacking(reading, outcome(**measure).measure) == outcome_months.NO_DATA


def test_what_the_data_hold_is_not_missing(reading: Reading) -> None:
    by_unit = Reading(reading.store, reading.person_months, reading.services, LAST, by_unit=True)
    for kind in ("contacts", "cost", "bed_days", "wait_days"):
        assert outcome_months.lacking(reading, outcome(kind=kind).measure) == ""
    assert outcome_months.lacking(by_unit, outcome(kind="contacts").measure) == ""
    measured = outcome(kind="measurement", measure="hba1c_mmol_mol").measure
    assert outcome_months.lacking(by_unit, measured) == outcome_months.NO_UNIT


def rolled_out(primary: Outcome, **changed: object) -> Intervention:
    """The team model with another outcome; Heinola (111) begins in March 2019."""
    control = NegativeControl.model_validate({"measure": {"kind": "contacts", "service": ["emergency"]}})
    given = {
        "starts": {"111": MARCH},
        "primary_outcome": primary,
        "secondary_outcomes": (),
        "negative_control": control,
    }
    return KNOWN.interventions["team_model"].model_copy(update={**given, **changed})


def gathered(folder: Path, one: Intervention) -> Evidence:
    work = folder / "work"
    return evidence.gather(store.open(work / "store"), work / "panels", work / "memberships", one, KNOWN, 1)


def of_primary(folder: Path, one: Intervention) -> AreaPanel:
    found = gathered(folder, one).by_outcome[one.primary_outcome.id]
    assert isinstance(found, AreaPanel)
    return found


def values(found: AreaPanel, area: str, rows: np.ndarray) -> dict[int, float]:
    """Months in which an area's row is not 0."""
    own = rows[found.areas.index(area)]
    return {int(month): value for month, value in zip(found.months, own.tolist()) if value}


def test_area_panels_of_filtered_contacts_leave_untold_municipalities_out(folder: Path) -> None:
    found = of_primary(folder, rolled_out(outcome(kind="contacts", profession="physician")))
    assert found.areas == ("111", "398")
    assert values(found, "111", found.counts) == {MARCH: 1}  # of two; the other person's municipality is not told
    assert values(found, "398", found.counts) == {JANUARY: 1, FEBRUARY: 1, LAST: 1}
    assert found.starts.tolist() == [MARCH, NEVER]
    assert found.person_years.sum() == pytest.approx(3 * 731 / 365.25, rel=0.2)  # three persons, weighted


def test_filtered_and_whole_services_give_the_same_panel(folder: Path) -> None:
    whole = of_primary(folder, rolled_out(outcome(kind="contacts", service="primary_care")))
    filtered = of_primary(
        folder, rolled_out(outcome(kind="contacts", service="primary_care", mode=["in_person", "phone"]))
    )
    for name in ("counts", "person_years", "persons"):
        np.testing.assert_allclose(getattr(whole, name), getattr(filtered, name))


def test_area_panels_of_means_have_their_own_denominator(folder: Path) -> None:
    found = of_primary(folder, rolled_out(outcome(kind="wait_days", service=["oral_health", "physiotherapy"])))
    assert values(found, "398", found.counts) == {FEBRUARY: 80}
    assert values(found, "398", found.person_years) == {FEBRUARY: 2}
    assert values(found, "398", found.persons) == {FEBRUARY: 2}
    assert values(found, "111", found.counts / np.maximum(found.person_years, 1)) == {MARCH: 28}


def test_costs_and_minutes_of_all_services_stand_beside_the_outcome(folder: Path) -> None:
    found = gathered(folder, rolled_out(outcome(kind="bed_days"))).by_outcome
    euros, minutes = found[SERVICE_COST], found[SERVICE_MINUTES]
    assert isinstance(euros, AreaPanel)
    assert isinstance(minutes, AreaPanel)
    unit_cost = KNOWN.services["emergency"].unit_cost_eur
    assert values(euros, "398", euros.counts) == {JANUARY: 2 * 65, FEBRUARY: unit_cost, LAST: 65}
    assert values(minutes, "398", minutes.counts)[JANUARY] == 2 * 20
    free = gathered(folder, rolled_out(outcome(kind="bed_days"), cost=None)).by_outcome
    assert set(free) == {"measured", "negative_control"}


def test_areas_that_the_intervention_may_reach_are_no_comparison(folder: Path) -> None:
    found = gathered(folder, rolled_out(outcome(kind="bed_days"), spillover_exclusions=("398",), washout_months=2))
    assert (found.excluded, found.washout) == (("398",), 2)
    assert {one.areas for one in found.by_outcome.values() if isinstance(one, AreaPanel)} == {("111",)}
    assert found.with_excluded is not None
    assert found.with_excluded.areas == ("111", "398")


def test_units_are_open_from_their_first_contact_to_their_last(folder: Path) -> None:
    found = of_primary(
        folder, rolled_out(outcome(kind="contacts"), rollout="unit", starts={"south": MARCH}, negative_control=None)
    )
    assert found.areas == ("north", "south")
    assert values(found, "north", found.counts) == {JANUARY: 2, LAST: 1}
    south = found.counts[1]
    assert south[:3].tolist()[1:] == [1, 2]  # the administrative contact is none; both persons of March count
    assert np.isnan(south[[0, *range(3, len(south))]]).all()
    assert found.person_years[1].sum() == 2
    assert found.starts.tolist() == [NEVER, MARCH]


def test_units_of_stays_have_their_own_codes(folder: Path) -> None:
    ward = rolled_out(outcome(kind="bed_days"), rollout="unit", starts={"ward": MARCH}, negative_control=None)
    found = of_primary(folder, ward)
    assert found.areas == ("ward",)
    assert values(found, "ward", found.counts) == {JANUARY: 2, FEBRUARY: 2, LAST: 2}
    assert values(found, "ward", found.persons) == {JANUARY: 1, FEBRUARY: 2, LAST: 1}


def test_a_unit_that_the_data_do_not_know_is_told(folder: Path) -> None:
    found = gathered(folder, rolled_out(outcome(kind="contacts"), rollout="unit", starts={"west": MARCH}))
    assert found.missing == evidence.NO_SUCH_UNIT
    assert found.by_outcome == {}


def test_a_county_is_the_sum_of_its_municipalities(folder: Path) -> None:
    whole = rolled_out(
        outcome(kind="bed_days"), rollout="county", starts={}, start=month_index(2021, 1), comparison="none"
    )
    found = of_primary(folder, whole)
    assert found.areas == ("county:09",)
    assert values(found, "county:09", found.counts) == {JANUARY: 2, FEBRUARY: 2, LAST: 2}


def test_a_missing_secondary_outcome_says_why(folder: Path) -> None:
    secondary = outcome(kind="measurement", measure="bmi").model_copy(update={"id": "bmi"})
    found = gathered(folder, rolled_out(outcome(kind="bed_days"), secondary_outcomes=(secondary,)))
    assert found.reasons == {"bmi": outcome_months.NO_DATA}
    assert "bmi" not in found.by_outcome
    assert found.missing == ""
