"""Months in which a unit recorded far less than usual: is the register or the care to blame?

The usual month of a unit's service is the median of its months before, each divided by the service's season. A month
has fallen when it is a small part of that and chance does not explain it: counts vary by Poisson and, beyond that, as
the unit's own months have. The verdict then asks what else is known of the same month:

- `known`: a break of breaks.yml or a fall of coverage began then;
- `real`: at least half of the service's other units fell too, or the unit's own capacity did;
- `register`: the unit's rows vanished although the others stood still, or capacity, free appointments or referrals
  show that it worked;
- `unclear`: anything else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from ennakointi.disclosure.supplier_rules import FEW
from ennakointi.parameters.documents import Break
from ennakointi.parameters.quality_documents import VolumeBreakSettings
from ennakointi.periods import month_text
from ennakointi.quality.activity import COVERAGE_FALLS
from ennakointi.result_tables import RESULT_TABLES

KNOWN, REAL, REGISTER, UNCLEAR = "known", "real", "register", "unclear"
_EXPLAINING = ("organiser", "provider", "record_system", "coding", "reform")
_RESOURCES = ("fte", "slots")  # kinds of activity that are capacity
_MAD = 1.4826  # makes the median absolute deviation of a normal variable its standard deviation
_SLACK = 0.5  # months of a season below this share of the mean say too little of the level

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Series:
    """Counts of every unit's service by month.

    Attributes
    ----------
    units, services : (S,) words.
    months : (M,) consecutive month indices.
    counts : (S, M) contacts; NaN before the first month of the series.
    """

    units: NDArray[np.str_]
    services: NDArray[np.str_]
    months: NDArray[np.int64]
    counts: Floats


@dataclass(frozen=True, eq=False)
class Breaks:
    """`table`: the result table `volume_breaks`; `tested`: unit-months that were looked at."""

    table: pd.DataFrame
    tested: int


def find(
    volumes: pd.DataFrame,
    activity: pd.DataFrame,
    settings: VolumeBreakSettings,
    known_breaks: Mapping[str, Break],
    last_month: int,
) -> Breaks:
    """Fallen months of all units with their verdicts.

    Parameters
    ----------
    volumes : unit, service, month, rows, persons, bought (rows of purchased and third-sector services)
    activity : unit, service, month, kind, amount
    settings : thresholds
    known_breaks : breaks of the register by their name
    last_month : last whole month of the data
    """
    names = list(RESULT_TABLES["volume_breaks"].names)
    used = volumes[(volumes["unit"] != "") & (volumes["month"] <= last_month)]
    if used.empty:
        return Breaks(pd.DataFrame(columns=names), 0)
    series = _series(used, last_month)
    season = seasons(series)
    usual, spread = levels(series, season, settings)
    tested = usual >= settings.minimum_expected
    fallen = tested & _fell(series.counts, usual, spread, settings)
    verdict = _verdicts(series, usual, tested, fallen, activity, known_breaks, settings)
    at, when = np.nonzero(verdict != "")
    persons = used.set_index(["unit", "service", "month"])["persons"]
    given = used.groupby(["unit", "service"])[["rows", "bought"]].sum()
    mostly_bought = (given["bought"] > given["rows"] / 2).reindex(list(zip(series.units, series.services, strict=True)))
    keys = list(zip(series.units[at], series.services[at], series.months[when], strict=True))
    table = pd.DataFrame(
        {
            "unit": series.units[at],
            "service": series.services[at],
            "month": [month_text(int(month)) for month in series.months[when]],
            "verdict": verdict[at, when],
            "observed": series.counts[at, when].astype(np.int64),
            "expected": usual[at, when],
            "ratio": series.counts[at, when] / usual[at, when],
            "suppliers": np.where(mostly_bought.to_numpy(bool)[at], FEW, ""),
            "n_persons": persons.reindex(keys).fillna(0).to_numpy(np.int64),
        }
    )
    return Breaks(table.sort_values(names[:3], ignore_index=True)[names], int(tested.sum()))


def _series(volumes: pd.DataFrame, last_month: int) -> Series:
    wide = volumes.pivot_table(index=["unit", "service"], columns="month", values="rows", aggfunc="sum")
    months = np.arange(volumes["month"].min(), last_month + 1)
    counts = wide.reindex(columns=months).to_numpy(float)
    begun = np.cumsum(~np.isnan(counts), axis=1) > 0
    counts = np.where(begun, np.nan_to_num(counts), np.nan)
    units, services = (wide.index.get_level_values(i).to_numpy(str) for i in (0, 1))
    return Series(units, services, months, counts)


def seasons(series: Series) -> Floats:
    """The service's season by series and month: calendar months over the running year, on average 1 (S, M).

    Of an even number of years the upper middle one counts, so that one disturbed year of two leaves no trace.
    """
    season = np.ones(series.counts.shape)
    calendar = series.months % 12
    for service in np.unique(series.services):
        mine = series.services == service
        total = np.nansum(series.counts[mine], axis=0)
        if len(total) < 24:
            continue
        weights = np.r_[0.5, np.ones(11), 0.5] / 12
        mean = np.convolve(total, weights, mode="valid")
        ratio = np.divide(total[6:-6], mean, out=np.full(len(mean), np.nan), where=mean > 0)
        by_month = [ratio[(calendar[6:-6] == month) & np.isfinite(ratio)] for month in range(12)]
        index = np.array([np.quantile(seen, 0.5, method="higher") if len(seen) else 1.0 for seen in by_month])
        season[mine] = (index / index.mean())[calendar] if index.any() else 1.0
    return season


def levels(series: Series, season: Floats, settings: VolumeBreakSettings) -> tuple[Floats, Floats]:
    """Usual contacts of every month from the months before it, and their relative spread beyond Poisson (S, M).

    NaN where fewer months than `minimum_history_months` came before.
    """
    n, length = series.counts.shape
    usual, spread = np.full((n, length), np.nan), np.full((n, length), np.nan)
    level = np.divide(series.counts, season, out=np.full(season.shape, np.nan), where=season >= _SLACK)
    worth = np.nanmax(np.where(np.isnan(series.counts), 0, series.counts), axis=1) >= settings.minimum_expected
    for month in range(settings.minimum_history_months, length):
        before = slice(max(0, month - settings.history_months), month)
        enough = worth & (np.sum(~np.isnan(series.counts[:, before]), axis=1) >= settings.minimum_history_months)
        past = level[enough, before]
        past = past[:, ~np.isnan(past).all(axis=0)]
        if not past.size:
            continue
        middle = np.nanmedian(past, axis=1)
        usual[enough, month] = middle * season[enough, month]
        away = np.nanmedian(np.abs(past - middle[:, None]), axis=1)
        relative = np.divide(_MAD * away, middle, out=np.zeros(len(middle)), where=middle > 0)
        by_chance = np.divide(1, middle, out=np.zeros(len(middle)), where=middle > 0)
        spread[enough, month] = np.sqrt(np.maximum(relative**2 - by_chance, 0))
    return usual, spread


def _fell(counts: Floats, usual: Floats, spread: Floats, settings: VolumeBreakSettings) -> Flags:
    """Months below `fall_share` of the usual that a negative binomial around it does not explain."""
    low = counts < settings.fall_share * usual
    chance = np.ones(counts.shape)
    mean, variance = usual[low], spread[low] ** 2 + 1e-9
    chance[low] = stats.nbinom.cdf(counts[low], 1 / variance, 1 / (1 + mean * variance))
    return low & (chance < settings.p_value)


def _verdicts(
    series: Series,
    usual: Floats,
    tested: Flags,
    fallen: Flags,
    activity: pd.DataFrame,
    known_breaks: Mapping[str, Break],
    settings: VolumeBreakSettings,
) -> NDArray[np.str_]:
    """The verdict of every fallen month, empty elsewhere (S, M); of months on end with a known cause the first's."""
    share_fallen, others_share = _others(series, usual, tested, settings)
    resources, traces = _worked(series, activity, settings)
    vanished = series.counts <= settings.vanished_share * usual
    still = (others_share >= settings.still_share) & (share_fallen < 0.5)
    real = (share_fallen >= 0.5) | (resources == -1)
    register = vanished & (still | (resources == 1) | (traces == 1))
    verdict = np.select([~fallen, real, register], ["", REAL, REGISTER], UNCLEAR)
    known, first = _known(series, usual, fallen, activity, known_breaks, settings)
    verdict[known] = ""
    verdict[first] = KNOWN
    return verdict


