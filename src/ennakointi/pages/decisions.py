"""What a board could decide or ask on these numbers: at most three things, in person-years or euros."""

from __future__ import annotations

import pandas as pd

from ennakointi.pages import debt_words, demand_rows, demand_words, effect_units, effect_words
from ennakointi.pages.context import (
    DEBT_KINDS,
    PageContext,
    Row,
    Tables,
    is_shown,
    numbers,
    record,
    records,
    rows,
)
from ennakointi.pages.debt_clearance import CLEARED, UNCLEAR, person_years
from ennakointi.pages.debt_clearing import ClearingSection
from ennakointi.pages.demand_rows import Change
from ennakointi.pages.effect_costs import CostSection
from ennakointi.report.markup import Block, Card

MOST = 3
SMALLEST_SERVICE = 0.01
SMALLEST_WORK = 1.0  # person-years
YEARS_AHEAD = 5  # that a board plans for
RETURN = "return_50"  # half of the hidden need comes back


def largest_debt(tables: Tables) -> Row | None:
    """The group and service with the largest debt in weeks of normal service.

    Many small series are compared, so the largest estimate would be noise: the lower end of the 95 % interval
    decides, it must lie above zero, and the service must make at least 1 % of the group's expected contacts.
    """
    summary = rows(tables, "debt_summary", status="debt")
    if summary.empty:
        return None
    whole = summary[summary["service"] == "all"].set_index("target_group")["expected"]
    shown = summary[~summary["service"].isin({"all", *DEBT_KINDS})].dropna(subset=["debt_weeks", "debt_lo95"])
    large = shown["expected"] >= SMALLEST_SERVICE * shown["target_group"].map(whole)
    certain = shown[large & (shown["debt_lo95"] > 0)]
    lowest_weeks = certain["debt_weeks"] * certain["debt_lo95"] / certain["debt"]
    return None if certain.empty else record(certain.assign(lowest=lowest_weeks).sort_values("lowest"), -1)


def decisions(tables: Tables, context: PageContext) -> list[Card]:
    """Up to three proposals: clearing the debt, the growing need, the group that lost most, the effects."""
    found = (
        _clearing(tables, context),
        _growing_need(tables, context),
        _hardest_hit(tables, context),
        *_by_effects(tables, context),
    )
    return [one for one in found if one is not None][:MOST]


def _clearing(tables: Tables, context: PageContext) -> Card | None:
    """What clearing the debt by the first target date takes; without a projection, the largest need that is left."""
    _ = context.catalogue.gettext
    section = ClearingSection(tables, "all", context)
    found = rows(tables, "debt_clearance", target_group="all", scenario=RETURN)
    wanted = found if found.empty else found[found["target_date"] == found["target_date"].min()]
    total = wanted if wanted.empty else wanted[wanted["service"] == "all"]
    if total.empty or (total["capacity_for_80pct"].isna() & ~total["status"].isin([CLEARED, UNCLEAR])).all():
        return _largest_need(tables, context)
    if not section.calls_for_capacity:
        return None
    return _card(
        _("To decide: is capacity added to clear the service debt?"),
        _clearing_work(section, context),
        section.sentence(),
        _most_work(wanted, context),
        context.linked(_("Clearing the debt"), "service_debt", "all"),
    )


def _clearing_work(section: ClearingSection, context: PageContext) -> str:
    """What clearing takes a year, in person-years and euros; empty where it is not known."""
    row = section.middle("all")
    if row is None or not is_shown(row, "fte", "cost_eur"):
        return ""
    return context.catalogue.gettext(
        "Person-years: {years} · about {euros} a year", years=section.years(row), euros=section.euros(row)
    )


def _most_work(wanted: pd.DataFrame, context: PageContext) -> str:
    """The single service that clearing takes most work in."""
    sure = (wanted["service"] != "all") & ~wanted["status"].isin([CLEARED, UNCLEAR])
    single = wanted[sure].dropna(subset=["fte"])
    if single.empty or single["fte"].max() <= 0:
        return ""
    row = record(single.sort_values("fte"), -1)
    return context.catalogue.gettext(
        "The service that takes most work: {service} ({years} person-years).",
        service=context.label("service", row["service"]),
        years=person_years(row, context),
    )


