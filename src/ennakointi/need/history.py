"""Long history of use: how much a person has used each service in the whole years before a day.

Persons differ lastingly, and years differ by chance. The mean of log(1 + contacts) over years tells the lasting part
better than the contacts of all years together, which one bad year decides. On a synthetic county (seed 101) eight years
beside two added .003–.008 to the AUROC of three outcomes of four.
"""

from __future__ import annotations

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from ennakointi.panel.reductions import attended, with_client
from ennakointi.periods import Quarter, day_number
from ennakointi.store import Store

PREFIX = "history_"
_GRAIN = 2.0**20  # logarithms are cut to this fineness, so that their sums are the same in any order
DAYS_IN_YEAR = 365
MONTHS_IN_YEAR = 12


def whole_years(opened: Store, quarter: Quarter) -> int:
    """Whole years of contacts that the data hold before the end of a quarter."""
    return max(quarter.last_month + 1 - opened.first_month, 0) // MONTHS_IN_YEAR


def table(opened: Store, quarter: Quarter, years: int, resident: pd.Series) -> pd.DataFrame:
    """Use in each of the last whole years, of those who took place with the client.

    Parameters
    ----------
    quarter : the day of prediction is its last day.
    years : how many years of 365 days before it.
    resident : months of residence by person, sorted by person.

    Returns
    -------
    By person, in the order of `resident`: `history_<service>` and `history_contacts`, the mean over the years of
    residence of log(1 + contacts), and `history_active`, the share of those years with a contact. Of those who have
    lived here less than a year: what the part tells. No columns without years.
    """
    if years < 1:
        return pd.DataFrame(index=resident.index)
    counted = _counted(opened, day_number(quarter.end), years)
    place = resident.index.get_indexer(pd.Index(counted["person"]))
    counted = counted[place >= 0].assign(place=place[place >= 0])
    lived = np.clip(resident.to_numpy(float) // MONTHS_IN_YEAR, 1, years)
    made = {}
    for code, service in enumerate(opened.codes("contacts", "service")):
        rows = counted[counted["service"] == code]
        made[f"{PREFIX}{service}"] = _mean(rows, _log(rows["n"]), lived)
    together = counted.groupby(["place", "year"])["n"].sum().reset_index()
    made[f"{PREFIX}contacts"] = _mean(together, _log(together["n"]), lived)
    made[f"{PREFIX}active"] = _mean(together, np.ones(len(together)), lived)
    return pd.DataFrame(made, index=resident.index)


def _counted(opened: Store, end: int, years: int) -> pd.DataFrame:
    """Contacts of a person with a service in each year back from the day `end` (0: the last one)."""
    contacts = opened.frame("contacts").filter(attended() & with_client())
    within = contacts.filter((nw.col("day") <= end) & (nw.col("day") > end - DAYS_IN_YEAR * years))
    rows = within.select("person", "service", year=(nw.lit(end) - nw.col("day")) // DAYS_IN_YEAR)
    summed = rows.group_by("person", "service", "year").agg(nw.len().alias("n")).collect("pandas").to_native()
    return pd.DataFrame(summed)


def _log(n: pd.Series) -> np.ndarray:
    return np.asarray(np.round(np.log1p(n.to_numpy(float)) * _GRAIN) / _GRAIN)


def _mean(rows: pd.DataFrame, values: np.ndarray, lived: np.ndarray) -> np.ndarray:
    """(n,) sum of the values by person over the years lived here."""
    total = np.bincount(rows["place"], weights=values, minlength=len(lived))
    return np.asarray(total / lived, np.float32)
