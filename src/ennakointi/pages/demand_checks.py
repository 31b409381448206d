"""What was checked of a forecast, what part of the area it lacks, and by which models it was made."""

from __future__ import annotations

import json

from ennakointi.pages import reasons
from ennakointi.pages.context import PageContext, Tables, check_value, records, rows
from ennakointi.report import markup
from ennakointi.report.markup import Block
from ennakointi.text import N_

WHOLE = 0.995  # of residents; with less the reader is told on the first screen
QUICK = N_("This is a quick run: one model alone, Theta, makes the months ahead.")
SHORT = N_("The history is too short for all models: the forecast is made by one of them.")
LEVEL = N_("Too few or too even contacts for the models: the forecast is a constant level with its spread.")
ENSEMBLE = N_(
    "The months ahead are the mean of several forecasting models. Two smooth each series without its season: Theta and "
    "complex smoothing. A third, exponential smoothing, has a season of its own. Two more learn from all series at "
    "once: one from counts, the other from counts without their season."
)


def covered(tables: Tables, target_group: str) -> float:
    """Share of residents whose areas the forecast of all services covers; 1 when it is not known."""
    for check in records(rows(tables, "forecast_checks", target_group=target_group, service="all", check="coverage")):
        share = json.loads(check["message"])["values"].get("covered_share")
        if share is not None:
            return float(share)
    return 1.0


def part_missing(tables: Tables, target_group: str, context: PageContext) -> Block | None:
    """That part of the area is missing: which municipalities, and the share that is covered."""
    _ = context.catalogue.gettext
    share = covered(tables, target_group)
    if share >= WHOLE:
        return None
    held = set(rows(tables, "forecast", target_group=target_group)["municipality"])
    held |= {code for area in held & context.areas.keys() for code in context.areas[area]}
    held |= {"all", *context.areas}
    labels = context.labels.get("area", {}).items()
    names = [name for code, name in labels if not code.startswith("county:") and code not in held]
    said = _("Part of the area is missing from the forecast.")
    if names:
        said = _("Part of the area is missing from the forecast: {names}.", names=context.catalogue.join(sorted(names)))
    covers = _(
        "The forecast covers the areas of {covered_share} of residents.", covered_share=_below_all(share, context)
    )
    return markup.callout(said, covers, tone="missing")


def _below_all(share: float, context: PageContext) -> str:
    """A share that is not all, in whole per cents and never 100%."""
    percent = context.catalogue.percent
    return context.catalogue.gettext("more than {share}", share=percent(0.99)) if share > 0.99 else percent(share)


def filled_words(context: PageContext) -> str:
    """That earlier months stand for today's area."""
    return context.catalogue.gettext(
        "Earlier months are filled up to today's area where the register did not hold every municipality."
    )


def method(tables: Tables, target_group: str) -> str:
    """By which models the months ahead were made, as a sentence to translate."""
    own = rows(tables, "forecast", target_group=target_group, municipality="all")
    known = set() if own.empty else set(own["method"].astype(str))
    if "ensemble" in known:
        return ENSEMBLE
    if "theta" not in known:
        return LEVEL if known else ENSEMBLE
    told = rows(tables, "forecast_checks", target_group=target_group, check="fallback")
    short = not told.empty and any(SHORT in str(message) for message in told["message"])
    return SHORT if short else QUICK


def checks(tables: Tables, target_group: str, context: PageContext) -> Block | None:
    """The checks, failed ones first; those of single services folded, each finding once."""
    _ = context.catalogue.gettext
    found = records(rows(tables, "forecast_checks", target_group=target_group))
    told = [(check_value(row["passed"]), context.words(row["message"])) for row in found if row["service"] == "all"]
    whole = list(dict.fromkeys(told))
    single = reasons.checks([row for row in found if row["service"] != "all"], context)
    folded = markup.details(_("Checks of single services"), markup.checks(single, context.catalogue))
    return markup.stack(
        *reasons.shown(whole, context.catalogue),
        folded if single else None,
    )