def _largest_need(tables: Tables, context: PageContext) -> Card | None:
    """The service where meeting the returning need would take most work."""
    _ = context.catalogue.gettext
    summary = rows(tables, "debt_summary", target_group="all", status="debt")
    if summary.empty:
        return None
    person_years = summary["service"].map(dict(context.person_years_per_contact))
    missing = (summary["service"] != "all") & (summary["debt_lo80"] > 0) & (summary["now"] > 0)
    left = summary.assign(work=summary["now"] * person_years)[missing]
    left = left.dropna(subset=["work"]).sort_values("work").tail(1)
    years = debt_words.person_years(left, context)
    if years is None:
        return None
    row = record(left)
    service = context.label("service", row["service"])
    return _card(
        _("To decide: is capacity added to the service {service}?", service=service),
        _("Person-years: {years}", years=debt_words.rounded_range(*years, context)),
        _(
            "If {low}–{high} of its missing contacts come back, meeting them takes {years} person-years of work{cost}.",
            low=f"{context.return_shares[0] * 100:.0f}",
            high=context.catalogue.percent(context.return_shares[1]),
            years=debt_words.rounded_range(*years, context),
            cost=_cost(row, context),
        ),
        context.linked(_("Service debt by service"), "service_debt", "all"),
    )


def _growing_need(tables: Tables, context: PageContext) -> Card | None:
    """The service whose growth takes most person-years within some years; the lower end of its interval decides."""
    _ = context.catalogue.gettext
    base, this_year = demand_rows.base_year(tables, "all", context), demand_rows.this_year(context)
    last = demand_rows.last_year(demand_rows.outlook(tables, "all"))
    if last is None or last <= this_year:
        return None
    year = min(this_year + YEARS_AHEAD, last)
    services = demand_rows.services(tables, "all", context)
    known = [(service, _grown(tables, "fte", service, (base, year))) for service in services]
    growing = [(service, change) for service, change in known if change is not None and change.lo >= SMALLEST_WORK]
    if not growing:
        return None
    service, change = max(growing, key=lambda one: one[1].lo)
    work = context.catalogue.estimate(change.value, change.lo, change.hi)
    euros, cost = _grown(tables, "cost_eur", service, (base, year)), ""
    if euros is not None and euros.lo > 0:
        amount = demand_words.money((euros.value, euros.lo, euros.hi), context)[0]
        cost = _(" At computed cost that is about {amount} a year.", amount=amount)
    name = context.label("service", service)
    return _card(
        _("To decide: how is the growing need of this service met: {service}?", service=name),
        _("Person-years: {years}", years=f"{work.value} ({work.interval})"),
        _(
            "In {year} it takes about {years} person-years more than in {base} (80% interval {interval}).{cost}",
            year=f"{year}",
            base=f"{base}",
            years=work.value,
            interval=work.interval,
            cost=cost,
        ),
        context.linked(_("Forecast of need"), "demand", "all"),
    )


def _grown(tables: Tables, resource: str, service: str, span: tuple[int, int]) -> Change | None:
    """Change of what a service takes between two years."""
    years = demand_rows.resource(tables, "all", resource, service)
    start, end = (demand_rows.at_year(years, year) for year in span)
    return demand_rows.change(start, end, demand_rows.AMOUNT)


def _cost(row: Row, context: PageContext) -> str:
    """` (computed cost 1,200,000–3,100,000 euros)` at the unit cost of the parameters, or nothing."""
    unit_cost = context.unit_cost_eur.get(str(row["service"]))
    if unit_cost is None:
        return ""
    low, high = (share * row["now"] * unit_cost for share in context.return_shares)
    amount = debt_words.rounded_range(low, high, context)
    return context.catalogue.gettext(" (computed cost {amount} euros)", amount=amount)


