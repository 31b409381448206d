"""Readings of the released forecast tables: years and their change, the months ahead, municipalities, past hits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ennakointi.pages.context import PageContext, Row, Tables, is_hidden, is_shown, record, records, rows
from ennakointi.periods import month_text, parse_month
from ennakointi.result_tables import MONTHLY, QUARTERLY

YEAR = 12
MONTHS = {MONTHLY: 1, QUARTERLY: 3}  # that a row is of, by its frequency
CONTACTS = ("contacts", "lo80", "hi80")
AMOUNT = ("amount", "lo80", "hi80")
LEVELS = {0.5: "value", 0.1: "lo", 0.9: "hi", 0.025: "lo95", 0.975: "hi95"}


@dataclass(frozen=True)
class Change:
    """How much a later number differs from an earlier one, with its 80 % interval.

    The errors of both years are added as if they were independent: nearby years err alike, so that the interval is
    rather too wide than too narrow.
    """

    base: float
    value: float
    lo: float
    hi: float

    @property
    def certain(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.lo > 0 or self.hi < 0

    @property
    def shares(self) -> tuple[float, float, float]:
        """The change and its interval as shares of the earlier number."""
        return self.value / self.base, self.lo / self.base, self.hi / self.base


def change(start: Row | None, end: Row | None, columns: Sequence[str] = CONTACTS) -> Change | None:
    """The change between two rows; None when either is not shown, has no interval at its end, or begins at zero."""
    if start is None or end is None or not is_shown(start, columns[0]) or not is_shown(end, *columns):
        return None
    base, value = float(start[columns[0]]), float(end[columns[0]])
    if base <= 0:
        return None
    known = is_shown(start, *columns)
    below, above = (base - float(start[columns[1]]), float(start[columns[2]]) - base) if known else (0.0, 0.0)
    lo = value - base - np.hypot(value - float(end[columns[1]]), above)
    hi = value - base + np.hypot(float(end[columns[2]]) - value, below)
    return Change(base, value - base, float(lo), float(hi))


def variants(tables: Tables, target_group: str) -> list[str]:
    """Variants of the outlook, that of the page first: without scenarios, by the newest of the projections, whose
    names carry their year."""
    found = rows(tables, "demand_outlook", target_group=target_group)
    ahead = found if found.empty else found[found["basis"] != "observed"]
    named = set() if ahead.empty else set(ahead["variant"].astype(str))
    return sorted(sorted(named, reverse=True), key=lambda variant: "+" in variant)


def outlook(tables: Tables, target_group: str, service: str = "all", variant: str = "") -> pd.DataFrame:
    """Years of one service in the order of time: those observed, and those ahead in a variant."""
    found = rows(tables, "demand_outlook", target_group=target_group, service=service)
    known = variants(tables, target_group)
    if found.empty or not (variant or known):
        return pd.DataFrame()
    own = (found["variant"] == (variant or known[0])) | (found["basis"] == "observed")
    return found[own].drop_duplicates(["year"], keep="last").sort_values("year")


def at_year(frame: pd.DataFrame, year: int | None) -> Row | None:
    """The row of a year, or None."""
    found = frame if frame.empty else frame[frame["year"].astype(int) == year]
    return None if found.empty else record(found)


def this_year(context: PageContext) -> int:
    """The year of the quarter; the year after it is the coming one."""
    return context.quarter.year


def base_year(tables: Tables, target_group: str, context: PageContext) -> int:
    """The year that all changes of the page are told from, as its waterfall does: the last one that took place."""
    bars = rows(tables, "demand_drivers", target_group=target_group, service="all")
    if not bars.empty:
        return int(bars["from_year"].astype(int).max())
    years = outlook(tables, target_group)
    past = years if years.empty else years[years["basis"] == "observed"]
    return this_year(context) if past.empty else int(past["year"].astype(int).max())


def last_year(frame: pd.DataFrame) -> int | None:
    """The last year of an outlook."""
    return None if frame.empty else int(frame["year"].astype(int).max())


def joint(frame: pd.DataFrame) -> int | None:
    """The first year that the population projection carries; None when no year is."""
    carried = frame if frame.empty else frame[frame["basis"] == "demography"]
    return None if carried.empty else int(carried["year"].astype(int).min())


def services(tables: Tables, target_group: str, context: PageContext) -> list[str]:
    """Services with an outlook or a forecast, the largest of this year first; hidden ones last."""
    found = rows(tables, "forecast", target_group=target_group, municipality="all")
    ahead = rows(tables, "demand_outlook", target_group=target_group)
    named = [*([] if found.empty else found["service"]), *([] if ahead.empty else ahead["service"])]
    sizes = {service: _size(tables, target_group, service, context) for service in dict.fromkeys(named)}
    return sorted((s for s in sizes if s != "all"), key=lambda s: -sizes[s])


def _size(tables: Tables, target_group: str, service: str, context: PageContext) -> float:
    row = at_year(outlook(tables, target_group, service), this_year(context))
    if row is not None and is_shown(row, "contacts"):
        return float(row["contacts"])
    months = rows(tables, "forecast", target_group=target_group, service=service, municipality="all")
    return float(months["mean"].mean()) if not months.empty and months["mean"].notna().all() else -1.0


def months(tables: Tables, target_group: str, service: str) -> pd.DataFrame:
    """Months of one service for the fan: `x`, `observed`, `value`, `lo`, `hi`, `lo95`, `hi95`, `disrupted`."""
    keys = {"target_group": target_group, "service": service, "municipality": "all"}
    past, ahead = rows(tables, "forecast_history", **keys), rows(tables, "forecast", **keys)
    made = pd.DataFrame(columns=list(LEVELS.values()))
    if not ahead.empty:
        wide = ahead.pivot_table(index="month", columns="quantile", values="value", dropna=False)
        made = wide.rename(columns=LEVELS).reindex(columns=list(LEVELS.values()))
    seen = past.set_index("month")[["observed", "period"]] if not past.empty else pd.DataFrame()
    whole = pd.concat([seen, made]).sort_index().reset_index(names="month")
    if whole.empty:
        return whole
    whole["x"] = [parse_month(str(month)) for month in whole["month"]]
    whole["disrupted"] = whole.get("period", pd.Series("", index=whole.index)) == "disrupted"
    return whole.reindex(columns=["month", "x", "observed", *LEVELS.values(), "disrupted"])


def disrupted_span(frame: pd.DataFrame) -> tuple[str, str] | None:
    """First and last disrupted month of a series of `months`."""
    known = frame if frame.empty else frame[frame["disrupted"]]
    return None if known.empty else (str(known["month"].iloc[0]), str(known["month"].iloc[-1]))


def drivers(tables: Tables, target_group: str, scenarios: bool = False) -> pd.DataFrame:
    """The bars of the waterfall of all services in their order: in the variant of the page, whose end its sentences
    tell, or with the scenarios; empty where there is none."""
    found = rows(tables, "demand_drivers", target_group=target_group, service="all")
    if found.empty:
        return found
    plain = variants(tables, target_group)[:1]
    own = [one for one in sorted(set(found["variant"].astype(str))) if ("+" in one) == scenarios]
    newest = [one for one in own if plain and one.split("+")[0] == plain[0]] or own
    return found[found["variant"] == newest[-1]].sort_values("place") if newest else found.iloc[:0]


def resource(tables: Tables, target_group: str, name: str, service: str = "all") -> pd.DataFrame:
    """A resource by year, in the variant of the page."""
    known = variants(tables, target_group)
    found = rows(tables, "demand_resources", target_group=target_group, service=service, resource=name)
    if found.empty:
        return found
    chosen = known[0] if known and (found["variant"] == known[0]).any() else found["variant"].iloc[0]
    return found[found["variant"] == chosen].sort_values("year")


@dataclass(frozen=True)
class Place:
    """The next 12 months of a municipality beside its last 12; `last` is NaN when not known."""

    code: str
    hidden: bool
    last: float
    value: float
    lo: float
    hi: float

    @property
    def change(self) -> Change | None:
        """The change from the last 12 months; None when it cannot be told."""
        if self.hidden or not self.last > 0:
            return None
        return Change(self.last, self.value - self.last, self.lo - self.last, self.hi - self.last)


def places(tables: Tables, target_group: str) -> list[Place]:
    """Municipalities, the largest first, hidden ones last.

    A service counts in a municipality where both all its last 12 months and all its next 12 are shown, so that like is
    compared with like; where no last months are known at all, those with their next 12. Months (quarters) of a service
    are taken to err alike and services independently of each other.
    """
    found = rows(tables, "forecast", target_group=target_group)
    own = found if found.empty else found[(found["municipality"] != "all") & (found["service"] != "all")]
    if own.empty:
        return []
    first = parse_month(str(own["month"].min()))
    near = own[own["month"] <= month_text(first + YEAR - 1)]
    past = rows(tables, "forecast_history", target_group=target_group)
    past = past if past.empty else past[(past["month"] >= month_text(first - YEAR)) & (past["municipality"] != "all")]
    made = [_place(str(code), of, past) for code, of in near.groupby("municipality", sort=False)]
    return sorted(made, key=lambda place: (place.hidden, -place.value))


def _place(code: str, near: pd.DataFrame, past: pd.DataFrame) -> Place:
    ahead = {service: of for service, of in near.groupby("service", sort=False) if of["value"].notna().all()}
    seen = past if past.empty else past[past["municipality"] == code]
    last = {}
    if not seen.empty:
        whole = seen.assign(months=seen["frequency"].map(MONTHS)).groupby("service")
        last = {
            s: of["observed"].sum() for s, of in whole if of["months"].sum() == YEAR and of["observed"].notna().all()
        }
    counted = [service for service in ahead if service in last or seen.empty]
    mean, below, above = 0.0, 0.0, 0.0
    for of in (ahead[service] for service in counted):
        sums = of.groupby("quantile")["value"].sum()
        middle = float(of.drop_duplicates("month")["mean"].sum())
        mean += middle
        below, above = below + max(middle - sums[0.1], 0.0) ** 2, above + max(sums[0.9] - middle, 0.0) ** 2
    if not counted or (mean == 0 and len(counted) < near["service"].nunique()):  # hidden is not nothing
        return Place(code, True, np.nan, np.nan, np.nan, np.nan)
    before = float(sum(last[service] for service in counted)) if last else np.nan
    return Place(code, False, before, mean, max(mean - below**0.5, 0.0), mean + above**0.5)


@dataclass(frozen=True)
class Hits:
    """How the forecast made in a quarter did: services whose latest month lay inside, and months inside."""

    made: str
    services: int
    hits: int
    months: int
    inside: int
    better: int
    compared: int
    total: Row | None = None  # the row of all services together


def latest_hits(tables: Tables, target_group: str) -> Hits | None:
    """Of the newest forecast that has been scored, over its services; None when there is none."""
    found = rows(tables, "forecast_ledger", target_group=target_group)
    own = found if found.empty else found[found["service"] != "all"].dropna(subset=["months", "inside80_latest"])
    shown = [row for row in records(own) if not is_hidden(row, "error_share") and row["months"] > 0]
    if not shown:
        return None
    made = max(str(row["made"]) for row in shown)
    newest = [row for row in shown if str(row["made"]) == made]
    compared = [row for row in newest if is_shown(row, "wql", "naive_wql")]
    hits, months, inside = (int(sum(row[name] for row in newest)) for name in ("inside80_latest", "months", "inside80"))
    better = sum(row["wql"] < row["naive_wql"] for row in compared)
    whole = [row for row in records(found) if row["service"] == "all" and str(row["made"]) == made]
    total = next(
        (row for row in whole if is_shown(row, "months", "inside80", "error_share") and row["months"] > 0), None
    )
    return Hits(made, len(newest), hits, months, inside, better, len(compared), total)
