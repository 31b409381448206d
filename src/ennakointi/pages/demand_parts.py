"""Parts of the page of need: what drives the change, municipalities, what it takes, and how forecasts have done."""

from __future__ import annotations

import pandas as pd

from ennakointi.pages import demand_past, demand_rows, demand_words
from ennakointi.pages.area_map import Area, area_map, merged_words
from ennakointi.pages.context import (
    PageContext,
    Row,
    Tables,
    intervals,
    is_hidden,
    is_shown,
    records,
    rows,
)
from ennakointi.pages.demand_rows import AMOUNT, CONTACTS, Change, Place
from ennakointi.report import figures, markup
from ennakointi.report.figures import WaterfallWords
from ennakointi.report.markup import Block, Column
from ennakointi.text import N_

CHANGE = ("change", "lo80", "hi80")
RESOURCES = {
    "fte": N_("Person-years of work"),
    "cost_eur": N_("Million euros a year, prices of {price}"),
    "rooms": N_("Rooms"),
    "beds": N_("Beds"),
}
NEAR = 2  # years ahead that are shown one by one; after them every fifth
EVERY = 5
UNKNOWN = "999"  # the code of a municipality that is not known


def waterfall(tables: Tables, target_group: str, context: PageContext, scenarios: bool = False) -> Block | None:
    """The change from one year to another in parts, each with its number and its interval."""
    _ = context.catalogue.gettext
    bars = demand_rows.drivers(tables, target_group, scenarios)
    if bars.empty or bars["change"].isna().any():
        return None
    cells = [_bar(row, context) for row in records(bars)]
    caption = _waterfall_caption(bars, demand_rows.drivers(tables, target_group, True).empty, context)
    said = "; ".join(f"{cell['label']} {cell['number']}" for cell in cells)
    picture = figures.waterfall(
        pd.DataFrame(cells),
        catalogue=context.catalogue,
        unit=_("contacts a year; the scale does not begin at zero"),
        alt=_("The need in parts: {parts}.", parts=said),
        caption=caption,
        words=WaterfallWords(
            more=_("raises the need"),
            fewer=_("lowers the need"),
            assumed=_("outline: an assumption (scenario), no forecast"),
            interval=_("80% uncertainty interval"),
        ),
    )
    columns = [
        Column("label", _("Part")),
        Column("number", _("Contacts a year"), "number", format=str),
        Column("interval", _("80% interval"), "number", format=str),
        Column("basis", _("Basis")),
    ]
    table = markup.table(pd.DataFrame(cells), columns, caption, context.catalogue)
    return markup.figure(picture, table, _("Numbers as a table"))


def _waterfall_caption(bars: pd.DataFrame, no_scenarios: bool, context: PageContext) -> str:
    """From which year to which, and which scenarios are in force."""
    _ = context.catalogue.gettext
    first, last = (f"{int(float(bars[name].iloc[0]))}" for name in ("from_year", "to_year"))
    names = [context.label("scenario", one) for one in str(bars["variant"].iloc[0]).split("+")[1:]]
    if names:
        listed = context.catalogue.join(names)
        return _(
            "What changes the need from {first} to {last}, with scenarios: {names}",
            first=first,
            last=last,
            names=listed,
        )
    if no_scenarios:
        return _("What changes the need from {first} to {last}", first=first, last=last)
    return _("What changes the need from {first} to {last}, without scenarios", first=first, last=last)


def _bar(row: Row, context: PageContext) -> dict[str, object]:
    _ = context.catalogue.gettext
    factor = str(row["factor"])
    lo, hi = (float(row[name]) for name in ("lo80", "hi80"))
    known = is_shown(row, *CHANGE)
    interval = context.catalogue.estimate(*(float(row[name]) for name in CHANGE)).interval if known else ""
    level = factor in demand_words.LEVELS
    assumed = demand_words.assumed(factor)
    return {
        "label": demand_words.factor_name(row, context),
        "kind": "level" if level else "assumed" if assumed else "step",
        "change": float(row["change"]),
        "lo": lo,
        "hi": hi,
        "number": demand_words.driver_number(row, context),
        "interval": interval,
        "basis": _("level") if level else _("assumption") if assumed else _("estimated from data"),
    }


