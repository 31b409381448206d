"""The headline figures of need: of its page, and the one that the summary shows."""

from __future__ import annotations

from ennakointi.pages import demand_rows, demand_words
from ennakointi.pages.context import PageContext, Tables, is_shown, numbers
from ennakointi.pages.demand_rows import AMOUNT, CONTACTS, Change
from ennakointi.report import markup
from ennakointi.report.markup import Block, KeyFigure


def row(tables: Tables, target_group: str, context: PageContext) -> Block | None:
    """Need, person-years and euros of the coming year, and the change by the end of the outlook."""
    made = (
        need(tables, target_group, context),
        _work(tables, target_group, context),
        _cost(tables, target_group, context),
        _end(tables, target_group, context),
    )
    known = [one for one in made if one is not None]
    return markup.key_figures(*known) if known else None


def need(tables: Tables, target_group: str, context: PageContext, href: str = "") -> KeyFigure | None:
    """The need of the coming year, and in words whether it changes."""
    _ = context.catalogue.gettext
    coming, change = demand_words.next_year(tables, target_group, context)
    if coming is None or not is_shown(coming, *CONTACTS):
        return None
    number = context.catalogue.estimate(*numbers(coming, CONTACTS))
    return KeyFigure(
        _("Need in {year}, contacts", year=f"{demand_rows.this_year(context) + 1}"),
        number.value,
        _("80% forecast interval {interval}", interval=number.interval),
        "" if change is None else _change_words(change, demand_rows.base_year(tables, target_group, context), context),
        "neutral" if change is not None and change.certain else "unsure",
        href=href,
    )


def _change_words(change: Change, base: int, context: PageContext) -> str:
    share = demand_words.signed_share(change, context.catalogue)
    said = context.catalogue.gettext("{change} from {base}", change=share, base=f"{base}")
    return f"{said}, {demand_words.direction(change, context.catalogue)}"


def _work(tables: Tables, target_group: str, context: PageContext) -> KeyFigure | None:
    _ = context.catalogue.gettext
    year = demand_rows.this_year(context) + 1
    found = demand_rows.at_year(demand_rows.resource(tables, target_group, "fte"), year)
    if found is None or not is_shown(found, *AMOUNT):
        return None
    number = context.catalogue.estimate(*numbers(found, AMOUNT))
    label = _("Person-years of work in {year}", year=f"{year}")
    return KeyFigure(label, number.value, _("80% interval {interval}", interval=number.interval))


def _cost(tables: Tables, target_group: str, context: PageContext) -> KeyFigure | None:
    _ = context.catalogue.gettext
    year = demand_rows.this_year(context) + 1
    found = demand_rows.at_year(demand_rows.resource(tables, target_group, "cost_eur"), year)
    if found is None or not is_shown(found, *AMOUNT):
        return None
    number = context.catalogue.estimate(*numbers(found, AMOUNT, 1 / demand_words.MILLION))
    price = demand_words.price_year(found)
    return KeyFigure(
        _("Computed cost in {year}, million euros", year=f"{year}"),
        number.value,
        _("80% interval {interval}; prices of {price}", interval=number.interval, price=price),
    )


def _end(tables: Tables, target_group: str, context: PageContext) -> KeyFigure | None:
    _ = context.catalogue.gettext
    year, change = demand_words.to_the_end(tables, target_group, context)
    if change is None or year is None or year <= demand_rows.this_year(context) + 1:
        return None
    number = context.catalogue.percent_estimate(*change.shares)
    return KeyFigure(
        _(
            "Change from {base} to {year}",
            base=f"{demand_rows.base_year(tables, target_group, context)}",
            year=f"{year}",
        ),
        demand_words.signed(change.value, number.value),
        _("80% interval {interval}", interval=number.interval),
        demand_words.direction(change, context.catalogue),
        "neutral" if change.certain else "unsure",
    )
