"""Residents or clients: the persons of a source against the inhabitants of the official statistics."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import pandas as pd

from ennakointi.panel.axes import UNKNOWN_MUNICIPALITY
from ennakointi.panel.population_time import CLIENTS
from ennakointi.parameters.quality_documents import QualitySettings
from ennakointi.schema import TABLES
from ennakointi.store import Store

RESIDENTS = ("municipality", "year", "sex", "age_band", "persons", "population")
RESIDENTS_HELD, UNKNOWN = "residents", "unknown"
_BAND = 10  # years; 100 and over belong to the band 100
_KEYS = list(RESIDENTS[:4])


@dataclass(frozen=True)
class Counted:
    """Who `persons` holds.

    Attributes
    ----------
    who : `residents`, `clients`, or `unknown` when there is no population to compare with.
    difference_share : persons / inhabitants − 1 where it decided: the largest that breaks the limits, else the
        largest of all.
    place : municipality, year, sex and age band of that difference, as far as they apply, separated by spaces.
    persons, population : the two numbers there.
    """

    who: str
    difference_share: float | None
    place: str
    persons: int
    population: int


def of_store(opened: Store, connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Persons who live in the region on 31 December, and inhabitants, by municipality, year, sex and age band.

    Years are those of the observed population that the source's data reach. A person is counted in the latest known
    municipality: the source holds no other. Municipalities without any population are left out, except 999.
    """
    if not {"persons", "population"} <= opened.tables:
        return pd.DataFrame(columns=list(RESIDENTS))
    inhabitants = _inhabitants(opened, connection)
    years = sorted(set(inhabitants["year"]))
    if not years:
        return pd.DataFrame(columns=list(RESIDENTS))
    persons = _persons(opened, connection, years)
    known = {*inhabitants["municipality"], UNKNOWN_MUNICIPALITY}
    both = persons[persons["municipality"].isin(known)].merge(inhabitants, on=_KEYS, how="outer")
    return both.fillna({"persons": 0, "population": 0}).sort_values(_KEYS, ignore_index=True)[list(RESIDENTS)]


def _inhabitants(opened: Store, connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    observed = [str(i) for i, code in enumerate(opened.codes("population", "variant")) if code == "observed"]
    rows = opened.frame("population", connection=connection).to_native()
    last = opened.as_of.year if (opened.as_of.month, opened.as_of.day) == (12, 31) else opened.as_of.year - 1
    query = (
        f"SELECT municipality, year, sex, age // {_BAND} * {_BAND} AS age_band, sum(persons) AS population FROM rows "
        f"WHERE variant IN ({', '.join(observed) or 'NULL'}) AND year BETWEEN {opened.first_month // 12} AND {last} "
        "GROUP BY ALL"
    )
    return _worded(opened, "population", rows.query("rows", query).df())


def _persons(opened: Store, connection: duckdb.DuckDBPyConnection, years: list[int]) -> pd.DataFrame:
    rows = opened.frame("persons", connection=connection).to_native()
    listed = ", ".join(f"({year}, DATE '{year}-12-31' - DATE '1970-01-01')" for year in years)
    born = "year(DATE '1970-01-01' + birth_day)"
    query = (
        f"SELECT municipality, y.year, sex, least(y.year - {born}, 100) // {_BAND} * {_BAND} AS age_band, "
        f"count(*) AS persons FROM rows, (VALUES {listed}) y(year, day) WHERE birth_day <= y.day "
        "AND coalesce(resident_from_day <= y.day, TRUE) AND coalesce(resident_to_day >= y.day, TRUE) "
        "AND coalesce(death_day > y.day, TRUE) GROUP BY ALL"
    )
    return _worded(opened, "persons", rows.query("rows", query).df())


def _worded(opened: Store, table: str, frame: pd.DataFrame) -> pd.DataFrame:
    municipalities, sexes = opened.codes(table, "municipality"), list(TABLES[table]["sex"].codes)
    return frame.assign(
        municipality=[municipalities[int(place)] for place in frame["municipality"]],
        sex=[sexes[int(place)] for place in frame["sex"]],
    )


def judge(measured: pd.DataFrame, settings: QualitySettings) -> Counted:
    """Residents or clients.

    Looked at are the region in every year, and in the last year every municipality and every sex and age band, each
    where at least `minimum_persons` live: earlier years of a municipality would count the moves since.
    """
    region = _sums(measured, ["year"]).assign(municipality="all")
    last = measured[measured["year"] == measured["year"].max()]
    known = last[last["sex"].isin(set(last.loc[last["population"] > 0, "sex"]))]
    looked = pd.concat(
        [region, _sums(last, ["municipality", "year"]), _sums(known, ["year", "sex", "age_band"])], ignore_index=True
    )
    looked = looked[looked["population"] >= settings.residents.minimum_persons]
    if looked.empty:
        return Counted(UNKNOWN, None, "", 0, 0)
    check = settings.of_residents
    apart = (looked["persons"] - looked["population"]).abs()
    broken = (apart > check.limit_rows) & (apart > check.limit_share * looked["population"])
    worst = (looked[broken] if broken.any() else looked)["difference_share"].abs().idxmax()
    row = looked.loc[worst]
    words = [row.get(key) for key in ("municipality", "year", "sex", "age_band")]
    place = " ".join(f"{word:.0f}" if isinstance(word, float) else str(word) for word in words if pd.notna(word))
    return Counted(
        CLIENTS if broken.any() else RESIDENTS_HELD,
        float(row["difference_share"]),
        place,
        int(row["persons"]),
        int(row["population"]),
    )


def _sums(measured: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    added = measured.groupby(keys, as_index=False)[["persons", "population"]].sum()
    return added.assign(difference_share=added["persons"] / added["population"].where(added["population"] > 0) - 1)
