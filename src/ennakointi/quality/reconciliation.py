"""Yearly totals of these data against external figures of the table `indicators`: the result table `reconciliation`.

A difference is given with what can explain it: each candidate is counted in the data, and what the candidates together
do not cover is called unexplained.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ennakointi import panel
from ennakointi.panel import fates
from ennakointi.panel.axes import Axes
from ennakointi.panel.cells import ALL_SERVICES
from ennakointi.parameters.quality_documents import ReconciledTotal, ReconciliationSettings
from ennakointi.result_tables import RESULT_TABLES
from ennakointi.store import Store

_NOTABLE = 0.1  # a candidate that is smaller than this share of the difference is not named
_COLUMNS = {"contacts": "contacts", "persons": "n_persons", "cost_eur": "cost_eur"}
_APART = {fates.COUNTED: None, fates.LATER_MONTH: None}  # fates that are no candidates
_ITSELF = (fates.UNCOVERED, fates.OUTSIDE_RESIDENCE)  # fates that are named as they are; all others are `not_counted`


@dataclass(frozen=True)
class _Ours:
    """What these data say, by service and year.

    `volumes`: as `panel.volumes`, indexed; `fates`: contacts by service, year and fate; `costs`: attended contacts
    with the client (met), and those of them that have a cost (cost_eur); `years`: whole years of the panel; `partial`:
    those that the data reach in part; `rejected`: rows per accepted row of the table contacts.
    """

    volumes: pd.DataFrame
    fates: pd.DataFrame
    costs: pd.DataFrame
    years: range
    partial: frozenset[int]
    rejected: float
    after_as_of: int


def table(
    opened: Store,
    panels: Path | None,
    measured: pd.DataFrame,
    settings: ReconciliationSettings,
    county_code: str,
) -> pd.DataFrame:
    """The result table `reconciliation`: one row for each total, year and source of an external figure.

    Parameters
    ----------
    panels : folder of the quarter's panels; None for a source without persons, which is not compared
    measured : `quality_volumes`
    county_code : region of the external figures, where a total names none

    Returns
    -------
    Only years that the data reach. `ratio` is ours / external, empty where they cannot be compared: the year is not
    whole in the data (`part_of_year`), the figure is of another region (`other_region`), or nothing is recorded of
    the quantity (`cost_missing`). A difference above `limit_share` has status `differs`, and its reasons in order of
    their size: `coverage` (the register does not hold all cells), `uncovered` (contacts in cells that are not counted),
    `not_counted` (cancelled, administrative), `outside_residence`, `rejected` (rows of the table contacts that broke a
    rule), `cost_missing`, `unexplained`. Their size is that of the contacts concerned, as a share of those counted.
    """
    columns = list(RESULT_TABLES["reconciliation"].names)
    if panels is None or "indicators" not in opened.tables:
        return pd.DataFrame(columns=columns)
    external = _external(opened)
    ours = _ours(opened, panels, measured)
    rows = [row for total in settings.totals for row in _of_total(total, external, ours, settings, county_code)]
    return pd.DataFrame(rows, columns=columns)


def _external(opened: Store) -> pd.DataFrame:
    """The indicators of whole years: indicator, region, period, value, source, year."""
    rows = opened.frame("indicators").collect("pandas").to_native()
    for column in ("indicator", "region"):
        rows[column] = np.array(opened.codes("indicators", column))[rows[column].to_numpy(np.int64)]
    yearly = rows[rows["period"].str.fullmatch(r"\d{4}")]
    return yearly.assign(year=yearly["period"].astype(int)).sort_values(["year", "source"])


def _ours(opened: Store, panels: Path, measured: pd.DataFrame) -> _Ours:
    axes = Axes.of(opened, (0,))
    first, last = -(-axes.first_month // 12), (axes.last_month + 1) // 12
    reached = range(axes.first_month // 12, axes.last_month // 12 + 1)
    about = opened.manifest["tables"]["contacts"]
    return _Ours(
        volumes=panel.volumes(panels).set_index(["service", "year"]),
        fates=fates.read(panels),
        costs=measured.groupby(["service", measured["month"].rename("year") // 12])[["met", "cost_eur"]].sum(),
        years=range(first, last),
        partial=frozenset(reached) - frozenset(range(first, last)),
        rejected=about["quarantined"] / max(about["accepted"], 1),
        after_as_of=about["after_as_of"],
    )


def _of_total(
    total: ReconciledTotal, external: pd.DataFrame, ours: _Ours, settings: ReconciliationSettings, county_code: str
) -> Iterator[dict[str, object]]:
    """The rows of one total."""
    figures = external[external["indicator"] == total.indicator]
    for year, of_year in figures[figures["year"].isin({*ours.years, *ours.partial})].groupby("year"):
        here = of_year[of_year["region"] == (total.region or county_code)]
        for _, figure in (here if len(here) else of_year.head(1)).iterrows():
            row = {"indicator": total.indicator, "period": str(year), "services": ";".join(total.services)}
            row |= {"source": figure["source"], "quantity": total.quantity, "external": figure["value"]}
            yield row | _compared(total, int(str(year)), figure["value"] if len(here) else None, ours, settings)


def _compared(
    total: ReconciledTotal, year: int, figure: float | None, ours: _Ours, settings: ReconciliationSettings
) -> dict[str, object]:
    """ours, ratio, status, reason and n_persons of one total in one year; `figure` is None for another region's."""
    places = [(service, year) for service in total.services if (service, year) in ours.volumes.index]
    volumes = ours.volumes.loc[places]
    column = _COLUMNS[total.quantity]
    unknown = len(volumes) > 0 and volumes[column].isna().all()
    value = float(volumes[column].sum())
    row = {"ours": None if unknown else value, "n_persons": volumes["n_persons"].max(), "ratio": None}
    if figure is None:
        return {**row, "status": "not_comparable", "reason": "other_region"}
    if year in ours.partial:
        late = ";after_as_of" if ours.after_as_of and year == max(ours.partial) else ""
        return {**row, "status": "not_comparable", "reason": f"part_of_year{late}"}
    if unknown:
        return {**row, "status": "not_comparable", "reason": "cost_missing"}
    row["ratio"] = value / figure if figure else None
    if abs(value - figure) <= settings.limit_share * abs(figure):
        return {**row, "status": "agrees", "reason": ""}
    sizes = _sizes(total, year, volumes, ours)
    return {**row, "status": "differs", "reason": ";".join(_reasons(value, figure, sizes, settings.limit_share))}


