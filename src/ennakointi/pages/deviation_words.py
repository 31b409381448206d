"""Sentences about one series of `deviation`, for its page and the summary: a deviation, never a debt."""

from __future__ import annotations

from datetime import date

import pandas as pd

from ennakointi.pages.context import PageContext, Row, Tables, numbers, record, rows
from ennakointi.panel.aggregates import KEYS

MEASURES = ("contacts", "purchases", "persons")  # counts before euros
EXPECTED = ["expected", "expected_lo80", "expected_hi80"]
PERIODS_A_YEAR = {"M": 12, "W": 52, "D": 365}
NUMBERS = ["observed", *EXPECTED, "deviation_share"]


def own_series(tables: Tables, target_group: str, context: PageContext) -> pd.DataFrame:
    """Rows of the region's own area, or of the first area that the source holds."""
    found = rows(tables, "deviation", target_group=target_group)
    if found.empty:
        return found
    area = context.area if context.area in set(found["area"]) else found["area"].iloc[0]
    return found[found["area"] == area].sort_values([*KEYS, "period_start"])


def main_series(series: pd.DataFrame) -> pd.DataFrame:
    """The largest series of the first measure in `MEASURES` that the source has: usually its total."""
    if series.empty:
        return series
    known = [measure for measure in MEASURES if measure in set(series["measure"])]
    of_measure = series[series["measure"] == (known[0] if known else series["measure"].iloc[0])]
    parts = [part for _key, part in of_measure.groupby(KEYS)]
    return max(parts, key=lambda part: part["observed"].sum())


def shown(series: pd.DataFrame) -> pd.DataFrame:
    """Periods with every number; a missing week stays missing."""
    return series if series.empty else series.dropna(subset=NUMBERS)


def title(series: pd.DataFrame, context: PageContext) -> str:
    """`All medicines: purchases`."""
    first = record(series)
    return f"{context.label('service', first['service'])}: {context.label('measure', first['measure'])}"


def period(row: Row, context: PageContext) -> str:
    """`week 12/2020`, `3/2020` or a date."""
    day = date.fromisoformat(str(row["period_start"])[:10])
    if row["frequency"] == "W":
        year, number, _weekday = day.isocalendar()
        return context.catalogue.gettext("week {number}/{year}", number=number, year=year)
    if row["frequency"] == "M":
        return context.catalogue.month_short(str(row["period_start"])[:7])
    return context.catalogue.date(day)


def in_window(series: pd.DataFrame, context: PageContext) -> pd.DataFrame:
    """The shown periods that begin in the disruption's window."""
    known = shown(series)
    months = known["period_start"].astype(str).str[:7]
    return known[(months >= context.window[0]) & (months <= context.window[1])]


def largest(series: pd.DataFrame) -> Row | None:
    """The shown period that strays furthest from what was expected, either way."""
    known = shown(series)
    return None if known.empty else record(known.sort_values("deviation_share", key=abs), -1)


def largest_sentence(series: pd.DataFrame, context: PageContext) -> str:
    """The largest deviation of the window, its period named; of the whole series when none lies inside."""
    _ = context.catalogue.gettext
    row = largest(in_window(series, context))
    if row is None:
        row = largest(series)
        return "" if row is None else _("Largest deviation: {sentence}", sentence=_period_sentence(row, context))
    return _(
        "Largest deviation in {span}: {sentence}",
        span=context.span(*context.window),
        sentence=_period_sentence(row, context),
    )


def _period_sentence(row: Row, context: PageContext) -> str:
    expected = context.catalogue.estimate(*numbers(row, EXPECTED))
    return context.catalogue.gettext(
        "{period}, {share}. Observed {observed}, expected about {expected} (80% forecast interval {interval}).",
        period=period(row, context),
        share=context.catalogue.signed_percent(row["deviation_share"]),
        observed=context.catalogue.number(row["observed"]),
        expected=expected.value,
        interval=expected.interval,
    )


def outside_sentence(series: pd.DataFrame, context: PageContext) -> str:
    """Periods of the window outside their 80 % interval, against what chance alone would leave there."""
    known = in_window(series, context)
    if known.empty:
        return ""
    outside = (known["observed"] < known["expected_lo80"]) | (known["observed"] > known["expected_hi80"])
    return context.catalogue.gettext(
        "Periods of that time outside the 80% forecast interval: {outside} of {all}; chance alone would "
        "leave about {chance}.",
        outside=context.catalogue.number(int(outside.sum())),
        all=context.catalogue.number(len(known)),
        chance=context.catalogue.number(0.2 * len(known)),
    )


def last_year_share(series: pd.DataFrame) -> float:
    """Observed against expected over the last year of shown periods, minus one; both sums are of published
    numbers."""
    known = shown(series)
    last = known.tail(PERIODS_A_YEAR.get(str(known["frequency"].iloc[-1]), 1))
    return float(last["observed"].sum() / last["expected"].sum() - 1)


def level_sentence(series: pd.DataFrame, context: PageContext) -> str:
    """How far the last year is from the baseline's level: change that a short baseline cannot foresee."""
    return context.catalogue.gettext(
        "The last year as a whole is {share} from the level of the comparison period. The further from it, "
        "the more other changes show as deviation.",
        share=context.catalogue.signed_percent(last_year_share(series)),
    )
