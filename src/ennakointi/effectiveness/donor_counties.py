"""Counties of an aggregate source as areas: the one with the intervention, and others to compare it with."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ennakointi.causal.areas import NEVER, AreaPanel
from ennakointi.effectiveness.outcome_months import NO_DATA
from ennakointi.parameters import Parameters
from ennakointi.parameters.effect_documents import NEGATIVE_CONTROL, Contacts, Counted, Intervention
from ennakointi.periods import day_date, day_number, month_of
from ennakointi.rules.words import COUNTY
from ennakointi.store import Store

CONTACTS, PERSONS = "contacts", "persons"
_CODES = ("area", "target_group", "service", "frequency", "measure")


def panels(
    store: Store, intervention: Intervention, parameters: Parameters
) -> tuple[dict[str, AreaPanel], dict[str, str]]:
    """Area panels of the counties of an aggregate source by outcome, and why there is none.

    Only monthly counts of contacts of whole services with a population beside them can be used, and only for an
    intervention of the whole county. Counties without a gap stand as `county:<code>`; a source without the county
    itself, or of another level, has none. Where the source tells no persons, small counts stand for few of them.
    """
    measures: dict[str, Counted] = {outcome.id: outcome.measure for outcome in intervention.outcomes}
    if intervention.negative_control is not None:
        measures[NEGATIVE_CONTROL] = intervention.negative_control.measure
    rows = _rows(store, intervention.target_group)
    own = f"{COUNTY}:{parameters.region.county_code}"
    made = {name: _panel(rows, measure, parameters, own, intervention.start) for name, measure in measures.items()}
    found = {name: one for name, one in made.items() if one is not None}
    return found, {name: NO_DATA for name in made if name not in found}


def _rows(store: Store, target_group: str) -> pd.DataFrame:
    """area, service, measure, month, value, population of the monthly cells of counties that have ended by the as-of
    date."""
    table: pd.DataFrame = store.frame("panel").collect("pandas").to_native()
    for column in _CODES:
        codes = store.codes("panel", column) if column in store.columns("panel") else []
        table[column] = table[column].map(dict(enumerate(codes))) if codes else CONTACTS
    months = {day: month_of(day_date(int(day))) for day in table["period_start_day"].unique()}
    table["month"] = table["period_start_day"].map(months)
    ended = table["month"] < month_of(day_date(day_number(store.as_of) + 1))
    wanted = (table["frequency"] == "M") & (table["target_group"] == target_group) & ended
    of_county = table["area"].str.startswith(f"{COUNTY}:")
    return table.loc[wanted & of_county, ["area", "service", "measure", "month", "value", "population"]]


def _panel(
    rows: pd.DataFrame, measure: Counted, parameters: Parameters, own: str, start: int | None
) -> AreaPanel | None:
    if not isinstance(measure, Contacts) or not measure.plain or start is None:
        return None
    mine = rows[rows["service"].isin(measure.services(parameters.services))]
    counts, people = (mine[mine["measure"] == one] for one in (CONTACTS, PERSONS))
    if own not in set(counts["area"]) or counts["population"].isna().all():
        return None
    months = np.arange(counts["month"].min(), counts["month"].max() + 1)
    n_services = counts["service"].nunique()
    cells = counts.groupby(["area", "month"]).agg(
        value=("value", "sum"), of=("population", "max"), n=("value", "count")
    )
    wide = {name: cells[name].unstack().reindex(columns=months) for name in cells}  # noqa: PD010 - of a series
    whole = ((wide["n"] == n_services) & (wide["of"] > 0)).all(axis=1)
    areas = [own, *(area for area in whole.index[whole] if area != own)]
    told = counts if people.empty else people
    persons = told.groupby(["area", "month"])["value"].max().unstack()  # noqa: PD010 - of a series
    known = wide["n"].loc[areas].to_numpy() == n_services
    return AreaPanel(
        areas=tuple(areas),
        months=months,
        counts=np.where(known, wide["value"].loc[areas].to_numpy(float), np.nan),
        person_years=wide["of"].loc[areas].fillna(0.0).to_numpy(float) / 12,
        persons=persons.reindex(index=areas, columns=months).to_numpy(float),
        starts=np.array([start if area == own else NEVER for area in areas], dtype=np.int64),
    )
