"""Sentences about the need ahead, for its page and for the summary: every number with its interval.

A change whose 80 % interval holds zero is said to be within its uncertainty. Scenarios are said to be assumptions.
"""

from __future__ import annotations

import re

from ennakointi.pages import demand_rows
from ennakointi.pages.context import PageContext, Row, Tables, is_hidden, is_shown, numbers, records, rows
from ennakointi.pages.demand_rows import AMOUNT, CONTACTS, Change
from ennakointi.text import N_, Catalogue

FACTORS = {
    "start": N_("Level in {year}"),
    "population": N_("Number of people"),
    "ageing": N_("Ageing of the population"),
    "healthy_ageing": N_("Healthier ageing"),
    "trend": N_("Trend other than age and number"),
    "interaction": N_("Joint effect of the parts"),
    "end": N_("Need in {year}"),
}
LEVELS = ("start", "end")
ESTIMATED = ("population", "ageing", "trend", "interaction")
MILLION = 1_000_000


def assumed(factor: str) -> bool:
    """Whether a bar of the waterfall is somebody's assumption: healthier ageing and every scenario."""
    return factor not in (*LEVELS, *ESTIMATED)


def factor_name(row: Row, context: PageContext) -> str:
    """The reader's name of a bar; a scenario has the name that its author gave."""
    factor = str(row["factor"])
    if factor not in FACTORS:
        return context.label("scenario", factor)
    year = row["to_year"] if factor == "end" else row["from_year"]
    return context.catalogue.gettext(FACTORS[factor], year=f"{int(float(year))}")


def variant_name(variant: str, context: PageContext) -> str:
    """The population projection and the scenarios that a variant puts in force."""
    _ = context.catalogue.gettext
    projection, *scenarios = variant.split("+")
    year = re.fullmatch(r"projection_(\d{4})", projection)
    base = _("Population projection of {year}", year=year[1]) if year else context.label("variant", projection)
    if not scenarios:
        return _("{projection}, no scenarios", projection=base)
    names = context.catalogue.join([context.label("scenario", one) for one in scenarios])
    return _("{projection}, scenarios: {names}", projection=base, names=names)


def signed(value: float, text: str) -> str:
    """A text of a number with a plus before it when the number is above zero and shown as such."""
    return f"+{text}" if value > 0 and any(digit in text for digit in "123456789") else text


def signed_share(change: Change, catalogue: Catalogue) -> str:
    """`+4 %`: the change relative to the base, rounded to what its interval supports."""
    return signed(change.value, catalogue.percent_estimate(*change.shares).value)


def share_cell(change: Change | None, catalogue: Catalogue) -> str:
    """`+4 % (1–7 %)` for a table, or a dash."""
    if change is None:
        return catalogue.missing
    number = catalogue.percent_estimate(*change.shares)
    return f"{signed(change.value, number.value)} ({number.interval})"


def money(numbers_eur: tuple[float, float, float], context: PageContext) -> tuple[str, str]:
    """Euros and their interval as words, in millions where they reach one."""
    _ = context.catalogue.gettext
    millions = abs(numbers_eur[0]) >= MILLION
    value, low, high = (number / MILLION if millions else number for number in numbers_eur)
    number = context.catalogue.estimate(value, low, high)
    if millions:
        return _("{amount} million euros", amount=number.value), number.interval
    return _("{amount} euros", amount=number.value), number.interval


def direction(change: Change, catalogue: Catalogue) -> str:
    """What a change is called; one inside its uncertainty is no trend."""
    if not change.certain:
        return catalogue.gettext("within its uncertainty")
    return catalogue.gettext("need grows") if change.value > 0 else catalogue.gettext("need shrinks")


def next_year(tables: Tables, target_group: str, context: PageContext) -> tuple[Row | None, Change | None]:
    """The row of the coming year, and its change from the base year."""
    years = demand_rows.outlook(tables, target_group)
    base = demand_rows.base_year(tables, target_group, context)
    row = demand_rows.at_year(years, demand_rows.this_year(context) + 1)
    return row, demand_rows.change(demand_rows.at_year(years, base), row)


