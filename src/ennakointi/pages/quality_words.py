"""Sentences about the data of a quarter, shared by the page of their quality and the summary."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from ennakointi.pages.context import PageContext, record, rows

SMALLEST_SHARE = 0.0001  # below it the share accepted would read as 100 %


def accepted_sentence(tables: Mapping[str, pd.DataFrame], context: PageContext) -> str:
    """Rows accepted of rows delivered, over all tables."""
    _ = context.catalogue.gettext
    accepted = rows(tables, "data_quality", check="accepted")
    if accepted.empty or not accepted["rows"].sum():
        return ""
    read, failed = accepted["rows"].sum(), accepted["failed"].sum()
    if failed == 0:
        return _("Every delivered row was accepted ({rows}).", rows=context.catalogue.number(read))
    counts = {"failed": context.catalogue.number(failed), "rows": context.catalogue.number(read)}
    if failed / read < SMALLEST_SHARE:
        return _("Rejected rows: {failed} of {rows}.", **counts)
    return _(
        "Of the delivered rows {share} were accepted; rejected rows: {failed} of {rows}.",
        share=context.catalogue.percent(1 - failed / read, 2),
        **counts,
    )


def covered_sentence(tables: Mapping[str, pd.DataFrame], context: PageContext) -> str:
    """The lowest yearly coverage of a service since the baseline began."""
    _ = context.catalogue.gettext
    volumes = rows(tables, "volumes")
    since = volumes if volumes.empty else volumes[volumes["year"].astype(str) >= context.baseline[0][:4]]
    if "coverage" in context.missing or since.empty:
        return ""
    lowest = record(since.sort_values(["covered_share", "year", "service"]))
    if lowest["covered_share"] >= 1:
        return _("The register holds every area, service and month.")
    return _(
        "The register holds least of this: {service} in {year}, {share} of the residents' months. Visits "
        "that are absent there are not missing care.",
        service=context.label("service", lowest["service"]),
        year=str(lowest["year"]),
        share=context.catalogue.percent(lowest["covered_share"]),
    )
