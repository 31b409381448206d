"""A small made history of segments: persons with an age and a sex who move between two or three segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from ennakointi.panel.projection import AGES, Projection
from ennakointi.parameters.movement_documents import MovementSettings
from ennakointi.segmentation.transitions import History

SEXES = ("female", "male")
SETTINGS = MovementSettings(
    pooled_years=3,
    least_persons=20,
    draws=200,
    most_difference=0.1,
    first_line=("primary_care", "emergency"),
    plan_readings=("M2",),
)


def history(
    order: Sequence[str], by_quarter: Mapping[str, Mapping[int, str]], ages: Mapping[int, int] | int = 40
) -> History:
    """Persons by number with their segment in each quarter; `died` and `moved` are told as states instead."""
    assigned, people = {}, {}
    for quarter, told in by_quarter.items():
        here = pd.Series(told, dtype=object).sort_index().rename_axis("person")
        state = here.where(here.isin(["died", "moved"]), "resident")
        assigned[quarter] = here[state == "resident"]
        age = np.array([ages if isinstance(ages, int) else ages[one] for one in here.index])
        use = {"contacts_12m": np.full(len(here), 2.0), "cost_eur_12m": np.full(len(here), 100.0)}
        sex = np.array(SEXES)[here.index.to_numpy() % 2]
        people[quarter] = pd.DataFrame({"state": state, "age": age, "sex": sex, **use}, index=here.index)
    return History(tuple(order), assigned, people)


def projection(persons: Mapping[int, Mapping[int, float]]) -> Projection:
    """Persons by year and age, half of each sex."""
    stock = np.zeros((2, AGES, len(persons)))
    for place, told in enumerate(persons.values()):
        for age, number in told.items():
            stock[:, age, place] = number / 2
    return Projection("made", np.array(list(persons)), stock)