def to_the_end(tables: Tables, target_group: str, context: PageContext) -> tuple[int | None, Change | None]:
    """The last year of the outlook, and its change from the base year."""
    years = demand_rows.outlook(tables, target_group)
    last = demand_rows.last_year(years)
    base = demand_rows.at_year(years, demand_rows.base_year(tables, target_group, context))
    return last, demand_rows.change(base, demand_rows.at_year(years, last))


def need_sentence(tables: Tables, target_group: str, context: PageContext) -> str:
    """How many contacts the coming year needs, and how many more or fewer that is than this year."""
    _ = context.catalogue.gettext
    row, change = next_year(tables, target_group, context)
    coming, base = demand_rows.this_year(context) + 1, demand_rows.base_year(tables, target_group, context)
    if row is None:
        return months_sentence(tables, target_group, context)
    if not is_shown(row, *CONTACTS):
        return _("Need in {year}: {hidden}.", year=f"{coming}", hidden=context.catalogue.hidden)
    number = context.catalogue.estimate(*numbers(row, CONTACTS))
    known = {"year": f"{coming}", "contacts": number.value, "interval": number.interval, "base": f"{base}"}
    if change is None:
        return _("About {contacts} contacts are needed in {year} (80% forecast interval {interval}).", **known)
    size = context.catalogue.percent_estimate(*(abs(share) for share in change.shares)).value
    if not change.certain:
        return _(
            "About {contacts} contacts are needed in {year} (80% forecast interval {interval}). The change from "
            "{base} ({change}) is within its uncertainty.",
            change=signed_share(change, context.catalogue),
            **known,
        )
    if change.value < 0:
        return _(
            "About {contacts} contacts are needed in {year}, {change} fewer than in {base} (80% forecast interval "
            "{interval}).",
            change=size,
            **known,
        )
    return _(
        "About {contacts} contacts are needed in {year}, {change} more than in {base} (80% forecast interval "
        "{interval}).",
        change=size,
        **known,
    )


def months_sentence(tables: Tables, target_group: str, context: PageContext) -> str:
    """Without an outlook by year: the months of the forecast, as sums of their ends; or empty."""
    ahead = rows(tables, "forecast", target_group=target_group, service="all", municipality="all")
    if ahead.empty:
        return ""
    near = ahead[ahead["month"].isin(sorted(set(ahead["month"]))[: demand_rows.YEAR])]
    span = context.span(str(near["month"].min()), str(near["month"].max()))
    if near["value"].isna().any():
        return context.catalogue.gettext("Need {span}: {hidden}.", span=span, hidden=context.catalogue.hidden)
    sums = near.groupby("quantile")["value"].sum()
    number = context.catalogue.estimate(sums[0.5], sums[0.1], sums[0.9])
    return context.catalogue.gettext(
        "About {contacts} contacts are needed in {span} (80% forecast interval at most {interval}).",
        contacts=number.value,
        span=span,
        interval=number.interval,
    )


def outlook_sentence(tables: Tables, target_group: str, context: PageContext) -> str:
    """The change over the whole outlook."""
    _ = context.catalogue.gettext
    year, change = to_the_end(tables, target_group, context)
    if change is None or year is None or year <= demand_rows.this_year(context) + 1:
        return ""
    number = context.catalogue.percent_estimate(*change.shares)
    base = f"{demand_rows.base_year(tables, target_group, context)}"
    if not change.certain:
        return _(
            "The change from {base} to {year} ({change}, 80% interval {interval}) is within its uncertainty.",
            base=base,
            year=f"{year}",
            change=signed(change.value, number.value),
            interval=number.interval,
        )
    if change.value < 0:
        low, high = (-end for end in (change.shares[2], change.shares[1]))
        number = context.catalogue.percent_estimate(-change.shares[0], low, high)
        return _(
            "From {base} to {year} the need falls by {change} (80% interval {interval}).",
            base=base,
            year=f"{year}",
            change=number.value,
            interval=number.interval,
        )
    return _(
        "From {base} to {year} the need grows by {change} (80% interval {interval}).",
        base=base,
        year=f"{year}",
        change=number.value,
        interval=number.interval,
    )


