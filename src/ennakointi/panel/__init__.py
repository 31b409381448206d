"""Panels of target groups: key × month with explicit gaps, persons, person-time and register coverage.

Zero and missing differ: a covered cell without contacts is 0; a cell that the register does not hold, or a
month before the group can be told, is missing.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ennakointi.errors import ParameterError, RunError
from ennakointi.panel import breaks as known_breaks
from ennakointi.panel import production as panel_production
from ennakointi.panel.aggregates import AggregatePanel as AggregatePanel
from ennakointi.panel.aggregates import from_aggregate as from_aggregate
from ennakointi.panel.axes import Axes
from ennakointi.panel.cells import ABOUT_FILE, ALL_CODE, ALL_SERVICES
from ennakointi.panel.cells import build as build
from ennakointi.panel.population import age_band_labels
from ennakointi.panel.queue_flows import NO_FLOWS
from ennakointi.parameters.documents import Break
from ennakointi.spelling import did_you_mean

_MEASURES = ["contacts", "persons", "cost_eur"]
_PLACE = ["municipality", "month"]


@dataclass(frozen=True, eq=False)
class Panel:
    """The monthly panel of one target group. Months are month indices, person-time is in person-years.

    Attributes
    ----------
    services : those with contacts in covered cells.
    municipalities, age_bands, sexes : values of the keys.
    first_month, last_month : the months of the data, cut at the as-of date.
    available_from : first month in which the group can be told; before it everything is missing.
    counts : service, municipality, age_band, sex, month, contacts, persons, cost_eur; sparse, covered cells:
        a covered cell that is not there is 0. Persons are distinct in their cell and month. cost_eur is NaN
        where the source knows no costs.
    totals : the same without service: persons with any contact, covered or not, counted once.
    person_time : municipality, age_band, sex, month, member_py, resident_py; dense from `available_from`.
    coverage : service, municipality, month, covered (whether the register holds the cell); dense.
    queue : service, municipality, month, waiting (referrals), persons at the month's end; sparse, empty
        without referrals.
    production : service, municipality, month, provider (own, purchased, third_sector, unknown), contacts, persons;
        sparse, covered cells. Contacts add up to those of `counts`.
    suppliers : service, municipality, month, provider (purchased, third_sector), unit (code of the store, -1 = not
        recorded), contacts; sparse, covered cells. Contacts add up to those of `production`.
    queue_flows : service, municipality, month, waited (whole calendar months since the month of receipt, at most 60),
        waiting (referrals at the month's end), started, left (ended in the month with care, without it); sparse, empty
        without referrals. Of those who were members when the referral came: `panel.queue_flows`.
    breaks : the known breaks of the region; `areas` and `series_end` apply them.
    """

    target_group: str
    services: tuple[str, ...]
    municipalities: tuple[str, ...]
    age_bands: tuple[str, ...]
    sexes: tuple[str, ...]
    first_month: int
    last_month: int
    available_from: int
    counts: pd.DataFrame
    totals: pd.DataFrame
    person_time: pd.DataFrame
    coverage: pd.DataFrame
    queue: pd.DataFrame
    breaks: tuple[Break, ...]
    as_of: date
    production: pd.DataFrame = field(default_factory=panel_production.empty)
    suppliers: pd.DataFrame = field(default_factory=panel_production.no_suppliers)
    queue_flows: pd.DataFrame = field(default_factory=NO_FLOWS.copy)

    @property
    def months(self) -> np.ndarray:
        """All months of the data, also those before `available_from`."""
        return np.arange(self.first_month, self.last_month + 1)

    def areas(self, service: str, from_month: int, to_month: int) -> tuple[str, ...]:
        """Municipalities of constant coverage: always covered, and comparable across the span's breaks."""
        rows = self.coverage[self.coverage["service"] == service]
        inside = rows[rows["month"].between(from_month, to_month)]
        held = inside.groupby("municipality", observed=True)["covered"].all()
        spanned = known_breaks.touching(self.breaks, self.target_group, service, from_month, to_month)
        apart = known_breaks.separated(spanned, self.municipalities)
        return tuple(m for m in self.municipalities if held.get(m, False) and m not in apart)

    def series_end(self, service: str, from_month: int) -> int:
        """Last month to which a series that starts in `from_month` runs: a break may stop it everywhere."""
        spanned = known_breaks.touching(self.breaks, self.target_group, service, from_month, self.last_month)
        return known_breaks.series_end(spanned, self.municipalities, self.last_month)

    def series(self, services: str | Sequence[str], municipalities: Collection[str] | None = None) -> pd.DataFrame:
        """Monthly series of one service, of several together, or of `all`.

        A municipality's month counts, in numerator and denominator, when it is covered for every one of the
        services.

        Returns
        -------
        month (all months of the data), contacts, persons, cost_eur, member_py, covered_share (covered part of
        the residents' person-time). A month without any covered municipality has covered_share 0 and NaN
        elsewhere; a month before `available_from` is NaN throughout. Persons are distinct for one service and
        for `all`; of several services those of the largest are given, a lower bound.
        """
        wanted = self._services(services)
        places = self._places(wanted, municipalities)
        if services == ALL_SERVICES:
            counted = self.totals.groupby(_PLACE, observed=True)[_MEASURES].sum()
        else:
            rows = self.counts[self.counts["service"].isin(wanted)]
            by_service = rows.groupby(["service", *_PLACE], observed=True)[_MEASURES].sum()
            together = by_service.groupby(_PLACE, observed=True)
            counted = together.agg({"contacts": "sum", "persons": "max", "cost_eur": "sum"})
        joined = places.merge(counted.reset_index(), on=_PLACE, how="left")
        monthly = _monthly(joined.fillna(dict.fromkeys(_MEASURES, 0.0)), self.months)
        if self.totals["cost_eur"].isna().all():
            monthly["cost_eur"] = np.nan
        return monthly

    def _services(self, services: str | Sequence[str]) -> list[str]:
        if services == ALL_SERVICES:
            return list(self.services)
        known = list(self.coverage["service"].cat.categories)
        wanted = [services] if isinstance(services, str) else list(services)
        for service in wanted:
            if service not in known:
                raise ParameterError(f"no such service: {service!r}{did_you_mean(service, known)}")
        return wanted

    def _places(self, services: Collection[str], municipalities: Collection[str] | None) -> pd.DataFrame:
        """municipality, month, member_py, resident_py, covered (for every one of the services)."""
        cover = self.coverage[self.coverage["service"].isin(list(services))]
        held = cover.groupby(_PLACE, observed=True)["covered"].all().reset_index()
        lived = self.person_time.groupby(_PLACE, observed=True)[["member_py", "resident_py"]].sum().reset_index()
        inside = lived if municipalities is None else lived[lived["municipality"].isin(list(municipalities))]
        return inside.merge(held, on=_PLACE)


def open(folder: Path, target_group: str) -> Panel:  # noqa: A001 - read as panel.open
    """The panel of one target group from the files that `build` wrote.

    Raises
    ------
    RunError
        The folder holds no finished panels.
    ParameterError
        No panel was built for the group.
    """
    about = _about(folder)
    if target_group not in about["groups"]:
        known = sorted(about["groups"])
        hint = did_you_mean(target_group, known)
        raise ParameterError(f"target group {target_group!r}: no panel{hint}; built are: {', '.join(known)}")
    axes = Axes.read(about)
    labels = {
        "service": list(axes.services),
        "municipality": list(axes.municipalities),
        "age_band": list(age_band_labels(axes.bounds)),
        "sex": list(axes.sexes),
    }
    files = {name: _labelled(folder / target_group / f"{name}.parquet", labels) for name in about["tables"]}
    for name in ("counts", "totals"):
        cents = files[name].pop("cents")
        files[name]["cost_eur"] = cents / 100 if about["cost_known"] else np.nan
    return Panel(
        target_group=target_group,
        services=tuple(about["services_used"]),
        municipalities=axes.municipalities,
        age_bands=age_band_labels(axes.bounds),
        sexes=axes.sexes,
        first_month=axes.first_month,
        last_month=axes.last_month,
        available_from=about["groups"][target_group],
        counts=files["counts"],
        totals=files["totals"].drop(columns="service"),
        person_time=files["person_time"],
        coverage=_labelled(folder / "coverage.parquet", labels),
        queue=files.get("queue", _NO_QUEUE),
        breaks=tuple(Break.model_validate(known) for known in about["breaks"]),
        as_of=date.fromisoformat(about["as_of"]),
        production=panel_production.named(files["production"]) if "production" in files else panel_production.empty(),
        suppliers=panel_production.named(files["suppliers"])
        if "suppliers" in files
        else panel_production.no_suppliers(),
        queue_flows=files.get("queue_flows", NO_FLOWS),
    )


def volumes(folder: Path) -> pd.DataFrame:
    """The result table `volumes`: contacts, euros and distinct persons of residents by service and year.

    One more column: `uncovered`, contacts recorded in cells that are not covered; nothing else counts them.
    """
    about = _about(folder)
    names = {ALL_CODE: ALL_SERVICES, **dict(enumerate(about["services"]))}
    table = pd.read_parquet(folder / "volumes.parquet").rename(columns={"persons": "n_persons"})
    table["service"] = table["service"].map(names)
    table["cost_eur"] = table["cents"] / 100 if about["cost_known"] else np.nan
    return table[["service", "year", "contacts", "cost_eur", "covered_share", "n_persons", "uncovered"]]


_NO_QUEUE = pd.DataFrame(
    {
        "service": pd.Categorical([]),
        "municipality": pd.Categorical([]),
        "month": np.zeros(0, dtype=np.int32),
        "waiting": np.zeros(0, dtype=np.int64),
        "persons": np.zeros(0, dtype=np.int64),
    }
)


def _about(folder: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((folder / ABOUT_FILE).read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise RunError("the quarter has no finished panels: run its prepare phase first") from error


def _labelled(file: Path, labels: dict[str, list[str]]) -> pd.DataFrame:
    """A panel file with the places in the axes replaced by categories."""
    table = pd.read_parquet(file)
    for key in labels.keys() & set(table.columns):
        codes: Any = table[key].to_numpy(np.int16)
        table[key] = pd.Categorical.from_codes(codes, pd.Index(labels[key]))
    return table


def _monthly(places: pd.DataFrame, months: np.ndarray) -> pd.DataFrame:
    """Sums over the covered municipalities of every month, and the covered share of person-time."""
    covered = places[places["covered"].to_numpy(bool)]
    sums = covered.groupby("month")[[*_MEASURES, "member_py", "resident_py"]].sum().reindex(months)
    residents = places.groupby("month")["resident_py"].sum().reindex(months)
    share = sums.pop("resident_py").fillna(0.0) / residents
    return sums.assign(covered_share=share).rename_axis("month").reset_index()