def _others(series: Series, usual: Floats, tested: Flags, settings: VolumeBreakSettings) -> tuple[Floats, Floats]:
    """Share of the service's other units that fell, and what they all did of what is usual for them (S, M).

    NaN in the second, and 0 in the first, where the service has no other unit to look at.
    """
    share, others = np.zeros(usual.shape), np.full(usual.shape, np.nan)
    down = tested & (series.counts < settings.still_share * usual)
    expected, observed = (np.where(tested, values, 0.0) for values in (usual, series.counts))
    for service in np.unique(series.services):
        mine = series.services == service
        units = tested[mine].sum(axis=0) - tested[mine]
        share[mine] = np.divide(down[mine].sum(axis=0) - down[mine], units, out=share[mine], where=units > 0)
        rest = expected[mine].sum(axis=0) - expected[mine]
        seen = observed[mine].sum(axis=0) - observed[mine]
        others[mine] = np.divide(seen, rest, out=others[mine], where=(units > 0) & (rest > 0))
    return share, others


def _worked(series: Series, activity: pd.DataFrame, settings: VolumeBreakSettings) -> tuple[Floats, Floats]:
    """Whether capacity, and whether other traces, stood still (1), fell (-1) or are not known (0) (S, M).

    Each is compared with the unit's own median of the months before.
    """
    out = np.zeros((2, *series.counts.shape), np.int8)
    place = {key: row for row, key in enumerate(zip(series.units, series.services, strict=True))}
    rows = [place.get(key, -1) for key in zip(activity["unit"], activity["service"], strict=True)]
    inside = activity.assign(row=rows, column=activity["month"] - series.months[0])
    inside = inside[(inside["row"] >= 0) & inside["column"].between(0, len(series.months) - 1)]
    for kind, mine in inside.groupby("kind"):
        amount = np.zeros(series.counts.shape)
        amount[mine["row"], mine["column"]] = mine["amount"].fillna(0)
        held = np.unique(mine["row"])
        begun = np.cumsum(amount[held] > 0, axis=1) > 0
        before = _median_before(np.where(begun, amount[held], np.nan), settings)
        ratio = np.divide(amount[held], before, out=np.full(before.shape, np.nan), where=before > 0)
        sign = np.where(ratio >= settings.still_share, 1, np.where(ratio < settings.fall_share, -1, 0))
        which = 0 if kind in _RESOURCES else 1
        out[which, held] = np.where(out[which, held] == 1, 1, np.where(sign != 0, sign, out[which, held]))
    return out[0].astype(float), out[1].astype(float)


