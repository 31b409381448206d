"""Headline figures and their changes as words: numbers in their unit, and status with a tone."""

from __future__ import annotations

from collections.abc import Sequence

from ennakointi.pages.context import PageContext, Row, Tables, is_hidden, is_shown, numbers, records, rows
from ennakointi.text import N_, supported

VALUE = ("value", "lo80", "hi80")
TOTAL = ("total", "total_lo80", "total_hi80")
PARTS = ("late", "definitions", "new_events", "real")
COUNTED = ("services", "interventions")  # units of whole numbers that were counted
STATUS = {
    "met": (N_("is met"), "good"),
    "not_met": (N_("is not met"), "bad"),
    "unsure": (N_("cannot be said: within its uncertainty"), "unsure"),
    "not_measured": (N_("not computed in this report"), "neutral"),
}
UNITS = {
    "contacts": N_("contacts"),
    "weeks": N_("weeks of normal services"),
    "share": N_("share"),
    "services": N_("services"),
    "interventions": N_("interventions"),
    "percent": N_("per cent"),
    "persons": N_("persons"),
    "days": N_("days"),
    "euros": N_("euro"),
}


def figures(tables: Tables, context: PageContext, **keys: str) -> list[Row]:
    """This quarter's own figures in their order, each once whatever its targets."""
    own = rows(tables, "indicators", period=str(context.quarter), source="ennakointi", **keys)
    return records(own if own.empty else own.drop_duplicates(["indicator", "target_group"]))


def name(row: Row, context: PageContext) -> str:
    """The figure's name, with its group unless it is of all residents."""
    label = context.label("indicator", str(row["indicator"]))
    if row["target_group"] == "all":
        return label
    return f"{label}: {context.label('target_group', str(row['target_group']))}"


def unit(row: Row, context: PageContext) -> str:
    """The unit in words, or as the source gives it."""
    return context.catalogue.gettext(UNITS[row["unit"]]) if row["unit"] in UNITS else str(row["unit"])


def amount(row: Row, context: PageContext, columns: Sequence[str] = VALUE) -> tuple[str, str]:
    """A number and its interval, rounded to what the interval supports; the interval is empty where none is known."""
    catalogue = context.catalogue
    if is_hidden(row, columns[0]):
        return catalogue.hidden, ""
    if not is_shown(row, columns[0]):
        return catalogue.missing, ""
    known = is_shown(row, *columns)
    value, low, high = numbers(row, columns) if known else (float(row[columns[0]]),) * 3
    if row["unit"] in COUNTED:
        return catalogue.number(value), catalogue.interval(low, high) if known and low < high else ""
    exact = known and low == high
    ends = (value, low, high) if known else (value, 0.0, 2 * value)
    estimate = catalogue.percent_estimate if row["unit"] == "share" else catalogue.estimate
    if exact:
        return catalogue.percent(value, 1) if row["unit"] == "share" else catalogue.significant(value), ""
    text = estimate(*ends)
    return text.value, text.interval if known else ""


def cell(row: Row, context: PageContext, columns: Sequence[str] = VALUE) -> str:
    """`25 000 (18 000–33 000)`, hidden, or a dash."""
    value, interval = amount(row, context, columns)
    return f"{value} ({interval})" if interval else value


def target(row: Row, context: PageContext) -> str:
    """The number aimed at, in the unit of its figure."""
    if not is_shown(row, "target"):
        return context.catalogue.missing
    value = float(row["target"])
    if row["unit"] in ("share", "percent"):
        share = value if row["unit"] == "share" else value / 100
        return context.catalogue.percent(share, 0 if round(100 * share, 6) == round(100 * share) else 1)
    return context.catalogue.significant(value)


def half_width(row: Row) -> float | None:
    """Half of the interval that says how far the parts of a change are known: that of the total, else of the pace."""
    for low, high in (("total_lo80", "total_hi80"), ("real_lo80", "real_hi80")):
        if is_shown(row, low, high):
            return abs(float(row[high]) - float(row[low])) / 2
    return None


def parts(row: Row, context: PageContext) -> dict[str, str]:
    """The parts of a change and the whole, signed and rounded alike; the last part is the rest, so that they add up."""
    catalogue = context.catalogue
    if is_hidden(row, "total"):
        return dict.fromkeys((*PARTS, "total"), catalogue.hidden)
    if not is_shown(row, "total"):
        return dict.fromkeys((*PARTS, "total"), catalogue.missing)
    half, scale = half_width(row), 100.0 if row["unit"] == "share" else 1.0
    half = abs(float(row["total"])) if half is None else half
    rounded = {
        part: supported(scale * row[part], scale * (row[part] - half), scale * (row[part] + half))
        for part in (*PARTS, "total")
        if is_shown(row, part)
    }
    digits = 0 if row["unit"] in COUNTED else max(number.digits for number in rounded.values())
    known = {part: number.value for part, number in rounded.items()}
    if all(part in known for part in PARTS):
        known["real"] = known["total"] - sum(known[part] for part in PARTS[:-1])
    return {
        part: catalogue.signed(known[part], digits) if part in known else catalogue.missing
        for part in (*PARTS, "total")
    }


def change(row: Row, context: PageContext) -> str:
    """The whole change with its sign, and that of a share in percentage points."""
    text = parts(row, context)["total"]
    if row["unit"] == "share" and any(digit.isdigit() for digit in text):
        return context.catalogue.gettext("{change} percentage points", change=text)
    return text