def variants(tables: Tables, target_group: str, context: PageContext) -> Block | None:
    """The last year of the outlook in every population projection and with the scenarios."""
    _ = context.catalogue.gettext
    known = demand_rows.variants(tables, target_group)
    if len(known) < 2:
        return None
    ends = [(one, demand_rows.outlook(tables, target_group, variant=one)) for one in known]
    last = demand_rows.last_year(ends[0][1])
    cells = []
    for variant, years in ends:
        row = demand_rows.at_year(years, last)
        if row is not None:
            need = intervals(row, *CONTACTS, context.catalogue)
            cells.append({"variant": demand_words.variant_name(variant, context), "need": need})
    columns = [
        Column("variant", _("Assumptions")),
        Column("need", _("Contacts a year (80% interval)"), "number", format=str),
    ]
    caption = _("Need in {year} by assumption", year=f"{last}")
    return markup.table(pd.DataFrame(cells), columns, caption, context.catalogue)


def municipalities(tables: Tables, target_group: str, context: PageContext) -> Block:
    """The next 12 months of every municipality beside its last 12."""
    _ = context.catalogue.gettext
    known = demand_rows.places(tables, target_group)
    if not known:
        return markup.paragraph(_("There is no forecast by municipality."))
    cells = [_place(place, context) for place in known]
    columns = [
        Column("name", _("Municipality")),
        Column("last", _("Last 12 months"), "number", format=str),
        Column("ahead", _("Next 12 months (80% interval)"), "number", format=str),
        Column("change", _("Change (80% interval)"), "number", format=str),
    ]
    table = markup.table(
        pd.DataFrame(cells),
        columns,
        _("Contacts by municipality"),
        context.catalogue,
        note=_(
            "Services with months that are not shown in a municipality are left out of its numbers. The intervals "
            "are rather too wide than too narrow."
        ),
    )
    together = merged_words([place.code for place in known], context)
    said = markup.paragraph(together) if together else None
    return markup.stack(said, _place_changes(known, context), _map(known, context), table)


def _place_name(code: str, context: PageContext) -> str:
    return context.catalogue.gettext("municipality not known") if code == UNKNOWN else context.label("area", code)


def _place(place: Place, context: PageContext) -> dict[str, str]:
    catalogue, change = context.catalogue, place.change
    name = _place_name(place.code, context)
    if place.hidden:
        return dict.fromkeys(("last", "ahead", "change"), catalogue.hidden) | {"name": name}
    number = catalogue.estimate(place.value, place.lo, place.hi)
    return {
        "name": name,
        "last": catalogue.missing if change is None else catalogue.significant(place.last),
        "ahead": f"{number.value} ({number.interval})",
        "change": demand_words.share_cell(change, catalogue),
    }


def _place_changes(known: list[Place], context: PageContext) -> Block | None:
    """Relative changes, the largest growth first."""
    _ = context.catalogue.gettext
    changes = [(place, place.change) for place in known]
    told = sorted(((p, c) for p, c in changes if c is not None), key=lambda pair: -pair[1].shares[0])
    if len(told) < 2:
        return None
    frame = pd.DataFrame([_place_row(place, change, context) for place, change in told])
    top, low = told[0], told[-1]
    picture = figures.forest(
        frame,
        catalogue=context.catalogue,
        unit=_("change of the next 12 months from the last 12"),
        alt=_(
            "Largest growth: {top} ({top_change}). Smallest: {low} ({low_change}).",
            top=_place_name(top[0].code, context),
            top_change=demand_words.signed_share(top[1], context.catalogue),
            low=_place_name(low[0].code, context),
            low_change=demand_words.signed_share(low[1], context.catalogue),
        ),
        caption=_("Change of the need by municipality, with the 80% interval"),
        better=_("less need"),
        worse=_("more need"),
        percent=True,
    )
    return markup.figure(picture)