def drivers_sentence(tables: Tables, target_group: str, context: PageContext) -> str:
    """The parts that raise and that lower the need most, of those that are estimated and beyond their uncertainty."""
    _ = context.catalogue.gettext
    bars = [row for row in records(demand_rows.drivers(tables, target_group)) if is_shown(row, "change", "lo80")]
    parts = [row for row in bars if row["factor"] in ESTIMATED and row["factor"] != "interaction"]
    if not parts:
        return ""
    raising = [row for row in parts if row["lo80"] > 0]
    lowering = [row for row in parts if row["hi80"] < 0]
    if not raising and not lowering:
        return _("No single cause of the change stands out from its uncertainty.")
    said = []
    if raising:
        most = max(raising, key=lambda row: row["change"])
        said.append(
            _(
                "Raised most by: {factor} ({change} contacts a year by {year}).",
                factor=lowered(factor_name(most, context)),
                change=driver_number(most, context),
                year=f"{int(float(most['to_year']))}",
            )
        )
    if lowering:
        most = min(lowering, key=lambda row: row["change"])
        said.append(
            _(
                "Lowered most by: {factor} ({change}).",
                factor=lowered(factor_name(most, context)),
                change=driver_number(most, context),
            )
        )
    return " ".join(said)


def lowered(name: str) -> str:
    """A name inside a sentence; an abbreviation stays as it is."""
    return name if name[1:2].isupper() else name[:1].lower() + name[1:]


def driver_number(row: Row, context: PageContext) -> str:
    """The number of a bar: a level as it is, a change with its sign."""
    if is_hidden(row, "change"):
        return context.catalogue.hidden
    if not is_shown(row, "change"):
        return context.catalogue.missing
    value = float(row["change"])
    if not is_shown(row, "change", "lo80", "hi80"):
        return context.catalogue.significant(value)
    text = context.catalogue.estimate(*numbers(row, ("change", "lo80", "hi80"))).value
    return text if row["factor"] in LEVELS else signed(value, text)


def work_sentence(tables: Tables, target_group: str, context: PageContext) -> str:
    """What the change takes in person-years and euros, in the first year whose change is beyond its uncertainty."""
    work, cost = (demand_rows.resource(tables, target_group, name) for name in ("fte", "cost_eur"))
    found = _work_change(tables, target_group, context)
    if found is None:
        coming = demand_rows.this_year(context) + 1
        return _level_of_work(demand_rows.at_year(work, coming), demand_rows.at_year(cost, coming), context)
    change, (base, year) = found
    costs = demand_rows.at_year(cost, base), demand_rows.at_year(cost, year)
    most = _most_work(tables, target_group, (base, year), context) if change.value > 0 else ""
    return f"{_changed_work(change, costs, (base, year), context)}{most}"


def _work_change(tables: Tables, target_group: str, context: PageContext) -> tuple[Change, tuple[int, int]] | None:
    """The first change of work beyond its uncertainty, to the coming year or to the last one, and its years."""
    base, coming = demand_rows.base_year(tables, target_group, context), demand_rows.this_year(context) + 1
    work = demand_rows.resource(tables, target_group, "fte")
    last = demand_rows.last_year(work)
    for year in (coming, coming if last is None else last):
        change = demand_rows.change(demand_rows.at_year(work, base), demand_rows.at_year(work, year), AMOUNT)
        if change is not None and change.certain:
            return change, (base, year)
    return None


