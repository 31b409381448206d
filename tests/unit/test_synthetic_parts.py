"""The parts of the synthetic county: calendar, population, latent classes and needs behave as described."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from ennakointi import synthetic
from ennakointi.periods import day_number, month_index
from ennakointi.synthetic import calendar as synthetic_calendar
from ennakointi.synthetic import classes, needs, persons
from ennakointi.synthetic import events as synthetic_events
from ennakointi.synthetic.calendar import Calendar, Span

SPAN = Span(date(2014, 1, 1), date(2025, 9, 30))
COUNTY = synthetic.calibration()


@pytest.fixture(scope="module")
def calendar() -> Calendar:
    return synthetic_calendar.build(COUNTY, SPAN, np.random.default_rng(1))


@pytest.fixture(scope="module")
def people() -> persons.People:
    return persons.simulate(COUNTY, SPAN, 40_000, np.random.default_rng(1))


@pytest.fixture(scope="module")
def traits(people: persons.People) -> needs.Traits:
    return needs.draw(people, COUNTY, SPAN, np.random.default_rng(2))


def test_days_months_and_years_of_the_span() -> None:
    days = np.array([day_number(d) for d in (date(2014, 1, 1), date(2016, 2, 29), date(2026, 9, 30))])
    assert SPAN.month(days).tolist() == [0, 25, 152]
    assert SPAN.year(days).tolist() == [0, 2, 12]
    assert SPAN.first_month == month_index(2014, 1)
    assert (SPAN.n_months, SPAN.years) == (141, range(2014, 2027))


def test_a_year_of_ordinary_activity_weighs_about_one(calendar: Calendar) -> None:
    first, after = (day_number(date(year, 1, 1)) - SPAN.first_day for year in (2019, 2020))
    year = calendar.cumulative[:, :, after] - calendar.cumulative[:, :, first]
    running = [i for i, s in enumerate(COUNTY.care.services.values()) if s.starts is None]
    assert 0.9 < year[running].mean() < 1  # some twelve holidays on weekdays take 4 % of office services
    assert np.all(year[COUNTY.service("pharmacist_service")] == 0)


def test_holidays_and_weekends_are_quiet(calendar: Calendar) -> None:
    def weight(day: date) -> float:
        at = day_number(day) - SPAN.first_day
        row = calendar.cumulative[COUNTY.service("primary_care"), 0]
        return float(row[at + 1] - row[at])

    assert weight(date(2019, 12, 6)) < 0.2 * weight(date(2019, 12, 5))  # Independence Day, a Friday
    assert weight(date(2019, 12, 7)) < 0.2 * weight(date(2019, 12, 5))  # a Saturday


def test_a_day_is_found_by_its_weight(calendar: Calendar) -> None:
    rng = np.random.default_rng(3)
    service = np.array([0, 5, 22], np.int8).repeat(200)
    place = rng.integers(0, 10, 600).astype(np.int16)
    day = rng.integers(SPAN.first_day, SPAN.end_day, 600).astype(np.int32)
    low = calendar.cumulative[service, place, day - SPAN.first_day]
    high = calendar.cumulative[service, place, day - SPAN.first_day + 1]
    found = calendar.day_at(service, place, (low + high) / 2)
    assert np.array_equal(found, day)


def test_monthly_noise_is_autocorrelated_and_of_the_stated_size() -> None:
    series = synthetic_calendar.autoregressive((40, 1), 400, 0.6, np.random.default_rng(4))[:, 0]
    assert series.std() == pytest.approx(1, abs=0.05)
    lagged = [np.corrcoef(s[:-1], s[1:])[0, 1] for s in series]
    assert np.mean(lagged) == pytest.approx(0.6, abs=0.03)
    noise = COUNTY.care.noise
    assert 0.02 <= np.hypot(noise.county_sd, noise.municipality_sd) <= 0.04


def test_nobody_leaves_before_coming_or_is_born_after_leaving(people: persons.People) -> None:
    assert (people.leave >= people.birth).all()
    assert (people.leave >= people.enter).all()
    assert (people.leave[people.died] <= SPAN.end_day + 400).all()
    children = people.child_from <= people.child_until
    assert 0.1 < children.mean() < 0.3
    assert (people.birth[children] < people.child_from[children]).all()


def test_classes_of_an_age_are_the_same_in_every_year(people: persons.People, traits: needs.Traits) -> None:
    told = classes.shares(COUNTY.needs)
    for year in (0, 6, 11):
        day = int(SPAN.year_starts[year]) + 182
        here = people.resident_on(day)
        age, latent = traits.age[here, year], traits.latent[here, year]
        expected = told[age].sum(axis=0)
        counted = np.bincount(latent, minlength=len(expected))
        assert np.abs(counted - expected).max() < 5 * np.sqrt(expected.max())


def test_care_by_age_changes_only_by_the_planted_trend(people: persons.People, traits: needs.Traits) -> None:
    middles = (SPAN.year_starts[:-1] + SPAN.year_starts[1:]) // 2
    here = np.stack([people.resident_on(int(day)) for day in middles], axis=1)
    band = np.digitize(traits.age, [7, 18, 30, 45, 60, 70, 80, 90])
    weight = np.bincount(band[here], minlength=9) / here.sum()
    for name in ("primary_care", "emergency", "specialised_outpatient"):
        service = COUNTY.care.services[name]
        rate = synthetic_events.yearly_rate(
            service, traits.age, people.female[:, None], traits.latent, traits.has, COUNTY.classes
        )
        standardised = [
            sum(weight[b] * rate[here[:, y] & (band[:, y] == b), y].mean() for b in range(9)) for y in range(12)
        ]
        assert np.ptp(standardised) / np.mean(standardised) < 0.03, name


def test_states_lie_inside_the_residence(people: persons.People, traits: needs.Traits) -> None:
    spells = traits.spells
    assert set(spells.names) == {*COUNTY.needs.statuses, "family_with_children"}
    assert (spells.start <= spells.end).all()
    assert (spells.start >= people.birth[spells.person]).all()
    left = people.leave[spells.person] < persons.STILL
    assert (spells.end[left] <= people.leave[spells.person][left]).all()


def test_years_counts_have_the_mean_of_their_rate(
    people: persons.People, traits: needs.Traits, calendar: Calendar
) -> None:
    events = synthetic_events.draw(people, traits, COUNTY, calendar, np.random.default_rng(5))
    i = COUNTY.service("home_care")  # no frailty: Poisson around the rate
    start, end = synthetic_events.residence(people, SPAN)
    low, high = calendar.between(i, people.municipality[:, None], start, end)
    expected = 36 * (traits.has["home_care"] * (high - low)).sum()
    counted = (events.service == i).sum()
    assert abs(counted - expected) < 5 * np.sqrt(expected)
    first = np.maximum(people.birth, people.enter)[events.person]
    assert ((events.day >= first) & (events.day <= people.leave[events.person])).all()