def _map(known: list[Place], context: PageContext) -> Block | None:
    """The same changes on a map, where there are borders."""
    _ = context.catalogue.gettext
    told = sorted(((p, p.change) for p in known if p.change is not None), key=lambda pair: -pair[1].shares[0])
    if not told:
        return None
    areas = [Area(place.code, *change.shares) for place, change in told]
    areas += [Area(place.code, hidden=place.hidden) for place in known if place.change is None]
    top = told[0]
    picture = area_map(
        areas,
        context,
        unit=_("change of the next 12 months from the last 12"),
        alt=_(
            "Largest growth: {place} ({change}).",
            place=_place_name(top[0].code, context),
            change=demand_words.signed_share(top[1], context.catalogue),
        ),
        caption=_("Change of the need by municipality, with the 80% interval"),
        signed=True,
    )
    return None if picture is None else markup.figure(picture)


def _place_row(place: Place, change: Change, context: PageContext) -> dict[str, object]:
    value, lo, hi = change.shares
    share = demand_words.signed_share(change, context.catalogue)
    return {
        "label": _place_name(place.code, context),
        "estimate": value,
        "lo": lo,
        "hi": hi,
        "verdict": f"{share}, {demand_words.direction(change, context.catalogue)}",
        "tone": "neutral" if change.certain else "unsure",
    }


def resources(tables: Tables, target_group: str, context: PageContext) -> Block:
    """What the need takes by year: person-years, euros, rooms and beds."""
    _ = context.catalogue.gettext
    known = {name: demand_rows.resource(tables, target_group, name) for name in RESOURCES}
    known = {name: frame for name, frame in known.items() if not frame.empty}
    if not known:
        return markup.paragraph(_("What the need takes has not been computed."))
    years = sorted({int(year) for frame in known.values() for year in frame["year"]})
    near = demand_rows.this_year(context) + NEAR
    main = [year for year in years if year <= near or year % EVERY == 0 or year == years[-1]]
    caption = _("What the need takes by year (80% interval)")
    note = _(
        "Computed from minutes and unit costs of contacts, which are planning assumptions: the same amount of work a "
        "contact as now."
    )
    shown = _resource_table(known, main, caption, context, note)
    every = None if len(main) == len(years) else _resource_table(known, years, caption, context)
    folded = None if every is None else markup.details(_("All years"), every)
    return markup.stack(shown, folded, _by_service(tables, target_group, context))


def _resource_table(
    known: dict[str, pd.DataFrame], years: list[int], caption: str, context: PageContext, note: str = ""
) -> Block:
    _ = context.catalogue.gettext
    cells = []
    for year in years:
        found = {name: demand_rows.at_year(frame, year) for name, frame in known.items()}
        texts = {
            name: context.catalogue.missing if row is None else _amount(name, row, context)
            for name, row in found.items()
        }
        cells.append({"year": f"{year}", **texts})
    price = demand_words.price_year(records(known["cost_eur"])[0]) if "cost_eur" in known else ""
    columns = [
        Column("year", _("Year")),
        *(Column(name, _(RESOURCES[name], price=price), "number", format=str) for name in known),
    ]
    return markup.table(pd.DataFrame(cells), columns, caption, context.catalogue, note=note)


def _amount(name: str, row: Row, context: PageContext) -> str:
    """Euros in millions, other resources as they are; a year that took place has no interval."""
    scale = demand_words.MILLION if name == "cost_eur" else 1
    scaled = {**row, **{column: row[column] / scale for column in AMOUNT}}
    if is_shown(scaled, *AMOUNT) and scaled["lo80"] == scaled["hi80"]:
        return context.catalogue.significant(scaled["amount"])
    return intervals(scaled, *AMOUNT, context.catalogue)


