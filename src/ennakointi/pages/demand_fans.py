"""The fans of the page of need: all services by month and by year, and the largest services."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ennakointi.pages import demand_rows, demand_words
from ennakointi.pages.context import PageContext, Row, Tables, intervals, is_hidden, records
from ennakointi.pages.demand_rows import CONTACTS
from ennakointi.periods import parse_month
from ennakointi.report import figures, markup
from ennakointi.report.figures import FanWords
from ennakointi.report.markup import Block, Column
from ennakointi.text import N_

LARGEST = 6  # services that have a small fan
MONTHS_BACK = 60  # of a small fan
BEFORE = 12  # months of the large fan before the exceptional time
BASES = {
    "observed": N_("took place"),
    "model": N_("forecast by the model"),
    "demography": N_("forecast by the population"),
}
RUNNING = N_("partly took place, the rest forecast by the model")


def by_month(tables: Tables, target_group: str, context: PageContext) -> Block:
    """What took place in the last years, the forecast with its intervals, and the exceptional time named."""
    _ = context.catalogue.gettext
    months = _recent(demand_rows.months(tables, target_group, "all"))
    if months.empty or months["value"].isna().all():
        return markup.paragraph(_("All services together: {hidden}.", hidden=context.catalogue.hidden))
    seen = months.dropna(subset=["observed"])
    marks = _breaks(months, target_group, context)
    marks += [(float(row["x"]), _end_words(row, context)) for row in records(seen.tail(1))]
    picture = figures.fan(
        months.drop(columns="month"),
        catalogue=context.catalogue,
        unit=_("contacts a month"),
        alt=demand_words.need_sentence(tables, target_group, context),
        caption=_("All services by month: what took place, and the forecast"),
        words=fan_words(months, context),
        marks=marks,
    )
    ahead = months.dropna(subset=["value"])
    frame = ahead.assign(text=[intervals(row, "value", "lo", "hi", context.catalogue) for row in records(ahead)])
    columns = [
        Column("month", _("Month"), "month"),
        Column("text", _("Contacts (80% forecast interval)"), "number", format=str),
    ]
    table = markup.table(frame, columns, _("Forecast by month, all services"), context.catalogue)
    return markup.stack(markup.heading(_("Month by month"), 3), markup.figure(picture, table, _("Numbers as a table")))


def _recent(months: pd.DataFrame) -> pd.DataFrame:
    """From a year before the exceptional time on, and at least the last five years: older months press the fan."""
    span = demand_rows.disrupted_span(months)
    if months.empty:
        return months
    ahead = int(months["value"].notna().sum())
    first = len(months) - MONTHS_BACK - ahead
    if span is not None:
        first = min(first, int((months["month"] < span[0]).sum()) - BEFORE)
    return months.iloc[max(first, 0) :].reset_index(drop=True)


def _breaks(months: pd.DataFrame, target_group: str, context: PageContext) -> list[tuple[float, str]]:
    """Known breaks of all services of the group among the months that are shown, in words."""
    shown = set(months["month"])
    return [
        (float(parse_month(known.month)), context.break_words(known))
        for known in context.breaks
        if known.month in shown and known.concerns(target_group) and not known.services
    ]


def _end_words(row: Row, context: PageContext) -> str:
    return context.catalogue.gettext("data end, {month}", month=context.catalogue.month_short(str(row["month"])))


def fan_words(months: pd.DataFrame, context: PageContext) -> FanWords:
    """The legend; the exceptional time with its months."""
    _ = context.catalogue.gettext
    span = demand_rows.disrupted_span(months)
    shaded = (
        "" if span is None else _("exceptional time {span}: the model does not learn from it", span=context.span(*span))
    )
    return FanWords(
        observed=_("took place"),
        forecast=_("forecast"),
        inner=_("80% forecast interval"),
        outer=_("95% forecast interval"),
        disrupted=shaded,
    )


def by_year(tables: Tables, target_group: str, context: PageContext) -> Block | None:
    """The outlook by year, with the joint between the model and the population projection."""
    _ = context.catalogue.gettext
    years = demand_rows.outlook(tables, target_group)
    if years.empty or years["contacts"].isna().any():
        return None
    joint = demand_rows.joint(years)
    marks = [(float(_middle(demand_rows.this_year(context)) - 6), _("this year"))]
    if joint is not None:
        marks.append((_middle(joint) - 6, _("the population projection carries on, from {year}", year=f"{joint}")))
    months = demand_rows.months(tables, target_group, "all")
    span = demand_rows.disrupted_span(months)
    picture = figures.fan(
        _year_frame(years),
        catalogue=context.catalogue,
        unit=_("contacts a year"),
        alt=demand_words.outlook_sentence(tables, target_group, context) or _("Need by year, all services"),
        caption=_("All services by year: by the model")
        if joint is None
        else _("All services by year: first by the model, then by the population projection"),
        words=fan_words(months, context),
        marks=marks,
        shaded=[] if span is None else [(parse_month(span[0]), parse_month(span[1]))],
        height=290,
    )
    return markup.stack(
        markup.heading(_("Year by year"), 3),
        markup.figure(picture, _year_table(years, context), _("Numbers as a table")),
    )


def _middle(year: int) -> float:
    """A year's place among months: its middle."""
    return 12.0 * year + 5.5


