"""What contacts need: person-years of work, rooms, beds and euros. Functions of arrays; the coefficients are planning
assumptions of `services.yml`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ennakointi.forecast.series import Floats

if TYPE_CHECKING:
    from ennakointi.parameters.documents import Service

FTE, ROOMS, BEDS, COST = "fte", "rooms", "beds", "cost_eur"
DAYS_PER_YEAR, MINUTES_PER_HOUR = 365.25, 60


def amounts(contacts: Floats, service: Service, year: int) -> dict[str, Floats]:
    """Resources for the contacts of a year, elementwise.

    - fte (person-years): contacts · care units · minutes / (60 · contact hours of a person-year);
    - rooms: contacts / (contacts per room-day · room-days of a year);
    - beds: contacts · care days / (365.25 · occupancy), the mean census by Little's law over the occupancy that is
      planned (Little 1961, 10.1287/opre.9.3.383);
    - cost_eur: contacts · care units · unit cost, grown from the price year to `year`, in prices of the price year.

    A care unit is the contact itself, or a care day where a contact is a stay. Rooms and beds only where the service
    has them.

    Witnesses: 68,400 contacts of 20 minutes at 1,140 hours → 20 person-years; 1,004 contacts at 4 a room-day and 251
    days → 1 room; 365.25 stays of 9 days at 90 % → 10 beds; 100 contacts of 65 € → 6,500 €.
    """
    units = contacts * service.care_units_per_contact
    hours = units * service.minutes_per_contact / MINUTES_PER_HOUR
    found = {FTE: hours / service.contact_hours_per_person_year}
    if service.contacts_per_room_day is not None:
        found[ROOMS] = contacts / (service.contacts_per_room_day * service.room_days_per_year)
    if service.care_days_per_contact is not None:
        found[BEDS] = units / (DAYS_PER_YEAR * service.bed_occupancy)
    found[COST] = units * service.unit_cost_eur * unit_cost_growth(service, year)
    return found


def unit_cost_growth(service: Service, year: int) -> float:
    """The unit cost of `year` per that of the price year, in constant prices; 1 up to the price year."""
    return float((1 + service.cost_growth_per_year) ** np.maximum(year - service.price_year, 0))


def of_all(by_service: dict[str, dict[str, Floats]], stretch: float = 1.0) -> dict[str, Floats]:
    """Person-years, euros, rooms and beds of all services together, their distances from the mean multiplied by
    `stretch`; rooms and beds are those of the services that have any."""
    together: dict[str, Floats] = {}
    for found in by_service.values():
        for resource, amount in found.items():
            together[resource] = together.get(resource, np.zeros_like(amount)) + amount
    return {name: np.maximum(x.mean() + stretch * (x - x.mean()), 0.0) for name, x in together.items()}


def stretch(whole: Floats, parts: Sequence[Floats]) -> float:
    """How much more the contacts of all services (p,) vary, in their mean, than the sum of the services' own draws.

    Services are drawn apart from each other, so that their sum is surer than it should be: what moves one moves others.
    At least 1. Witness: sums 98 and 102 of a whole of 90 and 110 → 5.
    """
    total = np.sum(parts, axis=0)
    if not (total.std() > 0 and whole.mean() > 0):
        return 1.0
    return max(float(whole.std() / whole.mean() * total.mean() / total.std()), 1.0)
