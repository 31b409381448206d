"""Sentences about how forecasts have done: the last ones against the outcome, and tests on earlier years."""

from __future__ import annotations

from ennakointi.pages import demand_rows
from ennakointi.pages.context import PageContext, Row, Tables, is_shown, record, rows
from ennakointi.periods import Quarter

EXPECTED_SHARE = 0.8  # of outcomes inside the 80 % interval


def hits_sentence(tables: Tables, target_group: str, context: PageContext) -> str:
    """How the forecast made a quarter ago did; empty when none has been scored."""
    hits = demand_rows.latest_hits(tables, target_group)
    if hits is None:
        return ""
    return context.catalogue.gettext(
        "The forecast of quarter {quarter}: the outcome was inside the forecast interval for {hits} services and "
        "outside it for {misses} (expected inside: about {expected}).",
        quarter=_short(hits.made),
        hits=hits.hits,
        misses=hits.services - hits.hits,
        expected=f"{EXPECTED_SHARE * hits.services:.0f}",
    )


def _short(made: str) -> str:
    """`2/2025`: a quarter inside a sentence."""
    quarter = Quarter.parse(made)
    return f"{quarter.number}/{quarter.year}"


def total_sentence(hits: demand_rows.Hits, context: PageContext) -> str:
    """How the forecast of all services together did; empty when that is not known."""
    _ = context.catalogue.gettext
    if hits.total is None:
        return ""
    error = float(hits.total["error_share"])
    known = {"inside": int(hits.total["inside80"]), "months": int(hits.total["months"])}
    size = context.catalogue.percent(abs(error), 1)
    if error < 0:
        return _(
            "All services together: {inside} of {months} months were inside the 80% forecast interval, and the "
            "forecast was {error} below the outcome.",
            error=size,
            **known,
        )
    return _(
        "All services together: {inside} of {months} months were inside the 80% forecast interval, and the forecast "
        "was {error} above the outcome.",
        error=size,
        **known,
    )


def hits_detail(tables: Tables, target_group: str, context: PageContext) -> list[str]:
    """When the scored forecast was made, its months, and how it compares with the same month a year before."""
    _ = context.catalogue.gettext
    hits = demand_rows.latest_hits(tables, target_group)
    if hits is None:
        return [_("There is no earlier forecast to compare with yet. The next report tells how this one did.")]
    made = context.catalogue.quarter(Quarter.parse(hits.made))
    share = context.catalogue.percent(hits.inside / hits.months)
    said = [
        hits_sentence(tables, target_group, context),
        total_sentence(hits, context),
        _("The forecast was made from the data of this quarter: {quarter}.", quarter=made),
        _("Of the months of single services, {share} were inside the 80% forecast interval.", share=share),
    ]
    if hits.compared:
        said.append(
            _(
                "It was closer than “the same as in the same month last year” for {better} services, further for "
                "{worse}.",
                better=hits.better,
                worse=hits.compared - hits.better,
            )
        )
    return [one for one in said if one]


def score_row(tables: Tables, target_group: str, service: str, model: str) -> Row | None:
    """A row of `forecast_scores`, or None."""
    found = rows(tables, "forecast_scores", target_group=target_group, service=service, model=model)
    return None if found.empty else record(found)


def gain(tables: Tables, target_group: str, service: str) -> float | None:
    """How much smaller the mean error was than that of the same month a year before, as a share; None if unknown."""
    own, naive = (score_row(tables, target_group, service, model) for model in ("engine", "seasonal_naive"))
    if own is None or naive is None or not is_shown(own, "mase") or not is_shown(naive, "mase") or not naive["mase"]:
        return None
    return 1 - float(own["mase"]) / float(naive["mase"])


def score_sentences(tables: Tables, target_group: str, context: PageContext) -> list[str]:
    """The tests on earlier years in plain words."""
    _ = context.catalogue.gettext
    own = score_row(tables, target_group, "all", "engine")
    better = gain(tables, target_group, "all")
    if own is None or better is None:
        return [_("The history is too short for tests on earlier years.")]
    share = context.catalogue.percent(abs(better))
    said = [
        _(
            "In tests on earlier years the mean error was {share} smaller than if every month had been taken to be "
            "as the same month of the year before.",
            share=share,
        )
        if better > 0
        else _(
            "In tests on earlier years the mean error was {share} larger than if every month had been taken to be "
            "as the same month of the year before: the forecast brings nothing yet.",
            share=share,
        )
    ]
    if is_shown(own, "coverage80"):
        said.append(
            _(
                "Of the tested months {share} were inside the 80% forecast interval.",
                share=context.catalogue.percent(own["coverage80"]),
            )
        )
    return said


def measures(tables: Tables, target_group: str, context: PageContext) -> str:
    """The field's own scores, for those who know them; empty when there are none."""
    own, naive = (score_row(tables, target_group, "all", model) for model in ("engine", "seasonal_naive"))
    if own is None or naive is None or not is_shown(own, "mase", "wql") or not is_shown(naive, "mase", "wql"):
        return ""
    number = context.catalogue.number
    return context.catalogue.gettext(
        "Rolling-origin backtests of all services: MASE {mase} (seasonal naive {naive_mase}), WQL {wql} "
        "(seasonal naive {naive_wql}).",
        mase=number(own["mase"], 2),
        naive_mase=number(naive["mase"], 2),
        wql=number(own["wql"], 3),
        naive_wql=number(naive["wql"], 3),
    )