def _median_before(values: Floats, settings: VolumeBreakSettings) -> Floats:
    """Median of the `history_months` before each month, NaN where fewer than the least of them are known (R, M)."""
    out = np.full(values.shape, np.nan)
    for month in range(settings.minimum_history_months, values.shape[1]):
        past = values[:, max(0, month - settings.history_months) : month]
        enough = np.sum(~np.isnan(past), axis=1) >= settings.minimum_history_months
        out[enough, month] = np.nanmedian(past[enough], axis=1)
    return out


def _known(
    series: Series,
    usual: Floats,
    fallen: Flags,
    activity: pd.DataFrame,
    known_breaks: Mapping[str, Break],
    settings: VolumeBreakSettings,
) -> tuple[Flags, Flags]:
    """Fallen months of a series that has been low, or at nothing, since a known change; the first of each (S, M)."""
    changes = [(b.month, b.services) for b in known_breaks.values() if b.kind in _EXPLAINING]
    falls = activity[activity["kind"] == COVERAGE_FALLS]
    changes += [(int(month), (service,)) for month, service in zip(falls["month"], falls["service"], strict=True)]
    explained = np.zeros(fallen.shape, bool)
    for month, services in changes:
        column = month - int(series.months[0])
        mine = np.isin(series.services, services) if services else np.ones(len(fallen), bool)
        explained[mine, max(column, 0) : max(column + settings.known_months, 0)] = True
    low, nothing = (series.counts < settings.fall_share * usual) | (series.counts == 0), series.counts == 0
    starts = (low & ~_earlier(low)) | (nothing & ~_earlier(nothing))
    known, first = np.zeros(low.shape, bool), np.zeros(low.shape, bool)
    running, told = np.zeros(len(low), bool), np.zeros(len(low), bool)
    for month in range(low.shape[1]):
        running = low[:, month] & (running | (starts & explained)[:, month])
        known[:, month] = running & fallen[:, month]
        first[:, month] = known[:, month] & ~(told & running)
        told = running & (told | known[:, month])
    return known, first


def _earlier(flags: Flags) -> Flags:
    """The flags of the month before."""
    return np.pad(flags[:, :-1], ((0, 0), (1, 0)))


def named(table: pd.DataFrame, verdict: str, most: int) -> str:
    """`unit service month` of the first breaks with a verdict, separated by `; `."""
    chosen = table.loc[table["verdict"] == verdict, ["unit", "service", "month"]].head(most)
    return "; ".join(chosen.agg(" ".join, axis=1)) if len(chosen) else ""
