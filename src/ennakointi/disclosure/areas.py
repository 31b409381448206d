"""What is told of municipalities: quarters instead of months, and areas instead of municipalities of few persons.

Both are done before anything is hidden. What stays monthly in `work/` is not changed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from ennakointi.periods import month_text, parse_month
from ennakointi.result_tables import COUNT, ESTIMATE, QUARTERLY, RESULT_TABLES, ResultTable

Tables = Mapping[str, pd.DataFrame]
Areas = Mapping[str, Sequence[str]]  # municipalities by the code of their area
Flags = npt.NDArray[np.bool_]

QUARTER = 3  # months
PLACES = {  # tables of municipalities, and the key that names them
    "forecast": "municipality",
    "forecast_history": "municipality",
    "hidden_persons": "municipality",
    "debt_equity": "part",
}
_IN_QUARTERS = {"forecast": True, "forecast_history": False}  # whether quarters are counted from the first month
_WORST_LAST = {
    "period": ["used", "not_used", "disrupted", "missing"],
    "method": ["refused", "zero", "level", "theta", "ensemble"],
}
_SHARE, _RATE = ("share", "share_lo80", "share_hi80"), ("per_1000", "per_1000_lo80", "per_1000_hi80")


def quarterly(exact: Tables) -> dict[str, pd.DataFrame]:
    """The tables with rows of three months of each municipality in the place of its months.

    Parameters
    ----------
    exact : unrounded tables with their declared columns.

    Returns
    -------
    The county's rows stay monthly. Of municipalities: `month` = the first of the three, sums of contacts (missing when
    one is missing), the largest of the months' persons (a lower bound of the quarter's), the worst period. Quantiles
    are added too, as if the months went up and down together: the widest interval. Quarters of a forecast are counted
    from its first month, those of the history back from its last one; incomplete ones are left out.
    """
    return {
        name: _in_quarters(frame, RESULT_TABLES[name], _IN_QUARTERS[name]) if name in _IN_QUARTERS else frame
        for name, frame in exact.items()
    }


def small(exact: Tables, areas: Areas, threshold: int) -> set[str]:
    """Target groups in which a municipality of an area has 1 … threshold − 1 persons in a row of a table, even in the
    service where it has most."""
    inside = _area_of(areas)
    groups: set[str] = set()
    for name in PLACES.keys() & exact.keys():
        rows = exact[name][_placed(exact[name], name).isin([*inside])]
        keys = [key for key in RESULT_TABLES[name].of_kind("key") if key not in ("service", "quantile")]
        most = rows.groupby(keys, observed=True)["n_persons"].max()
        few = most[(most > 0) & (most < threshold)]
        groups |= set(few.index.get_level_values("target_group"))
    return groups


def told_by_area(tables: Tables, areas: Areas) -> set[str]:
    """Target groups whose rows name an area."""
    named = (frame[_placed(frame, name).isin([*areas])] for name, frame in tables.items() if name in PLACES)
    return {str(group) for rows in named for group in rows["target_group"]}


def merged(exact: Tables, areas: Areas, groups: Collection[str]) -> dict[str, pd.DataFrame]:
    """The tables with areas in the place of their municipalities in some target groups.

    Contacts, estimates and persons add up: everybody lives in one municipality. So do the ends of intervals, as if the
    municipalities erred together; shares and rates are computed from their parts, and their ends are means weighted by
    the denominator. Standardised rates cannot be computed from those of municipalities and are missing.
    """
    inside = _area_of(areas)
    found = dict(exact)
    for name in PLACES.keys() & exact.keys():
        frame, place = exact[name], PLACES[name]
        chosen = _placed(frame, name).isin([*inside]) & frame["target_group"].isin([*groups])
        if not chosen.any():
            continue
        rows = frame[chosen].assign(**{place: frame.loc[chosen, place].map(inside)})
        added = _shares_added(rows) if name == "debt_equity" else _added(rows, RESULT_TABLES[name])
        found[name] = _in_order(frame[~chosen], added)
    return found


def earlier_by_area(
    exact: pd.DataFrame, shown: Flags, name: str, areas: Areas, groups: Collection[str]
) -> tuple[pd.DataFrame, Flags]:
    """A table of the last release by the areas of this one: who was told its municipalities was told their sum."""
    table, key = RESULT_TABLES[name], PLACES[name]
    before = exact.reindex(columns=list(table.names))
    rows = merged({name: before}, areas, groups)[name]
    keys = list(table.of_kind("key"))
    areas_then = _placed(before, name).map(_area_of(areas)).where(before["target_group"].isin([*groups]))
    then = before[keys].assign(shown=shown, **{key: areas_then.fillna(before[key])})
    every = then.groupby(keys, observed=True)["shown"].all()
    return rows, every.reindex(pd.MultiIndex.from_frame(rows[keys])).to_numpy(dtype=bool)


def _in_quarters(frame: pd.DataFrame, table: ResultTable, forward: bool) -> pd.DataFrame:
    monthly = (frame["municipality"] != "all") & (frame["frequency"] != QUARTERLY)
    if not monthly.any():
        return frame
    number = frame["month"].map({month: parse_month(str(month)) for month in frame["month"].unique()})
    groups = number.groupby(frame["target_group"])
    start = groups.transform("min") if forward else groups.transform("max") + 1
    first = (start + (number - start) // QUARTER * QUARTER)[monthly]
    texts = first.map({month: month_text(int(month)) for month in first.unique()})
    rows = frame[monthly].assign(month=texts, frequency=QUARTERLY)
    keys = list(table.of_kind("key"))
    whole = rows.groupby(keys, observed=True)["frequency"].transform("size") == QUARTER
    return _in_order(frame[~monthly], _added(rows[whole], table, persons="max"))


def _added(rows: pd.DataFrame, table: ResultTable, *, persons: str = "sum", more: Sequence[str] = ()) -> pd.DataFrame:
    """One row for those with the same keys, with the place of the first as its number. A sum with a missing part is
    missing; of labels the first, of those with an order the last in it. Columns that cannot be added are missing."""
    keys = list(table.of_kind("key"))
    sums = [*table.of_kind(COUNT, ESTIMATE), *more]
    labels = list(table.of_kind("label"))
    ordered = {
        name: pd.Categorical(rows[name], order, ordered=True) for name, order in _WORST_LAST.items() if name in labels
    }
    groups = rows.assign(**ordered, number=rows.index).groupby(keys, sort=False, observed=True)
    whole = rows[sums].notna().groupby([rows[name] for name in keys], sort=False, observed=True).all()
    found = groups[sums].sum().where(whole)
    if persons == "max":
        found["n_persons"] = groups["n_persons"].max()
    else:
        found["n_persons"] = groups["n_persons"].sum(min_count=1).where(groups["n_persons"].count() == groups.size())
    for name in labels:
        found[name] = groups[name].max().astype(object) if name in ordered else groups[name].first()
    found = found.assign(number=groups["number"].first()).reset_index().set_index("number").rename_axis(None)
    return found.reindex(columns=list(dict.fromkeys([*table.names, *more])))


def _shares_added(rows: pd.DataFrame) -> pd.DataFrame:
    """`debt_equity` of areas: shares are of the expected contacts, rates of the person-years that they tell."""
    table = RESULT_TABLES["debt_equity"]
    years = 1000 * rows["debt"] / rows["per_1000"].where(rows["per_1000"] != 0)
    parts = {name: rows[name] * rows["expected"] for name in _SHARE} | {name: rows[name] * years for name in _RATE}
    added = _added(rows.assign(**parts, years=years), table, more=[*_SHARE, *_RATE, "years"])
    for names, whole in ((_SHARE, "expected"), (_RATE, "years")):
        added[list(names)] = added[list(names)].div(added[whole].where(added[whole] != 0), axis=0)
    return added[list(table.names)]


def _in_order(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Rows of both in the order of their numbers, with the first's types."""
    both = pd.concat([part for part in (one, other) if len(part)] or [one]).sort_index(kind="stable")
    return both.astype(one.dtypes.to_dict()).reset_index(drop=True)


def _area_of(areas: Areas) -> dict[str, str]:
    """The area of each municipality that is in one."""
    return {municipality: area for area, municipalities in areas.items() for municipality in municipalities}


def _placed(frame: pd.DataFrame, name: str) -> pd.Series:
    """The municipality or area of each row; empty where the row is of something else."""
    place = frame[PLACES[name]].astype(object)
    return place.where(frame["axis"] == "area", "") if "axis" in frame else place
