"""What was checked of a group's forecasts, as rows of `forecast_checks`: all services together, and services that
failed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ennakointi import scores
from ennakointi.forecast.hierarchy import Hierarchy
from ennakointi.forecast.reconciliation import Reconciled
from ennakointi.forecast.series import (
    ENSEMBLE,
    HIGH80,
    LEVEL,
    LOW80,
    REFUSED,
    THETA,
    ZERO,
    EngineForecast,
    Windows,
)
from ennakointi.forecast.tables import ALL, RECENT_MONTHS, county_nodes
from ennakointi.forecast.window_scores import ENGINE, NAIVE
from ennakointi.periods import month_text
from ennakointi.result_tables import RESULT_TABLES
from ennakointi.results import Check
from ennakointi.text import message_json

if TYPE_CHECKING:
    from ennakointi.parameters import TargetGroup
    from ennakointi.parameters.documents import ForecastSettings

AIMED_COVERAGE = 0.9  # of residents
AIMED_MONTHS = 36
FALLBACK_LIMIT = 0.05  # share of contacts in series that the models cannot take
INSIDE80 = (0.7, 0.9)  # share of tested months inside the 80 % interval
NOISE = 0.001  # of all residents' contacts: an excess under it is that of two estimates
ROUNDING = 1e-6  # sums that differ by less than this share are the same
_WORDS = {True: "yes", False: "no", None: "not_checked"}

ServiceCheck = tuple[str, Check]


def checks(
    hierarchy: Hierarchy,
    coherent: Reconciled,
    found: pd.DataFrame,
    settings: ForecastSettings,
    group: TargetGroup | None,
    usual: str,
) -> list[ServiceCheck]:
    """All checks of the whole, and of single services those that failed.

    Parameters
    ----------
    coherent : the reconciled forecasts of the hierarchy's nodes
    found : `forecast_scores`
    usual : the method of the mode; others are fallbacks
    """
    county, made = county_nodes(hierarchy), coherent.forecast
    whole = [
        _coverage(float(hierarchy.covered_share[0])),
        *_disruption(hierarchy, settings),
        _fallback(hierarchy, made, usual),
        _intervals(made.windows, county),
        *_naive(found, ALL),
        _coherent(hierarchy, coherent),
        *_membership(group),
    ]
    single = [
        (hierarchy.nodes[i][0], check)
        for i in county[1:]
        for check in _service_checks(hierarchy, made, found, i, usual)
        if check.passed is False
    ]
    return [*((ALL, check) for check in whole), *single]


def table(target_group: str, found: Sequence[ServiceCheck]) -> pd.DataFrame:
    """Checks as rows of `forecast_checks`."""
    rows = [
        (target_group, service, check.name, _WORDS[check.passed], message_json(check.message, check.values))
        for service, check in found
    ]
    return pd.DataFrame(rows, columns=list(RESULT_TABLES["forecast_checks"].names))


def refusals(services: Sequence[str]) -> list[ServiceCheck]:
    """Services that the data know and that have no series to forecast."""
    return [
        (
            service,
            Check(
                "refused",
                False,
                "No forecast: the register does not hold the service at the end of the data, or there is not a "
                "single contact to learn from.",
            ),
        )
        for service in services
    ]


def nothing() -> list[ServiceCheck]:
    """The check of a group without any series."""
    return [(ALL, Check("refused", False, "No forecast: the group has no contacts to learn from."))]


def within_all(forecast: pd.DataFrame) -> pd.DataFrame:
    """Whether each group's forecast is at most that of all residents, service by service and month by month.

    Groups overlap and are never added up; this is the one thing that must hold between them. Both are estimates of
    their own: an excess under 0.1 % of the contacts of all residents passes, and is told.

    Parameters
    ----------
    forecast : the result table of all groups together

    Returns
    -------
    A row of `forecast_checks` for every group but `all`.
    """
    county = forecast[(forecast["municipality"] == ALL) & (forecast["quantile"] == 0.5)]
    means = county.set_index(["service", "month"])[["target_group", "mean"]]
    every = means.loc[means["target_group"] == ALL, "mean"].rename("of_all")
    rows = [
        table(str(group), [(ALL, _within(own["mean"], every))])
        for group, own in means.groupby("target_group")
        if group != ALL
    ]
    return pd.concat(rows, ignore_index=True) if rows else table(ALL, [])


def _within(own: pd.Series, every: pd.Series) -> Check:
    both = pd.concat([own, every], axis=1, join="inner")
    if both.empty:
        return Check("within_all", None, "All residents have no forecast to compare the group with.")
    above = both[both["mean"] > both["of_all"] * (1 + ROUNDING)]
    if above.empty:
        return Check("within_all", True, "The group's forecast is nowhere above that of all residents.")
    excess = float((above["mean"] - above["of_all"]).sum() / both["of_all"].sum())
    return Check(
        "within_all",
        excess < NOISE,
        "The group's forecast is above that of all residents in {above} of {compared} months of single services, "
        "by {excess_share} of all contacts: both are estimates of their own.",
        {"above": len(above), "compared": len(both), "excess_share": excess},
    )


def _coverage(share: float) -> Check:
    values = {"covered_share": share}
    if share > AIMED_COVERAGE - ROUNDING:
        return Check("coverage", True, "The forecast covers the areas of {covered_share} of residents.", values)
    return Check(
        "coverage",
        False,
        "The forecast covers the areas of {covered_share} of residents; the register does not hold the rest.",
        values,
    )


def _disruption(hierarchy: Hierarchy, settings: ForecastSettings) -> Iterator[Check]:
    first, last = settings.disruption_first, settings.disruption_last
    if first <= hierarchy.months[-1] and last >= hierarchy.months[0]:
        yield Check(
            "disruption",
            True,
            "Months from {first_month} to {last_month} are not learned from: care was disrupted.",
            {"first_month": month_text(first), "last_month": month_text(last)},
        )


def _fallback(hierarchy: Hierarchy, made: EngineForecast, usual: str) -> Check:
    contacts = np.nansum(hierarchy.observed[:, -RECENT_MONTHS:], axis=1)
    bottom = np.array([place != ALL for _, place in hierarchy.nodes])
    small = np.array([method != usual for method in made.methods])
    every = contacts[bottom].sum()
    share = float(contacts[bottom & small].sum() / every) if every > 0 else 0.0
    values: Mapping[str, float] = {"fallbacks": int(small.sum()), "series": len(small), "contacts_share": share}
    return Check(
        "fallback",
        share <= FALLBACK_LIMIT,
        "{fallbacks} of {series} series are too short or too small for the models and got a simpler one, most of "
        "them a constant level. They make {contacts_share} of contacts.",
        values,
    )


def _intervals(windows: Windows | None, county: Sequence[int]) -> Check:
    if windows is None:
        return Check("intervals", None, "The history is too short to test the forecast on earlier months.")
    observed, quantiles = windows.observed[county], windows.quantiles[county]
    if not (np.isfinite(observed) & np.isfinite(quantiles[..., LOW80])).any():
        return Check("intervals", None, "The history is too short to test the forecast on earlier months.")
    share = scores.covered_share(observed, quantiles[..., LOW80], quantiles[..., HIGH80])
    return Check(
        "intervals",
        INSIDE80[0] <= share <= INSIDE80[1],
        "The forecast was made {origins} times as of an earlier month: its 80 % forecast interval held "
        "{inside_share} of the months that followed.",
        {"origins": len(windows.back), "inside_share": share},
    )


def _naive(found: pd.DataFrame, service: str) -> Iterator[Check]:
    """Against the same month of the year before, on the same earlier months."""
    wql = found[found["service"] == service].set_index("model")["wql"]
    if not {ENGINE, NAIVE} <= set(wql.index) or not float(wql[NAIVE]) > 0:
        return
    gain = 1 - float(wql[ENGINE]) / float(wql[NAIVE])
    if gain > 0:
        yield Check(
            "naive",
            True,
            "In tests on earlier months the loss was {gain_share} smaller than with the same month of the year before.",
            {"gain_share": gain},
        )
    else:
        yield Check(
            "naive",
            False,
            "In tests on earlier months the forecast was no better than the same month of the year before.",
        )


def _coherent(hierarchy: Hierarchy, coherent: Reconciled) -> Check:
    """Whether bottom-up sums of the means are the means of the upper nodes."""
    mean = np.nan_to_num(coherent.forecast.mean)
    sums = hierarchy.summing @ mean[len(mean) - hierarchy.summing.shape[1] :]
    apart = np.abs(mean - sums).sum(axis=1) / np.maximum(mean.sum(axis=1), 1.0)
    if apart.max() > ROUNDING:
        return Check(
            "coherent",
            False,
            "The forecasts of municipalities and services do not add up: sums differ by up to {difference_share}.",
            {"difference_share": float(apart.max())},
        )
    if coherent.top_kept:
        return Check(
            "coherent",
            True,
            "Municipalities add up to services and services to their total, which was better foretold as one series.",
        )
    return Check("coherent", True, "Municipalities add up to services, and services to their total.")


def _membership(group: TargetGroup | None) -> Iterator[Check]:
    if group is not None and group.endogenous:
        yield Check(
            "membership",
            None,
            "Use of services itself decides who belongs to the group. The forecast counts the contacts of those who "
            "will belong to it, and holds only if people join and leave as before.",
        )


def _service_checks(
    hierarchy: Hierarchy, made: EngineForecast, found: pd.DataFrame, node: int, usual: str
) -> Iterator[Check]:
    yield _coverage(float(hierarchy.covered_share[node]))
    yield from _simpler(made.methods[node], usual)
    yield from _short(hierarchy, node)
    yield from _naive(found, hierarchy.nodes[node][0])


def _simpler(method: str, usual: str) -> Iterator[Check]:
    if method in (usual, ENSEMBLE):
        return
    if method == REFUSED:
        yield Check("fallback", False, "No forecast: no month of the service can be learned from.")
    elif method == ZERO:
        yield Check("fallback", False, "There were no contacts in the months that are learned from: the forecast is 0.")
    elif method == THETA:
        yield Check("fallback", False, "The history is too short for all models: the forecast is made by one of them.")
    elif method == LEVEL:
        yield Check(
            "fallback",
            False,
            "Too few or too even contacts for the models: the forecast is a constant level with its spread.",
        )


def _short(hierarchy: Hierarchy, node: int) -> Iterator[Check]:
    """Few months to learn from, because the register or a known break leaves no more."""
    known = np.flatnonzero(np.isfinite(hierarchy.used[node]))
    if 0 < len(known) < AIMED_MONTHS:
        yield Check(
            "history",
            False,
            "Only {months} months, from {first_month}, can be learned from; {aimed} are aimed at.",
            {
                "months": len(known),
                "first_month": month_text(int(hierarchy.months[known[0]])),
                "aimed": AIMED_MONTHS,
            },
        )
