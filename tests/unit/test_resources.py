"""Contacts into staff, rooms, beds and euros: the arithmetic by hand, and its laws."""

from __future__ import annotations

import numpy as np
import pytest

from ennakointi import parameters
from ennakointi.forecast.need import resources
from ennakointi.parameters.documents import Service

LABEL = {"fi": "a", "sv": "a", "en": "a"}


def service(**given: object) -> Service:
    known = {"code": "a", "label": LABEL, "sector": "health", "level": "basic", "care_guarantee": None}
    usual = {"debt_kind": "care", "unit_cost_eur": 65, "minutes_per_contact": 20}
    return Service.model_validate({**known, **usual, **given})


def amount(contacts: float, resource: str, year: int = 2025, **given: object) -> float:
    return float(resources.amounts(np.array([contacts]), service(**given), year)[resource][0])


def test_minutes_become_person_years() -> None:
    """20 minutes × 68,400 = 22,800 hours = 20 person-years of 1,140 hours."""
    assert amount(68_400, "fte") == pytest.approx(20)
    assert amount(68_400, "fte", minutes_per_contact=40) == pytest.approx(40)
    assert amount(68_400, "fte", contact_hours_per_person_year=570) == pytest.approx(40)


def test_rooms_are_needed_only_where_a_room_holds_contacts() -> None:
    assert amount(1_004, "rooms", contacts_per_room_day=4) == pytest.approx(1)
    assert "rooms" not in resources.amounts(np.ones(1), service(), 2025)


def test_beds_follow_littles_law_over_the_planned_occupancy() -> None:
    """365.25 stays of 9 days a year are 9 patients at any time: 10 beds at 90 %."""
    assert amount(365.25, "beds", care_days_per_contact=9, bed_occupancy=0.9) == pytest.approx(10)
    assert "beds" not in resources.amounts(np.ones(1), service(), 2025)


def test_costs_and_minutes_of_a_stay_are_those_of_its_care_days() -> None:
    assert amount(100, "cost_eur") == pytest.approx(6_500)
    assert amount(100, "cost_eur", care_days_per_contact=4) == pytest.approx(26_000)
    assert amount(100, "fte", care_days_per_contact=4) == pytest.approx(4 * amount(100, "fte"))


def test_unit_costs_grow_from_their_price_year_on() -> None:
    given = {"cost_growth_per_year": 0.02, "price_year": 2024}
    assert amount(100, "cost_eur", 2026, **given) == pytest.approx(6_500 * 1.02**2)
    assert amount(100, "cost_eur", 2023, **given) == pytest.approx(6_500)


def test_all_services_need_what_each_of_them_needs() -> None:
    one = resources.amounts(np.array([100.0, 200.0]), service(contacts_per_room_day=2), 2025)
    other = resources.amounts(np.array([10.0, 20.0]), service(), 2025)
    found = resources.of_all({"a": one, "b": other})
    np.testing.assert_allclose(found["fte"], one["fte"] + other["fte"])
    np.testing.assert_allclose(found["rooms"], one["rooms"])


def test_shipped_services_have_rooms_or_beds_that_make_sense() -> None:
    shipped = parameters.load().services
    assert {code for code, one in shipped.items() if one.care_days_per_contact} >= {
        "specialised_inpatient",
        "ward_care",
    }
    for code, one in shipped.items():
        if one.contacts_per_room_day is not None:
            minutes = one.contacts_per_room_day * one.minutes_per_contact
            assert 240 <= minutes <= 900, code  # a room's day holds four to fifteen hours of contacts


def test_all_services_are_as_unsure_as_their_contacts_together() -> None:
    """Sums 98 and 102 of a whole of 90 and 110: 2 % against 10 %."""
    parts = [np.array([48.0, 52.0]), np.array([50.0, 50.0])]
    assert resources.stretch(np.array([90.0, 110.0]), parts) == pytest.approx(5)
    assert resources.stretch(np.array([100.0, 100.0]), parts) == 1  # never surer than the sum
    assert resources.stretch(np.zeros(1), [np.array([10.0])]) == 1  # an observed year has no draws
    found = resources.of_all({str(i): {"fte": part / 10} for i, part in enumerate(parts)}, 5.0)
    np.testing.assert_allclose(found["fte"], [9.0, 11.0])
