"""Words for the unit of an effect: how much fewer or more, and what one unit of improvement is."""

from __future__ import annotations

from typing import NamedTuple

from ennakointi.pages.context import PageContext, Row, numbers
from ennakointi.text import N_, Estimate

EFFECT = ("estimate", "lo95", "hi95")


class Unit(NamedTuple):
    """How a unit is said. `less` and `more` are (one, several) with the slot `number`; `improvement` is one unit of it
    where fewer and where more is better; `scale` turns the released number into the one that is told."""

    per: str
    less: tuple[str, str]
    more: tuple[str, str]
    improvement: tuple[str, str]
    scale: float = 1.0


def _both(words: str) -> tuple[str, str]:
    return words, words


UNITS = {
    "per 100 person-years": Unit(
        N_("per hundred persons a year"),
        _both(N_("{number} fewer per hundred persons a year")),
        _both(N_("{number} more per hundred persons a year")),
        (N_("one avoided contact"), N_("one contact more")),
    ),
    "bed-days per 100 person-years": Unit(
        N_("in bed-days per hundred persons a year"),
        (
            N_("{number} bed-day fewer per hundred persons a year"),
            N_("{number} bed-days fewer per hundred persons a year"),
        ),
        (
            N_("{number} bed-day more per hundred persons a year"),
            N_("{number} bed-days more per hundred persons a year"),
        ),
        (N_("one avoided bed-day"), N_("one bed-day more")),
    ),
    "euros per person-year": Unit(
        N_("in euros per person a year"),
        (N_("{number} euro less per person a year"), N_("{number} euros less per person a year")),
        (N_("{number} euro more per person a year"), N_("{number} euros more per person a year")),
        (N_("one saved euro"), N_("one euro more")),
    ),
    "contacts per unit and month": Unit(
        N_("per unit and month"),
        _both(N_("{number} fewer per unit and month")),
        _both(N_("{number} more per unit and month")),
        (N_("one avoided contact"), N_("one contact more")),
    ),
    "bed-days per unit and month": Unit(
        N_("in bed-days per unit and month"),
        (N_("{number} bed-day fewer per unit and month"), N_("{number} bed-days fewer per unit and month")),
        (N_("{number} bed-day more per unit and month"), N_("{number} bed-days more per unit and month")),
        (N_("one avoided bed-day"), N_("one bed-day more")),
    ),
    "euros per unit and month": Unit(
        N_("in euros per unit and month"),
        (N_("{number} euro less per unit and month"), N_("{number} euros less per unit and month")),
        (N_("{number} euro more per unit and month"), N_("{number} euros more per unit and month")),
        (N_("one saved euro"), N_("one euro more")),
    ),
    "days": Unit(
        N_("in days"),
        (N_("{number} day less"), N_("{number} days less")),
        (N_("{number} day more"), N_("{number} days more")),
        (N_("one day less"), N_("one day more")),
    ),
    "share": Unit(
        N_("in percentage points"),
        (N_("{number} percentage point less"), N_("{number} percentage points less")),
        (N_("{number} percentage point more"), N_("{number} percentage points more")),
        _both(N_("one percentage point")),
        100.0,
    ),
    "points": Unit(
        N_("in points"),
        (N_("{number} point less"), N_("{number} points less")),
        (N_("{number} point more"), N_("{number} points more")),
        _both(N_("one point")),
    ),
}
OTHER = Unit(
    N_("in the units of the outcome"), _both(N_("{number} less")), _both(N_("{number} more")), _both(N_("one unit"))
)


def unit_of(row: Row) -> Unit:
    """The unit of a row of `effects`."""
    return UNITS.get(str(row.get("unit")), OTHER)


def per(row: Row, context: PageContext) -> str:
    """`per hundred persons a year`."""
    return context.catalogue.gettext(unit_of(row).per)


def improvement(row: Row, better: str, context: PageContext) -> str:
    """What one unit of improvement is: `one avoided contact`."""
    return context.catalogue.gettext(unit_of(row).improvement[better == "more"])


def number(row: Row, context: PageContext, sign: float = 1.0) -> Estimate:
    """The effect with its interval; a negative sign turns both round."""
    scale = sign * unit_of(row).scale
    value, *ends = numbers(row, EFFECT, scale)
    return context.catalogue.estimate(value, *sorted(ends))


def amount(row: Row, context: PageContext) -> tuple[str, str]:
    """`12 fewer per hundred persons a year` and the interval of the 12."""
    fewer = row["estimate"] < 0
    found = number(row, context, -1.0 if fewer else 1.0)
    unit = unit_of(row)
    forms = unit.less if fewer else unit.more
    return context.catalogue.gettext(forms[found.value != "1"], number=found.value), found.interval