def _sizes(total: ReconciledTotal, year: int, volumes: pd.DataFrame, ours: _Ours) -> dict[str, float]:
    """What each candidate would add, as a share of what is counted; infinite where nothing is counted."""
    of_year = ours.fates[ours.fates["year"] == year]
    if total.services != (ALL_SERVICES,):
        of_year = of_year[of_year["service"].isin(total.services)]
    left: dict[str, float] = {}
    for fate, n in of_year.groupby("fate")["contacts"].sum().items():
        name = str(fate) if fate in _ITSELF else "not_counted"
        if fate not in _APART:
            left[name] = left.get(name, 0.0) + float(n)
    counted = float(volumes["contacts"].sum())
    sizes = {name: _share(n, counted) for name, n in left.items()}
    full = volumes["contacts"] / volumes["covered_share"]
    sizes["coverage"] = np.inf if (volumes["covered_share"] == 0).any() else _share(full.sum() - counted, counted)
    sizes["rejected"] = ours.rejected
    if total.quantity == "cost_eur":
        met = ours.costs[ours.costs.index.isin(volumes.index)].sum()
        sizes["cost_missing"] = _share(met["met"] - met["cost_eur"], met["cost_eur"])
    return sizes


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else (np.inf if part > 0 else 0.0)


def _reasons(value: float, figure: float, sizes: Mapping[str, float], limit_share: float) -> list[str]:
    """Candidates that make up a notable part of what is missing here, largest first, and whether any is left over.

    Nothing that is left out makes our figure the larger one, so that such a difference is unexplained.
    """
    missing = figure - value
    amounts = {name: share * value if value else share for name, share in sizes.items()}
    named = {name: amount for name, amount in amounts.items() if missing > 0 and amount >= _NOTABLE * missing}
    reasons = sorted(named, key=lambda name: (-named[name], name))
    left_over = missing < 0 or missing - sum(named.values()) > limit_share * abs(figure)
    return [*reasons, "unexplained"] if left_over else reasons
