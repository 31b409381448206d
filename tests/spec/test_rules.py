"""The rule language as a specification: one hand-worked history per word, in the months 2020-01 … 2021-12."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from ennakointi import rules
from ennakointi.periods import day_number, month_index, month_of, month_text

FIRST = month_index(2020, 1)
MONTHS = 24
SERVICES = {"primary_care": "health", "emergency": "health", "home_care": "social", "outreach": "social"}
EVENT = {
    "contacts": "started",
    "diagnoses": "recorded",
    "medicines": "dispensed",
    "requests": "requested",
    "referrals": "received",
    "plans": "made",
    "measurements": "measured",
    "statuses": "start",
    "enrolments": "enrolled",
}
PERSON = {"birth": "1950-06-15", "sex": "female", "municipality": "398"}


def day(text: str) -> int:
    return day_number(date.fromisoformat(text))


def frame(table: str, rows: list[dict]) -> pd.DataFrame:
    """Rows of person 0 with ISO dates as a table of the store."""
    made = []
    for row in rows:
        dates = {f"{key}_day": day(value) for key, value in row.items() if _is_date(value)}
        codes = {key: value for key, value in row.items() if not _is_date(value)}
        event = date.fromisoformat(row[EVENT[table]])
        made.append({"person": 0, **codes, **dates, "month": month_of(event)})
    return pd.DataFrame(made)


def _is_date(value: object) -> bool:
    return isinstance(value, str) and len(value) == 10 and value[4] == "-"


def history(person: dict | None = None, **tables: list[dict]) -> rules.FrameHistory:
    about = {**PERSON, **(person or {})}
    born = date.fromisoformat(about["birth"])
    persons = pd.DataFrame(
        [
            {
                "birth_month": month_of(born) + (born.day > 1),
                "birth_day": day(about["birth"]),
                "sex": about["sex"],
                "municipality": about["municipality"],
                **{f"{key}_day": day(about[key]) for key in ("resident_from", "resident_to", "death") if key in about},
            }
        ]
    )
    frames = {"persons": persons, **{name: frame(name, rows) for name, rows in tables.items()}}
    return rules.FrameHistory(frames, 1, FIRST, MONTHS)


def members(rule: object, about: rules.FrameHistory, **groups: object) -> list[str]:
    """Months in which person 0 meets the rule, as text."""
    bound, faults = rules.bind(
        {"tested": rules.parse(rule), **{k: rules.parse(v) for k, v in groups.items()}}, SERVICES
    )
    assert not faults
    found = rules.evaluate(bound["tested"], about)
    assert found.shape == (1, MONTHS)
    return [month_text(FIRST + i) for i in range(MONTHS) if found[0, i]]


def span(first: str, last: str) -> list[str]:
    low, high = (month_index(int(t[:4]), int(t[5:])) for t in (first, last))
    return [month_text(m) for m in range(low, high + 1)]


ALL_MONTHS = span("2020-01", "2021-12")


def contact(started: str, service: str = "primary_care", mode: str = "in_person", **more: object) -> dict:
    return {"started": started, "service": service, "mode": mode, "attendance": None, **more}


def test_everyone_is_every_resident():
    assert members({"everyone": True}, history()) == ALL_MONTHS


@pytest.mark.parametrize(
    ("person", "months"),
    [
        ({"resident_from": "2020-05-31"}, span("2020-05", "2021-12")),
        ({"resident_to": "2020-03-01"}, span("2020-01", "2020-03")),
        ({"death": "2020-02-29"}, span("2020-01", "2020-02")),
        ({"birth": "2021-11-20"}, span("2021-11", "2021-12")),
        ({"resident_from": "2020-04-02", "resident_to": "2020-04-03"}, ["2020-04"]),
    ],
)
def test_nobody_is_a_member_while_not_a_resident(person, months):
    assert members({"everyone": True}, history(person)) == months


@pytest.mark.parametrize(
    ("born", "months"),
    [
        ("2002-03-01", span("2020-03", "2021-02")),  # 18 on the first day of March
        ("2002-03-02", span("2020-04", "2021-03")),  # still 17 on that day
        ("2002-03-31", span("2020-04", "2021-03")),
    ],
)
def test_age_is_in_whole_years_on_the_first_day(born, months):
    assert members({"age": [18, 18]}, history({"birth": born})) == months


def test_age_may_be_open_at_either_end():
    person = history({"birth": "1945-07-01"})
    assert members({"age": [75, None]}, person) == span("2020-07", "2021-12")
    assert members({"age": [None, 74]}, person) == span("2020-01", "2020-06")


def test_sex_and_municipality_take_one_code_or_several():
    assert members({"sex": "female"}, history()) == ALL_MONTHS
    assert members({"sex": ["male", "other"]}, history()) == []
    assert members({"municipality": ["398", "111"]}, history()) == ALL_MONTHS
    assert members({"municipality": ["111"]}, history()) == []


def test_a_window_covers_the_months_before_and_never_the_month_itself():
    person = history(contacts=[contact("2020-05-10")])
    assert members({"contact": {"within_months": 3}}, person) == span("2020-06", "2020-08")
    assert members({"contact": {}}, person) == span("2020-06", "2021-05")


def test_at_least_counts_events_in_the_window():
    person = history(contacts=[contact("2020-03-01"), contact("2020-05-01"), contact("2020-05-31")])
    assert members({"contact": {"within_months": 3, "at_least": 2}}, person) == span("2020-06", "2020-08")
    assert members({"contact": {"within_months": 3, "at_least": 3}}, person) == ["2020-06"]


def test_contacts_count_when_they_took_place_with_the_client():
    person = history(
        contacts=[
            contact("2020-02-01", attendance="cancelled_client"),
            contact("2020-04-01", mode="administrative"),
            contact("2020-06-01", mode="professional"),
            contact("2020-08-01", attendance="attended"),
        ]
    )
    assert members({"contact": {"within_months": 1}}, person) == ["2020-09"]
    assert members({"contact": {"within_months": 1, "mode": "administrative"}}, person) == ["2020-05"]
    missed = {"contact": {"within_months": 1, "attendance": ["cancelled_client", "no_show"]}}
    assert members(missed, person) == ["2020-03"]


def test_contacts_are_filtered_by_every_condition_at_once():
    person = history(
        contacts=[
            contact("2020-02-01", profession="nurse", specialty="98", nature="curative", urgency="urgent"),
            contact("2020-04-01", profession="physician", specialty="70", nature="planned", urgency="non_urgent"),
        ]
    )
    physician = {"profession": "physician", "within_months": 1}
    assert members({"contact": physician}, person) == ["2020-05"]
    assert members({"contact": {**physician, "nature": "curative"}}, person) == []
    assert members({"contact": {"specialty": ["70", "75"], "urgency": "non_urgent"}}, person)[0] == "2020-05"


def test_a_sector_stands_for_its_services():
    person = history(contacts=[contact("2020-02-01", "home_care"), contact("2020-06-01", "emergency")])
    assert members({"contact": {"sector": "social", "within_months": 1}}, person) == ["2020-03"]
    assert members({"contact": {"sector": "health", "within_months": 1}}, person) == ["2020-07"]
    both = {"sector": "health", "service": ["home_care", "emergency"], "within_months": 1}
    assert members({"contact": both}, person) == ["2020-07"]


def test_distinct_services_count_a_service_once():
    person = history(
        contacts=[
            contact("2020-01-05"),
            contact("2020-01-20"),
            contact("2020-02-01", "emergency"),
            contact("2020-03-01", "home_care"),
        ]
    )
    assert members({"distinct_services": {"at_least": 2, "within_months": 2}}, person) == [
        "2020-03",
        "2020-04",
    ]
    assert members({"distinct_services": {"at_least": 3, "within_months": 3}}, person) == ["2020-04"]
    social = {"distinct_services": {"at_least": 1, "sector": "social", "within_months": 1}}
    assert members(social, person) == ["2020-04"]


def test_fewer_contacts_than_in_the_reference_months():
    # Six contacts in three reference months are two a month; a window of two months needs four to equal that.
    reference = [contact(f"2020-0{m}-{d}") for m in (1, 2, 3) for d in ("01", "20")]
    later = [contact(f"2020-06-0{d}") for d in (1, 2, 3, 4)]
    rule = {"fewer_contacts": {"reference_from": "2020-01", "reference_to": "2020-03", "within_months": 2}}
    told = [m for m in members(rule, history(contacts=reference + later)) if m >= "2020-06"]
    assert told == ["2020-06", *span("2020-09", "2021-12")]  # July and August see the four of June
    assert members(rule, history(contacts=later)) == []  # no contact in the reference: nothing to fall from


@pytest.mark.parametrize(
    ("wanted", "hit"),
    [
        (["F32"], True),
        (["F32.1"], True),
        (["F20-F48"], True),
        (["F33"], False),
        (["F40-F48"], False),
        (["F32.10"], False),
        (["I10", "F3"], "fault"),
    ],
)
def test_diagnoses_match_by_prefix_and_range(wanted, hit):
    person = history(diagnoses=[{"recorded": "2020-02-10", "code": "F32.1", "system": "icd10"}])
    rule = {"diagnosis": {"icd10": wanted, "within_months": 2}}
    if hit == "fault":
        with pytest.raises(ValueError, match="'F3' is not a code"):
            rules.parse(rule)
        return
    assert members(rule, person) == (["2020-03", "2020-04"] if hit else [])


def test_the_same_letters_mean_other_things_in_the_other_classification():
    person = history(diagnoses=[{"recorded": "2020-02-10", "code": "R74", "system": "icpc2"}])
    assert members({"diagnosis": {"icd10": ["R00-R99"]}}, person) == []
    assert members({"diagnosis": {"icpc2": ["R74"], "within_months": 1}}, person) == ["2020-03"]


def test_a_diagnosis_in_both_tables_counts_once():
    coded = {"diagnosis": "P03", "diagnosis_system": "icpc2"}
    person = history(
        contacts=[
            contact("2020-02-10", **coded),
            contact("2020-06-10", **coded),
            contact("2020-06-11", **coded),
        ],
        diagnoses=[{"recorded": "2020-02-10", "code": "P03", "system": "icpc2"}],
    )
    assert members({"diagnosis": {"icpc2": ["P01-P29"], "within_months": 1}}, person) == [
        "2020-03",
        "2020-07",
    ]
    twice = {"diagnosis": {"icpc2": ["P01-P29"], "within_months": 1, "at_least": 2}}
    assert members(twice, person) == ["2020-07"]


def test_codes_of_both_classifications_add_up():
    rows = [
        {"recorded": "2020-02-10", "code": "P03", "system": "icpc2"},
        {"recorded": "2020-02-11", "code": "Z73", "system": "icd10"},
    ]
    rule = {"diagnosis": {"icpc2": ["P03"], "icd10": ["Z73"], "within_months": 1, "at_least": 2}}
    assert members(rule, history(diagnoses=rows)) == ["2020-03"]


def test_medicines_match_by_atc_prefix():
    person = history(medicines=[{"dispensed": "2020-02-10", "atc": "N06AB04"}])
    assert members({"medicine": {"atc": ["N06A"], "within_months": 1}}, person) == ["2020-03"]
    assert members({"medicine": {"atc": ["N05"]}}, person) == []


def test_requests_and_plans():
    person = history(
        requests=[{"requested": "2020-02-10", "channel": "chat", "service": "primary_care", "outcome": "booked"}],
        plans=[{"made": "2020-05-10", "kind": "service_plan"}],
    )
    assert members({"request": {"channel": ["chat", "web"], "within_months": 1}}, person) == ["2020-03"]
    assert members({"request": {"outcome": "abandoned"}}, person) == []
    assert members({"plan": {"within_months": 1}}, person) == ["2020-06"]


def test_measurements_lie_between_inclusive_limits():
    rows = [
        {"measured": f"2020-0{m}-10", "measure": "hba1c_mmol_mol", "value": v}
        for m, v in ((1, 41.9), (3, 42.0), (5, 47.0), (7, 47.1))
    ]
    rule = {"measurement": {"measure": "hba1c_mmol_mol", "minimum": 42, "maximum": 47, "within_months": 1}}
    assert members(rule, history(measurements=rows)) == ["2020-04", "2020-06"]
    high = {"measurement": {"measure": "hba1c_mmol_mol", "minimum": 47.1, "within_months": 1}}
    assert members(high, history(measurements=rows)) == ["2020-08"]


def status(start: str, end: str | None = None, status: str = "unemployed", controller: str | None = "county") -> dict:
    return {"start": start, "status": status, "controller": controller, **({"end": end} if end else {})}


def test_a_status_is_tested_on_the_first_day():
    person = history(statuses=[status("2020-02-02", "2020-05-01")])
    assert members({"status": "unemployed"}, person) == span("2020-03", "2020-05")
    assert members({"status": {"status": ["student", "unemployed"]}}, person) == span("2020-03", "2020-05")
    assert members({"status": "student"}, person) == []


def test_an_open_status_lasts():
    assert members({"status": "unemployed"}, history(statuses=[status("2021-11-01")])) == span("2021-11", "2021-12")


def test_a_status_is_the_countys_own_unless_a_controller_is_named():
    person = history(statuses=[status("2020-02-01", "2020-02-28", controller="employment")])
    assert members({"status": "unemployed"}, person) == []
    assert members({"status": {"status": "unemployed", "controller": "employment"}}, person) == ["2020-02"]
    unnamed = history(statuses=[status("2020-02-01", "2020-02-28", controller=None)])
    assert members({"status": "unemployed"}, unnamed) == ["2020-02"]
    assert members({"status": {"status": "unemployed", "controller": "kela"}}, unnamed) == []


def test_minimum_months_run_on_through_spells_without_a_day_between():
    rule = {"status": {"status": "unemployed", "minimum_months": 3}}
    joined = history(statuses=[status("2020-01-15", "2020-03-31"), status("2020-04-01", "2020-07-01")])
    assert members(rule, joined) == span("2020-05", "2020-07")  # three months from 15 January: first day of May
    apart = history(statuses=[status("2020-01-15", "2020-03-31"), status("2020-04-02", "2020-07-01")])
    assert members(rule, apart) == []


def test_overlapping_spells_are_one():
    rows = [
        status("2020-01-01", "2020-12-31"),
        status("2020-02-01", "2020-03-01"),
        status("2020-12-01", "2021-02-01"),
    ]
    rule = {"status": {"status": "unemployed", "minimum_months": 12}}
    assert members(rule, history(statuses=rows)) == ["2021-01", "2021-02"]


def test_an_enrolment_is_tested_on_the_first_day():
    rows = [{"enrolled": "2020-02-10", "ended": "2020-04-01", "intervention": "team_model"}]
    assert members({"enrolment": ["team_model"]}, history(enrolments=rows)) == ["2020-03", "2020-04"]


def referral(received: str, **more: str) -> dict:
    return {"received": received, "service": "specialised_outpatient", "specialty": None, **more}


def wait(**more: object) -> dict:
    return {"referral": {"service": "specialised_outpatient", "longer_than_days": 31, **more}}


def members_waiting(rule: dict, **row: str) -> list[str]:
    services = {**SERVICES, "specialised_outpatient": "health"}
    bound, _ = rules.bind({"tested": rules.parse(rule)}, services)
    rows = frame("referrals", [referral(**row)])
    for column in (
        "assessment_started_day",
        "assessed_day",
        "need_ascertained_day",
        "started_day",
        "closed_day",
    ):
        rows[column] = rows.get(column, pd.Series([None])).astype("Int64")
    about = history()
    found = rules.evaluate(bound["tested"], rules.FrameHistory({**about.frames, "referrals": rows}, 1, FIRST, MONTHS))
    return [month_text(FIRST + i) for i in range(MONTHS) if found[0, i]]


def test_a_wait_over_the_limit_holds_until_care_starts():
    # Received on 1 January: day 31 is 1 February, so the limit of 31 days is passed on 2 February.
    assert members_waiting(wait(), received="2020-01-01", started="2020-04-01") == ["2020-03", "2020-04"]
    assert members_waiting(wait(), received="2020-01-01", started="2020-02-01") == []
    assert members_waiting(wait(), received="2020-01-01", closed="2020-03-15") == ["2020-03"]
    assert members_waiting(wait(), received="2021-10-15") == ["2021-12"]


def test_a_wait_that_ended_after_the_limit_is_remembered():
    rule = wait(within_months=2)
    assert members_waiting(rule, received="2020-01-01", started="2020-03-10") == [
        "2020-03",
        "2020-04",
        "2020-05",
    ]


def test_a_wait_runs_between_the_steps_that_are_named():
    rule = wait(wait_to="assessment_started")
    assert members_waiting(rule, received="2020-01-01", assessment_started="2020-03-01") == ["2020-03"]
    rule = wait(wait_from="need_ascertained", wait_to="started")
    dates = {"received": "2020-01-01", "need_ascertained": "2020-05-01", "started": "2020-07-01"}
    assert members_waiting(rule, **dates) == ["2020-07"]
    assert members_waiting(rule, received="2020-01-01") == []  # the step has not come: no wait to measure


def test_any_all_not_and_at_least():
    person = history(
        {"birth": "1945-07-01"}, contacts=[contact("2020-08-10")], plans=[{"made": "2020-11-01", "kind": "x"}]
    )
    old, seen, plan = {"age": [75, None]}, {"contact": {"within_months": 2}}, {"plan": {"within_months": 2}}
    assert members({"all": [old, seen]}, person) == span("2020-09", "2020-10")
    assert members({"any": [seen, plan]}, person) == ["2020-09", "2020-10", "2020-12", "2021-01"]
    assert members({"not": old}, person) == span("2020-01", "2020-06")
    assert members({"at_least": {"count": 2, "of": [old, seen, plan]}}, person) == [
        "2020-09",
        "2020-10",
        "2020-12",
        "2021-01",
    ]


def test_a_group_stands_for_its_rule_and_not_keeps_to_residents():
    person = history({"birth": "1945-07-01", "death": "2021-03-10"})
    assert members({"group": "old"}, person, old={"age": [75, None]}) == span("2020-07", "2021-03")
    assert members({"not": {"group": "old"}}, person, old={"age": [76, None]}) == span("2020-01", "2021-03")