def bridging_sentence(tables: Tables, target_group: str, context: PageContext) -> str:
    """Where contacts and their work go different ways: what that means; else empty."""
    _ = context.catalogue.gettext
    found = _work_change(tables, target_group, context)
    if found is None:
        return ""
    work, (base, year) = found
    years = demand_rows.outlook(tables, target_group)
    contacts = demand_rows.change(demand_rows.at_year(years, base), demand_rows.at_year(years, year))
    if contacts is None or (contacts.certain and (contacts.value > 0) == (work.value > 0)):
        return ""
    known = {"year": f"{year}"}
    if contacts.certain:
        return (
            _("Contacts become fewer by {year}, but they move to services that need more work.", **known)
            if work.value > 0
            else _("Contacts become more by {year}, but they move to services that need less work.", **known)
        )
    if work.value > 0:
        return _(
            "The number of contacts stays about the same until {year}, but contacts move to services that need more "
            "work.",
            **known,
        )
    return _(
        "The number of contacts stays about the same until {year}, but contacts move to services that need less work.",
        **known,
    )


def _most_work(tables: Tables, target_group: str, span: tuple[int, int], context: PageContext) -> str:
    """The service that takes most of the added work, if it is beyond its uncertainty; or empty."""
    grown: list[tuple[float, str]] = []
    for service in demand_rows.services(tables, target_group, context):
        work = demand_rows.resource(tables, target_group, "fte", service)
        change = demand_rows.change(demand_rows.at_year(work, span[0]), demand_rows.at_year(work, span[1]), AMOUNT)
        if change is not None and change.lo > 0:
            grown.append((change.value, service))
    if not grown:
        return ""
    return context.catalogue.gettext(" Most is added by: {service}.", service=context.label("service", max(grown)[1]))


def _changed_work(
    change: Change, costs: tuple[Row | None, Row | None], span: tuple[int, int], context: PageContext
) -> str:
    _ = context.catalogue.gettext
    sign = 1 if change.value > 0 else -1
    years = context.catalogue.estimate(*_turned(change, sign))
    known = {"year": f"{span[1]}", "base": f"{span[0]}"}
    known |= {"years": years.value, "interval": years.interval, "cost": ""}
    euros = demand_rows.change(*costs, AMOUNT)
    if euros is not None and euros.value * sign > 0:
        amount = money(_turned(euros, sign), context)[0]
        price = price_year(costs[1])
        known["cost"] = _(
            " At computed cost that is about {amount} a year (prices of {price}).", amount=amount, price=price
        )
    if sign > 0:
        return _(
            "In {year} it takes about {years} person-years more than in {base} (80% interval {interval}).{cost}",
            **known,
        )
    return _(
        "In {year} it takes about {years} person-years less than in {base} (80% interval {interval}).{cost}", **known
    )


def _turned(change: Change, sign: int) -> tuple[float, float, float]:
    """A change as a positive number with its interval in order."""
    low, high = sorted((sign * change.lo, sign * change.hi))
    return sign * change.value, low, high


def _level_of_work(work: Row | None, cost: Row | None, context: PageContext) -> str:
    _ = context.catalogue.gettext
    if work is None or not is_shown(work, *AMOUNT):
        return ""
    years = context.catalogue.estimate(*numbers(work, AMOUNT))
    said = _(
        "Work in {year}: about {years} person-years (80% interval {interval}).",
        year=f"{int(work['year'])}",
        years=years.value,
        interval=years.interval,
    )
    if cost is None or not is_shown(cost, *AMOUNT):
        return said
    amount = money(numbers(cost, AMOUNT), context)[0]
    return said + _(
        " At computed cost that is about {amount} a year (prices of {price}).", amount=amount, price=price_year(cost)
    )


def price_year(row: Row | None) -> str:
    """The year of the prices as digits, or a dash."""
    known = "" if row is None else row.get("price_year")
    return str(known).removesuffix(".0") if known and known == known else "–"
