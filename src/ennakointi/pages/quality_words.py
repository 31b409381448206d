"""Words about the data of a quarter: what each check found, what to do about it, what may be relied on."""

from __future__ import annotations

from typing import NamedTuple

from ennakointi.pages.context import PageContext, Row, Tables, is_shown, record, rows
from ennakointi.text import N_

SMALLEST_SHARE = 0.0001  # below it the share accepted would read as 100 %
AGAIN = N_("Have the extract corrected and delivered again.")
SOURCE = N_("Correct it where it is recorded and deliver again.")
CODES = N_("Add the code to the mapping, or correct it where it is recorded.")
RECORDING = N_("Agree with the units on how it is recorded.")
ASK = N_("Find out what happened in the units in those months.")
DELIVER = N_("Have it added to the extract.")
LATE = N_("Agree on a day by which contacts are recorded, and extract after it.")
DESCRIBE = N_("Describe the intervention in the parameters.")
PERSONS = N_("Deliver every resident, also those who use no services, or the population by municipality, age and sex.")


class Words(NamedTuple):
    """What a check found, what to do about it, and what a reader must be told beside it: the column, the table, or
    nothing where the finding says all."""

    finding: str
    action: str = ""
    about: str = "column"


CHECKS = {
    "required": Words(N_("a required value is empty"), AGAIN),
    "type": Words(N_("the value cannot be read"), AGAIN),
    "unknown_code": Words(N_("the code is not in the code list"), CODES),
    "pattern": Words(N_("the value does not have the agreed form"), AGAIN),
    "lost_zeros": Words(N_("the code has lost its leading zeros"), AGAIN),
    "minimum": Words(N_("the value is too small"), SOURCE),
    "maximum": Words(N_("the value is too large"), SOURCE),
    "too_early": Words(N_("the date is too early to be true"), SOURCE),
    "order": Words(N_("an end is before its start"), SOURCE),
    "after_as_of": Words(N_("the date is after the end of the data"), AGAIN),
    "orphan": Words(N_("the person is not among the residents"), AGAIN, about="table"),
    "before_birth": Words(N_("the event is before birth"), SOURCE, about="table"),
    "after_death": Words(N_("the event is more than 30 days after death"), SOURCE, about="table"),
    "duplicate_key": Words(N_("the same key stands in several rows"), AGAIN, about="table"),
    "duplicate_row": Words(N_("the row is a repeat"), AGAIN),
    "unreadable_line": Words(N_("the line of the file cannot be read"), AGAIN),
    "encoding": Words(N_("the line is in another character encoding than its file"), AGAIN),
    "open_quote": Words(N_("a quotation mark is never closed"), AGAIN),
    "nul_byte": Words(N_("the line holds a NUL character"), AGAIN),
    "long_line": Words(N_("the line is too long to be a row"), AGAIN),
    "error_cell": Words(N_("a cell of the workbook holds an error"), AGAIN),
    "missing_table": Words(N_("the table is missing"), DELIVER),
    "missing_column": Words(N_("the information is missing"), DELIVER),
    "extra_column": Words(N_("the column is not in the data contract and is ignored")),
    "after_cut": Words(N_("the row is after the last day of the quarter and is set aside")),
    "unmapped_code": Words(N_("the mapping does not know the code"), CODES),
    "mapping_flag": Words(N_("the mapping could only guess the value"), N_("Deliver the source's own code.")),
    "missing": Words(N_("values are missing"), DELIVER),
    "code_share": Words(N_("the code says “other” or “unknown” too often"), RECORDING),
    "code_drift": Words(N_("the use of codes has changed from the year before"), RECORDING),
    "duplicate_event": Words(N_("the same event stands twice under different identifiers"), AGAIN, about=""),
    "midnight": Words(N_("the time of day is not recorded"), RECORDING),
    "sequence": Words(N_("two times are in an impossible order"), SOURCE),
    "overlapping_stays": Words(N_("a person is in two beds at the same time"), SOURCE, about=""),
    "contact_during_stay": Words(N_("a contact elsewhere during a bed stay"), SOURCE, about=""),
    "assessment_stamp": Words(N_("the time of the assessment of need is missing"), RECORDING, about=""),
    "social_recording": Words(N_("the contacts of social services are recorded incompletely"), RECORDING, about=""),
    "social_client_without_contact": Words(N_("a client of social services has no contact"), RECORDING, about=""),
    "social_contact_without_status": Words(
        N_("a contact of social services whose person is no client"), RECORDING, about=""
    ),
    "volume_break": Words(N_("the records of some units break off in some months"), ASK, about=""),
    "residents_or_clients": Words(N_("the data hold clients, not all residents"), PERSONS, about=""),
    "municipality_outside_region": Words(N_("the person lives outside the region"), AGAIN, about=""),
    "unknown_intervention": Words(N_("the intervention is not among the known ones"), DESCRIBE, about=""),
    "orphan_reference": Words(N_("the row refers to a row that does not exist"), AGAIN),
    "late_arrival": Words(N_("contacts reached the register only after the quarter's run"), LATE, about=""),
    "gap": Words(N_("months or weeks are missing inside a series"), AGAIN),
}
RESULTS = {
    "service_debt": N_("Service debt"),
    "effects": N_("Effectiveness"),
    "target_groups": N_("Target groups"),
    "volumes": N_("Numbers of contacts"),
    "remote_share": N_("Share of remote contacts"),
    "access": N_("Access to care"),
    "costs": N_("Costs"),
    "persons_rates": N_("Contacts per resident"),
    "hidden_debt": N_("Hidden service debt"),
    "non_user_segments": N_("Residents who use no services"),
    "deviation": N_("Deviations"),
}