def _hardest_hit(tables: Tables, context: PageContext) -> Card | None:
    """The target group that lost the largest share of its expected contacts, if surely more than all."""
    _ = context.catalogue.gettext
    summary = rows(tables, "debt_summary", service="all", status="debt")
    if summary.empty:
        return None
    shown = summary.dropna(subset=["debt_share", "cost_eur", "debt_lo95", *debt_words.DEBT])
    everyone = shown[shown["target_group"] == "all"]
    groups = shown[(shown["target_group"] != "all") & (shown["expected"] > 0)]
    if everyone.empty or groups.empty:
        return None
    lowest_share = groups["debt_lo95"] / groups["expected"]
    harder = groups[lowest_share > everyone["debt_share"].iloc[0]]
    if harder.empty:
        return None
    row = record(harder.sort_values("debt_share"), -1)
    group = context.label("target_group", row["target_group"])
    return _card(
        _("To ask: why did this group lose more than others: {group}?", group=group),
        _euros(row, context),
        _(
            "Of its expected contacts {share} were missing, of all residents' {all_share}. Computed cost: "
            "about {amount}.",
            share=debt_words.share_of_expected(row, context),
            all_share=debt_words.share_of_expected(record(everyone), context),
            amount=_euros(row, context),
        ),
        context.linked(_("Service debt of the group"), "service_debt", str(row["target_group"])),
    )


def _euros(row: Row, context: PageContext) -> str:
    """The cost of a row's debt, rounded as its debt is."""
    scale = row["cost_eur"] / row["debt"]
    amount = context.catalogue.estimate(*numbers(row, debt_words.DEBT, scale)).value
    return context.catalogue.gettext("{amount} euros", amount=amount)


def _by_effects(tables: Tables, context: PageContext) -> list[Card]:
    """What works could spread, what seems to harm could stop, and what nobody knows should be asked."""
    found = effect_words.primary(rows(tables, "effects"), context)
    if found.empty:
        return []
    order = ("probably_harmful", "works", "probably_works", "no_meaningful_effect", "cannot_say")
    worded = [_effect(row, tables, context) for name in order for row in records(found[found["verdict"] == name])]
    return [one for one in worded if one is not None]


def _effect(row: Row, tables: Tables, context: PageContext) -> Card | None:
    _ = context.catalogue.gettext
    euros = CostSection(tables, row, context).benefit() or _euros_per_hundred(row, context)
    if not euros:
        return None
    name = context.label("intervention", row["intervention"])
    titles = {
        "works": _("To decide: is this intervention spread further: {name}?", name=name),
        "probably_works": _("To decide: is this intervention spread further: {name}?", name=name),
        "probably_harmful": _("To decide: is this intervention stopped or changed: {name}?", name=name),
    }
    title = titles.get(
        str(row["verdict"]), _("To ask: on what evidence does this intervention go on: {name}?", name=name)
    )
    return _card(
        title,
        "",
        effect_words.effect_sentence(row, context),
        euros,
        context.linked(_("The effect in detail"), "effectiveness", str(row["target_group"])),
    )


def _euros_per_hundred(row: Row, context: PageContext) -> str:
    """The computed value of fewer contacts per hundred persons a year: working time released, not money saved. Empty
    where contacts are not what is counted."""
    unit_cost = context.unit_cost_eur.get(str(row["outcome"]))
    fewer = effect_words.facts(row, context).better == "fewer" and row["unit"] == "per 100 person-years"
    if unit_cost is None or not fewer or not is_shown(row, *effect_units.EFFECT):
        return ""
    if row["estimate"] > 0:
        number = context.catalogue.estimate(*numbers(row, effect_units.EFFECT, unit_cost))
        return context.catalogue.gettext(
            "Computed cost of the extra contacts per hundred persons a year: about {value} euros (interval "
            "{interval}).",
            value=number.value,
            interval=number.interval,
        )
    number = context.catalogue.estimate(*numbers(row, ("estimate", "hi95", "lo95"), -unit_cost))
    return context.catalogue.gettext(
        "Computed value of the avoided contacts per hundred persons a year: about {value} euros (interval "
        "{interval}); released working time, not cash.",
        value=number.value,
        interval=number.interval,
    )


def _card(title: str, amount: str, *parts: str | Block) -> Card:
    """A question, what it is worth, its sentences, and the link when the page is in this run."""
    return Card(title, amount, tuple(part for part in parts if isinstance(part, Block) or part))
