"""Cases of a need: persons at risk on a day of prediction, what was known of them then, and what came of it.

The day of prediction is the last day of a quarter. Nothing that happened after it is among what was known: the
outcome alone is read from the features at the end of the horizon.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ennakointi.features import Features
from ennakointi.need import history
from ennakointi.parameters.need_documents import NeedOutcome, NeedSettings
from ennakointi.periods import Quarter
from ennakointi.rules import feature_conditions as conditions
from ennakointi.store import Store

RESIDENT, DIED, MOVED = "resident", "died", "moved"
MONTHS_IN_QUARTER = 3
DIMENSIONS = ("sex", "age_band", "municipality", "language")
GROUP = "group_"
KNOWN_BY = "contacts_24m"  # what tells that a client still lives here

Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class AtRisk:
    """Residents at risk on the last day of `quarter`, sorted by person: `person` (n,), what the models see
    (`known`, n rows), and what they are told by (`told`: sex, age_band, municipality, language, group_<…>)."""

    quarter: Quarter
    person: NDArray[np.int32]
    known: pd.DataFrame
    told: pd.DataFrame

    def __len__(self) -> int:
        return len(self.person)


@dataclass(frozen=True, eq=False)
class Followed:
    """Those at risk and what came of it within the horizon (n,): the need, death without it, moving away without it.

    `contacts`: with the service that answers the need, within the horizon; NaN where the data do not hold it. Who died
    or moved away first did not get the need here: a risk is the chance that it comes before both.
    """

    at_risk: AtRisk
    event: Bools
    died: Bools
    moved: Bools
    contacts: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.event)


@dataclass(frozen=True, eq=False)
class Register:
    """What cases are read from. `years`: whole years of use that are told of each person. `clients_only`: whether the
    register holds clients, of whom only those with a contact in 24 months are known to live here."""

    opened: Store
    features: Features
    settings: NeedSettings
    years: int
    clients_only: bool = False

    def at_risk(self, outcome: NeedOutcome, quarter: Quarter) -> AtRisk:
        """Those for whom the outcome's `at_risk` holds on the quarter's last day."""
        seen = predictors(self.settings.predictors, self.features)
        groups = [name for name in self.features.columns if name.startswith(GROUP)]
        wanted = {"person", "state", "months_resident", *DIMENSIONS, *groups, *seen}
        columns = sorted(wanted | conditions.features(outcome.at_risk) | ({KNOWN_BY} if self.clients_only else set()))
        frame = self.features.read(str(quarter), columns)
        here = (frame["state"] == RESIDENT).to_numpy()
        if self.clients_only:
            here = here & (frame[KNOWN_BY] > 0).to_numpy(bool, na_value=False)
        frame = frame[here & conditions.evaluate(outcome.at_risk, frame)]
        frame = frame.sort_values("person").set_index("person")
        known = numbers(frame[seen])
        if any(fnmatchcase(history.PREFIX, pattern) for pattern in self.settings.predictors):
            past = history.table(self.opened, quarter, self.years, frame["months_resident"])
            known = pd.concat([known, past], axis=1)
        return AtRisk(quarter, frame.index.to_numpy(np.int32), known, frame[[*DIMENSIONS, *groups]])

    def followed(self, outcome: NeedOutcome, quarter: Quarter, months: int) -> Followed:
        """The same persons, and what came of it within `months`; only of quarters whose horizon the features reach."""
        start = self.at_risk(outcome, quarter)
        event = conditions.over(outcome.event, months)  # type: ignore[arg-type]
        answered = [f"contacts_{outcome.service}_{months}m"]
        answered = [name for name in answered if name in self.features.columns and name not in self.features.missing]
        columns = {"person", "state", *answered} | conditions.features(event)
        end = self.features.read(str(later(quarter, months)), sorted(columns)).set_index("person", drop=False)
        with_need = pd.Series(conditions.evaluate(event, end), index=end.index)
        came = with_need.reindex(start.person, fill_value=False).to_numpy(bool)
        state = end["state"].astype(str).reindex(start.person)
        died = (state == DIED).to_numpy() & ~came
        moved = (state != RESIDENT).to_numpy() & ~came & ~died
        contacts = end[answered[0]].reindex(start.person).to_numpy(float) if answered else np.full(len(came), np.nan)
        return Followed(start, came, died, moved, contacts)


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """The features as 32-bit floats, NaN where missing; a word as its place among the words."""
    made = {}
    for name in frame.columns:
        values = frame[name]
        if isinstance(values.dtype, pd.CategoricalDtype):
            place = values.cat.codes.to_numpy(np.float32)
            made[name] = np.where(place < 0, np.nan, place)
        elif isinstance(values.dtype, np.dtype):
            made[name] = values.to_numpy(np.float32)
        else:
            made[name] = values.to_numpy(np.float32, na_value=np.nan)
    columns = np.column_stack([*made.values()]) if made else np.empty((len(frame), 0), np.float32)
    return pd.DataFrame(columns.astype(np.float32, copy=False), index=frame.index, columns=[*made])


def predictors(patterns: Sequence[str], features: Features) -> list[str]:
    """The features that the models see: those of the patterns that hold a value, in the order of the columns."""
    return [
        name
        for name in features.columns
        if name not in features.missing and any(fnmatchcase(name, pattern) for pattern in patterns)
    ]


def later(quarter: Quarter, months: int) -> Quarter:
    """The quarter that ends `months` later; earlier with a negative number."""
    steps = 4 * quarter.year + quarter.number - 1 + months // MONTHS_IN_QUARTER
    return Quarter(steps // 4, steps % 4 + 1)