def _year_frame(years: pd.DataFrame) -> pd.DataFrame:
    """Years as the frame of a fan; the running year is ahead, what took place before it is observed."""
    past = (years["basis"] == "observed").to_numpy()
    columns = {name: np.where(past, np.nan, years[name].to_numpy(dtype=float)) for name in CONTACTS}
    return pd.DataFrame(
        {
            "x": [_middle(int(year)) for year in years["year"]],
            "observed": np.where(past, years["contacts"].to_numpy(dtype=float), np.nan),
            "value": columns["contacts"],
            "lo": columns["lo80"],
            "hi": columns["hi80"],
            "disrupted": False,
        }
    )


def _year_table(years: pd.DataFrame, context: PageContext) -> Block:
    _ = context.catalogue.gettext
    cells = []
    for row in records(years):
        seen = row["basis"] == "observed"
        text = context.catalogue.significant(row["contacts"]) if seen else intervals(row, *CONTACTS, context.catalogue)
        running = row["basis"] == "model" and int(row["year"]) == demand_rows.this_year(context)
        basis = RUNNING if running else BASES[str(row["basis"])]
        cells.append({"year": f"{int(row['year'])}", "need": text, "basis": _(basis)})
    columns = [
        Column("year", _("Year")),
        Column("need", _("Contacts (80% forecast interval)"), "number", format=str),
        Column("basis", _("Basis")),
    ]
    return markup.table(pd.DataFrame(cells), columns, _("Need by year, all services"), context.catalogue)


def largest_services(tables: Tables, target_group: str, context: PageContext) -> Block | None:
    """Small fans of the largest services, each with its change in words."""
    _ = context.catalogue.gettext
    panels = []
    for service in demand_rows.services(tables, target_group, context):
        months = demand_rows.months(tables, target_group, service)
        if not months.empty and months["value"].notna().any() and months["value"].max() > 0:
            title = context.label("service", service)
            recent = months.tail(MONTHS_BACK + int(months["value"].notna().sum())).drop(columns="month")
            panels.append((title, _finding(tables, target_group, service, context), recent))
    if not panels:
        return None
    panels = panels[:LARGEST]
    named = "; ".join(f"{title}: {finding}" for title, finding, _frame in panels)
    picture = figures.fans(
        panels,
        catalogue=context.catalogue,
        unit=_("100% = mean of the contacts of the last 12 months"),
        alt=f"{named}.",
        caption=_("The largest services by month, all on the same scale"),
        words=fan_words(demand_rows.months(tables, target_group, "all"), context),
    )
    return markup.stack(markup.heading(_("By service"), 3), markup.figure(picture))


def _finding(tables: Tables, target_group: str, service: str, context: PageContext) -> str:
    """`2026: +3 % (1–5 %)`, or that the change is within its uncertainty."""
    base, coming = demand_rows.base_year(tables, target_group, context), demand_rows.this_year(context) + 1
    years = demand_rows.outlook(tables, target_group, service)
    change = demand_rows.change(demand_rows.at_year(years, base), demand_rows.at_year(years, coming))
    if change is None:
        return ""
    share = demand_words.signed_share(change, context.catalogue)
    if change.certain:
        return context.catalogue.gettext("{year}: {change}", year=f"{coming}", change=share)
    return context.catalogue.gettext("{year}: {change}, uncertain", year=f"{coming}", change=share)


def services(tables: Tables, target_group: str, context: PageContext) -> Block | None:
    """Every service: the coming year, and the change to it and to the last one of the outlook."""
    _ = context.catalogue.gettext
    base, coming = demand_rows.base_year(tables, target_group, context), demand_rows.this_year(context) + 1
    end = demand_rows.last_year(demand_rows.outlook(tables, target_group))
    names = demand_rows.services(tables, target_group, context)
    cells = [_service_cells(tables, target_group, service, (base, coming, end), context) for service in names]
    if end is None or not cells:
        return None
    columns = [
        Column("service", _("Service")),
        Column("next", _("Contacts in {year} (80% interval)", year=f"{coming}"), "number", format=str),
        Column("change", _("Change from {year} (80% interval)", year=f"{base}"), "number", format=str),
    ]
    if end > coming:
        columns.append(
            Column(
                "end",
                _("Change from {base} to {year} (80% interval)", base=f"{base}", year=f"{end}"),
                "number",
                format=str,
            )
        )
    return markup.table(
        pd.DataFrame(cells),
        columns,
        _("Need by service"),
        context.catalogue,
        note=_(
            "The largest services come first. A change whose interval holds zero is within its uncertainty: no trend."
        ),
    )


def _service_cells(
    tables: Tables, target_group: str, service: str, span: tuple[int, int, int | None], context: PageContext
) -> dict[str, str]:
    catalogue = context.catalogue
    years = demand_rows.outlook(tables, target_group, service)
    start, coming, last = (demand_rows.at_year(years, year) for year in span)
    name = context.label("service", service)
    if coming is None or is_hidden(coming, "contacts"):
        empty = catalogue.missing if coming is None else catalogue.hidden
        return dict.fromkeys(("next", "change", "end"), empty) | {"service": name}
    cells = {"service": name, "next": intervals(coming, *CONTACTS, catalogue), "suppressed": ""}
    for column, row in (("change", coming), ("end", last)):
        cells[column] = demand_words.share_cell(demand_rows.change(start, row), catalogue)
    return cells