class Level(NamedTuple):
    """How far a result can be relied on, in words, with the tone of its sign."""

    words: str
    tone: str


LEVELS = {
    "refused": Level(N_("cannot be used"), "bad"),
    "care": Level(N_("use with care"), "unsure"),
    "usable": Level(N_("can be used"), "good"),
    "missing": Level(N_("data missing"), "neutral"),
}


def finding(check: object, context: PageContext) -> str:
    """What a check finds, in words; a check without words shows its id."""
    return context.catalogue.gettext(CHECKS[str(check)].finding) if str(check) in CHECKS else str(check)


def result_names(codes: object, context: PageContext) -> str:
    """The results of an `affects` cell, in words."""
    known = [code for code in str(codes or "").split(";") if code in RESULTS]
    return ", ".join(_small(context.catalogue.gettext(RESULTS[code])) for code in known)


def _small(text: str) -> str:
    return text[:1].lower() + text[1:]


def capital(text: str) -> str:
    """A text with a capital at its start."""
    return text[:1].upper() + text[1:]


def share_words(row: Row, context: PageContext) -> str:
    """The share of rows that a check found, finer the smaller it is; empty where there is none or it is hidden."""
    if not is_shown(row, "share"):
        return ""
    share = float(row["share"])
    return context.catalogue.percent(share, 0 if share >= 0.1 else 1 if share >= 0.01 else 2)


def place(row: Row, context: PageContext) -> str:
    """The data that a check looked at, in the reader's words; its code stands in the released table."""
    return capital(context.place_words(row["table"], row["column"]))


def accepted_sentence(tables: Tables, context: PageContext) -> str:
    """Rows accepted of rows delivered, over all tables."""
    _ = context.catalogue.gettext
    accepted = rows(tables, "data_quality", check="accepted")
    if accepted.empty or not accepted["rows"].sum():
        return ""
    read, failed = accepted["rows"].sum(), accepted["failed"].sum()
    if failed == 0 and accepted["failed"].isna().any():
        return _("Nearly every delivered row was accepted.")
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


def covered_sentence(tables: Tables, context: PageContext) -> str:
    """The lowest yearly coverage of a service since the baseline began."""
    _ = context.catalogue.gettext
    volumes = rows(tables, "volumes")
    since = volumes if volumes.empty else volumes[volumes["year"].astype(str) >= context.baseline[0][:4]]
    if since.empty:
        return ""
    lowest = record(since.sort_values(["covered_share", "year", "service"]))
    if lowest["covered_share"] >= 1:
        return "" if "coverage" in context.missing else _("The register holds every area, service and month.")
    return _(
        "The register holds least of this: {service} in {year}, {share} of the residents' months. Visits "
        "that are absent there are not missing care.",
        service=context.label("service", lowest["service"]),
        year=str(lowest["year"]),
        share=context.catalogue.percent(lowest["covered_share"]),
    )
