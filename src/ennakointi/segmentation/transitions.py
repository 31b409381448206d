"""How persons move between segments: from quarter to quarter, and from a quarter to the same one a year later.

S segments, in the order of their scheme: the gravest first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from ennakointi.periods import Quarter
from ennakointi.result_tables import RESULT_TABLES

if TYPE_CHECKING:
    from ennakointi.features import Features

Floats = npt.NDArray[np.float64]
ALL, ARRIVED, DIED, MOVED = "all", "arrived", "died", "moved"
QUARTER, YEAR = 1, 4  # quarters that lie between
SPANS = {"quarter": QUARTER, "year": YEAR}
PERSON_COLUMNS = ("person", "state", "age", "sex", "contacts_12m", "cost_eur_12m")


@dataclass(frozen=True, eq=False)
class History:
    """A scheme's segments over the quarters.

    Attributes
    ----------
    order : codes of the segments, the gravest first.
    assigned : by quarter `2025Q3`, the segment of every resident at its end, indexed by `person`.
    people : by quarter, one row a person as `people` reads them. Every assigned quarter is there.
    """

    order: tuple[str, ...]
    assigned: Mapping[str, pd.Series]
    people: Mapping[str, pd.DataFrame]

    @property
    def last(self) -> str:
        """The latest quarter."""
        return max(self.assigned)

    def pair(self, quarter: str, span: int) -> pd.DataFrame | None:
        """Moves up to the end of a quarter from `span` quarters before; None where either is not known."""
        before = earlier(quarter, span)
        if before not in self.assigned or quarter not in self.assigned:
            return None
        return moves(self.assigned[before], self.assigned[quarter], self.people[quarter]["state"])

    def pairs(self, span: int, step: int, count: int) -> list[tuple[str, pd.DataFrame]]:
        """The latest `count` pairs (quarter of the end, moves), each `step` quarters before the next."""
        ends = [earlier(self.last, step * i) for i in range(count)] if self.assigned else []
        found = [(end, self.pair(end, span)) for end in ends]
        return [(end, pair) for end, pair in found if pair is not None]


def earlier(quarter: str, count: int) -> str:
    """The quarter `count` quarters before: 2025Q1, 2 → 2024Q3."""
    one = Quarter.parse(quarter)
    for _ in range(count):
        one = one.previous
    return str(one)


def people(features: Features, quarters: Iterable[str]) -> dict[str, pd.DataFrame]:
    """What movements need of persons, by quarter and indexed by `person`: state, age in years, sex, contacts and euros
    of 12 months. Read once for all schemes."""
    return {quarter: features.read(quarter, list(PERSON_COLUMNS)).set_index("person") for quarter in quarters}


def moves(before: pd.Series, now: pd.Series, state: pd.Series) -> pd.DataFrame:
    """Where each person was and is, indexed by `person`: from (a segment or `arrived`) and to (a segment, `died` or
    `moved`).

    Parameters
    ----------
    before, now : segments of the residents at two dates, by person.
    state : what is known of persons on the later date, by person: `died` is told apart, whoever else is no longer a
        resident has moved. Who arrived and left in between is in neither.
    """
    both = pd.concat({"from": before.astype(object), "to": now.astype(object)}, axis=1)
    gone = both["to"].isna()
    dead = (state.reindex(both.index) == DIED).to_numpy(bool)
    both.loc[gone & dead, "to"], both.loc[gone & ~dead, "to"] = DIED, MOVED
    return both.fillna({"from": ARRIVED}).rename_axis("person").sort_index()


def counts(pair: pd.DataFrame, order: tuple[str, ...]) -> pd.DataFrame:
    """Persons by where they were (segments, then `arrived`) and where they are (segments, then `died`, `moved`)."""
    table = pd.crosstab(pair["from"], pair["to"])
    return table.reindex(index=[*order, ARRIVED], columns=[*order, DIED, MOVED], fill_value=0)


def table(scheme: str, history: History) -> pd.DataFrame:
    """`segment_transitions` of a scheme: the last quarter, and the last year; ways that nobody went are left out."""
    rows = []
    for span, quarters in SPANS.items():
        pair = history.pair(history.last, quarters) if history.assigned else None
        if pair is not None:
            rows.append(_spanned(counts(pair, history.order)).assign(scheme=scheme, span=span))
    return tidy(pd.concat(rows) if rows else pd.DataFrame(), "segment_transitions")


def _spanned(numbers: pd.DataFrame) -> pd.DataFrame:
    """One row for each way that somebody went, and the sums over where from and where to."""
    whole = numbers.copy()
    whole.loc[ALL] = whole.sum()
    whole[ALL] = whole.sum(axis=1)
    whole.index.name, whole.columns.name = "from", "to"
    long = whole.reset_index().melt("from", value_name="n_persons")
    long["from_persons"] = long["from"].map(whole[ALL])
    long = long[(long["n_persons"] > 0) | ((long["from"] == ALL) & (long["to"] == ALL))]
    share = long["n_persons"] / long["from_persons"].where(long["from_persons"] > 0)
    return long.assign(persons=long["n_persons"], probability=share)


def tidy(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    """The columns of a result table, in their order."""
    return rows.reindex(columns=list(RESULT_TABLES[name].names)).reset_index(drop=True)