def _by_service(tables: Tables, target_group: str, context: PageContext) -> Block | None:
    """Person-years of every service in the base year, the coming year and the last one; the most work comes first."""
    _ = context.catalogue.gettext
    base, coming = demand_rows.base_year(tables, target_group, context), demand_rows.this_year(context) + 1
    last = demand_rows.last_year(demand_rows.resource(tables, target_group, "fte"))
    years = [year for year in dict.fromkeys((base, coming, last)) if year is not None]
    cells, sizes = [], []
    for service in demand_rows.services(tables, target_group, context):
        work = demand_rows.resource(tables, target_group, "fte", service)
        found = {year: demand_rows.at_year(work, year) for year in years}
        if not work.empty:
            texts = {
                f"{year}": context.catalogue.missing if row is None else _amount("fte", row, context)
                for year, row in found.items()
            }
            cells.append({"service": context.label("service", service), **texts})
            sizes.append(-float(work["amount"].max()) if work["amount"].notna().any() else 0.0)
    if not cells:
        return None
    columns = [Column("service", _("Service")), *(Column(f"{y}", f"{y}", "number", format=str) for y in years)]
    frame = pd.DataFrame(cells).assign(size=sizes).sort_values("size", kind="stable")
    caption = _("Person-years of work by service (80% interval)")
    return markup.details(_("By service"), markup.table(frame, columns, caption, context.catalogue))


def past(tables: Tables, target_group: str, context: PageContext) -> Block:
    """How the last forecast did, and the tests on earlier years by service."""
    _ = context.catalogue.gettext
    said = demand_past.hits_detail(tables, target_group, context)
    tested = demand_past.score_sentences(tables, target_group, context)
    return markup.stack(
        markup.paragraph(markup.strong(said[0]), *said[1:]),
        _ledger(tables, target_group, context),
        markup.paragraph(*tested),
        _scores(tables, target_group, context),
    )


def _ledger(tables: Tables, target_group: str, context: PageContext) -> Block | None:
    """The newest scored forecast by service."""
    _ = context.catalogue.gettext
    hits = demand_rows.latest_hits(tables, target_group)
    if hits is None:
        return None
    found = records(rows(tables, "forecast_ledger", target_group=target_group, made=hits.made))
    cells = []
    for row in (one for one in found if one["service"] != "all"):
        hidden = is_hidden(row, "error_share")
        inside = context.catalogue.hidden if hidden else f"{int(row['inside80'])} / {int(row['months'])}"
        error = context.catalogue.hidden if hidden else context.catalogue.missing
        if is_shown(row, "error_share"):
            error = context.catalogue.signed_percent(row["error_share"])
        cells.append({"service": context.label("service", str(row["service"])), "inside": inside, "error": error})
    columns = [
        Column("service", _("Service")),
        Column("inside", _("Months inside the 80% interval"), "number", format=str),
        Column("error", _("Forecast minus outcome"), "number", format=str),
    ]
    caption = _("The last forecast that has been compared with the outcome")
    return markup.details(_("By service"), markup.table(pd.DataFrame(cells), columns, caption, context.catalogue))


def _scores(tables: Tables, target_group: str, context: PageContext) -> Block | None:
    _ = context.catalogue.gettext
    found = rows(tables, "forecast_scores", target_group=target_group, model="engine")
    if found.empty:
        return None
    percent, missing = context.catalogue.percent, context.catalogue.missing
    cells = []
    for row in records(found):
        gain = demand_past.gain(tables, target_group, str(row["service"]))
        cells.append(
            {
                "service": context.label("service", str(row["service"])),
                "gain": missing if gain is None else context.catalogue.signed_percent(-gain),
                "inside": percent(row["coverage80"]) if is_shown(row, "coverage80") else missing,
                "bias": context.catalogue.signed_percent(row["bias"], 1) if is_shown(row, "bias") else missing,
                "origins": row["n_origins"],
            }
        )
    columns = [
        Column("service", _("Service")),
        Column("gain", _("Mean error against the same month last year"), "number", format=str),
        Column("inside", _("Inside the 80% interval"), "number", format=str),
        Column("bias", _("Forecast minus outcome"), "number", format=str),
        Column("origins", _("Tests"), "number"),
    ]
    table = markup.table(pd.DataFrame(cells), columns, _("Tests on earlier years"), context.catalogue)
    return markup.details(_("Tests by service"), table)
