"""Sentences about one series of `deviation`, for its page and the summary: a deviation, never a debt."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pandas as pd

from ennakointi.page_context import PageContext, Row, numbers, record, rows

SERIES = ["area", "target_group", "service", "measure", "frequency"]
EXPECTED = ["expected", "expected_lo80", "expected_hi80"]
NUMBERS = ["observed", *EXPECTED, "deviation_share"]


def own_series(tables: Mapping[str, pd.DataFrame], target_group: str, context: PageContext) -> pd.DataFrame:
    """Rows of the region's own area, or of the first area that the source holds."""
    found = rows(tables, "deviation", target_group=target_group)
    if found.empty:
        return found
    area = context.area if context.area in set(found["area"]) else found["area"].iloc[0]
    return found[found["area"] == area].sort_values([*SERIES, "period_start"])


def main_series(series: pd.DataFrame) -> pd.DataFrame:
    """The series of all services, or the largest one by what was observed."""
    if series.empty:
        return series
    if "all" in set(series["service"]):
        series = series[series["service"] == "all"]
    parts = [part for _key, part in series.groupby(SERIES)]
    return max(parts, key=lambda part: part["observed"].sum())


def shown(series: pd.DataFrame) -> pd.DataFrame:
    """Periods with every number; a missing week stays missing."""
    return series if series.empty else series.dropna(subset=NUMBERS)


def title(series: pd.DataFrame, context: PageContext) -> str:
    """`Prescription purchases, all medicines`."""
    first = record(series)
    measure, service = context.label("measure", first["measure"]), context.label("service", first["service"])
    return f"{measure}, {service}"


def period(row: Row, context: PageContext) -> str:
    """`week 12/2020`, `3/2020` or a date."""
    day = date.fromisoformat(str(row["period_start"])[:10])
    if row["frequency"] == "W":
        year, number, _weekday = day.isocalendar()
        return context.catalogue.gettext("week {number}/{year}", number=number, year=year)
    if row["frequency"] == "M":
        return context.catalogue.month_short(str(row["period_start"])[:7])
    return context.catalogue.date(day)


def largest(series: pd.DataFrame) -> Row:
    """The period that strays furthest from what was expected, either way."""
    return record(shown(series).sort_values("deviation_share", key=abs), -1)


def largest_sentence(series: pd.DataFrame, context: PageContext) -> str:
    """The largest deviation, its period named."""
    row = largest(series)
    expected = context.catalogue.estimate(*numbers(row, EXPECTED))
    return context.catalogue.gettext(
        "Largest deviation: {period}, {share}. Observed {observed}, expected about {expected} (80% forecast "
        "interval {interval}).",
        period=period(row, context),
        share=context.catalogue.signed_percent(row["deviation_share"]),
        observed=context.catalogue.number(row["observed"]),
        expected=expected.value,
        interval=expected.interval,
    )


def latest_sentence(series: pd.DataFrame, context: PageContext) -> str:
    """The last period, and whether it is inside its forecast interval."""
    _ = context.catalogue.gettext
    row = record(shown(series), -1)
    slots = {
        "period": period(row, context),
        "share": context.catalogue.signed_percent(row["deviation_share"]),
    }
    if row["expected_lo80"] <= row["observed"] <= row["expected_hi80"]:
        return _("Latest: {period}, {share}: inside the forecast interval.", **slots)
    return _("Latest: {period}, {share}: outside the forecast interval.", **slots)


def outside_sentence(series: pd.DataFrame, context: PageContext) -> str:
    """How many periods lie outside their 80% interval, against the number that chance would leave there."""
    known = shown(series)
    outside = (known["observed"] < known["expected_lo80"]) | (known["observed"] > known["expected_hi80"])
    return context.catalogue.gettext(
        "Periods outside the 80% forecast interval: {outside} of {all}; chance alone would leave about "
        "{chance}.",
        outside=context.catalogue.number(int(outside.sum())),
        all=context.catalogue.number(len(known)),
        chance=context.catalogue.number(0.2 * len(known)),
    )
