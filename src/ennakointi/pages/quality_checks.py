"""The checks of the data by category, for the analyst: failed ones first, then what was not computed or passed."""

from __future__ import annotations

import pandas as pd

from ennakointi.pages import quality_words
from ennakointi.pages.context import PageContext, Row, Tables, is_hidden, is_shown, records, rows
from ennakointi.periods import Quarter
from ennakointi.report import figures, markup
from ennakointi.report.markup import Block, Column
from ennakointi.schema import AGGREGATE_TABLE
from ennakointi.text import N_

CATEGORIES = {
    "conformance": N_("Form: are the data as agreed?"),
    "completeness": N_("Completeness: is everything there?"),
    "plausibility": N_("Plausibility: can it be true?"),
}
SEVERITIES = {"error": N_("error"), "warning": N_("warning"), "info": N_("remark")}
CODES = ("code_share", "unmapped_code", "unknown_intervention", "municipality_outside_region")
DELIVERY = ("accepted", "missing_table", "missing_column")
VERDICTS = {
    "register": N_("rows are missing from the register"),
    "unclear": N_("not clear"),
    "real": N_("a real fall: others fell too"),
    "known": N_("a known change"),
}
OF_ONE_COLUMN = ("missing", "code_share", "midnight", "assessment_stamp", "social_recording")
BREAKS_SHOWN = 20


def accepted(tables: Tables, context: PageContext) -> Block | None:
    """Rows delivered and rejected: the tables that lost rows, and all tables folded."""
    _ = context.catalogue.gettext
    found = rows(tables, "data_quality", check="accepted")
    if found.empty:
        return None
    columns = [
        Column("name", _("Table")),
        Column("rows", _("Rows delivered"), "number"),
        Column("failed", _("Rows rejected"), "number"),
        Column("share", _("Rejected, %"), "percent", 2),
    ]
    frame = found.assign(name=[quality_words.capital(context.place_words(table, "")) for table in found["table"]])
    lost = frame[frame["failed"] != 0]
    title, all_of_them = _("Tables with rejected rows"), _("Rows delivered and rejected by table")
    return markup.stack(
        markup.table(lost, columns, title, context.catalogue) if len(lost) else None,
        markup.details(all_of_them, markup.table(frame, columns, all_of_them, context.catalogue)),
    )


def counts(tables: Tables, context: PageContext) -> Block | None:
    """How many checks were made, failed and could not be made."""
    judged = _judged(tables)
    if judged.empty:
        return None
    _ = context.catalogue.gettext
    number = judged["status"].value_counts()
    failed, skipped = int(number.get("failed", 0)), int(number.get("not_computed", 0))
    made = int(number.get("passed", 0)) + failed
    sentences = [_("Checks made: {made}; not in order: {failed}.", made=made, failed=failed)]
    return markup.paragraph(*sentences, _("Checks that could not be made: {n}.", n=skipped) if skipped else "")


def _judged(tables: Tables) -> pd.DataFrame:
    """Checks that pass or fail; not what was delivered at all, nor checks of the other kind of source.

    A source holds persons or only counts, and nobody misses the other."""
    found = rows(tables, "data_quality")
    if found.empty:
        return found
    counts_only = found["check"].eq("accepted") & found["table"].eq(AGGREGATE_TABLE)
    other_kind = found["table"].eq(AGGREGATE_TABLE) != counts_only.any()
    apart = found["check"].isin(DELIVERY) | (other_kind & found["status"].eq("not_computed"))
    return found[found["category"].isin(CATEGORIES) & ~apart]


def by_category(tables: Tables, context: PageContext) -> Block:
    """A section for each category of Kahn et al. (2016) with its checks, the failed ones first.

    Kahn, M.G. et al. (2016). A harmonized data quality assessment terminology and framework for the secondary use of
    electronic health record data. eGEMs 4(1):1244. doi 10.13063/2327-9214.1244.
    """
    judged = _judged(tables)
    of = {} if judged.empty else {code: judged[judged["category"] == code] for code in CATEGORIES}
    sections = [_category(own, code, context) for code, own in of.items() if len(own)]
    return markup.stack(*sections, _not_delivered(tables, context))


def _category(judged: pd.DataFrame, code: str, context: PageContext) -> Block:
    _ = context.catalogue.gettext
    failed, skipped, seen, passed = (
        judged[judged["status"] == status] for status in ("failed", "not_computed", "info", "passed")
    )
    return markup.section(
        _(CATEGORIES[code]),
        _found(failed, _("Not in order"), context) if len(failed) else markup.paragraph(_("Nothing failed.")),
        _folded(skipped, _("Could not be checked ({n})", n=len(skipped)), context),
        _folded(seen, _("Remarks ({n})", n=len(seen)), context),
        _folded(passed, _("In order ({n})", n=len(passed)), context),
        level=3,
    )


def _folded(found: pd.DataFrame, title: str, context: PageContext) -> Block | None:
    return None if found.empty else markup.details(title, _found(found, title, context))


def _found(found: pd.DataFrame, caption: str, context: PageContext) -> Block:
    """Checks with the rows they looked at, the rows they found, and the limit that decides."""
    _ = context.catalogue.gettext
    order = found["severity"].map(list(SEVERITIES).index)
    ordered = found.assign(order=-order).sort_values(["order", "share"], ascending=False, kind="stable")
    each = records(ordered)
    frame = ordered.assign(
        where=[quality_words.place(row, context) for row in each],
        what=[str(_what(row, context)) for row in each],
        weight=[_(SEVERITIES[str(row["severity"])]) for row in each],
    )
    columns = [
        Column("where", _("Data")),
        Column("what", _("Finding"), format=Block),
        Column("rows", _("Rows checked"), "number"),
        Column("failed", _("Findings"), "number"),
        Column("share", _("Share, %"), "percent", 2),
        Column("limit_share", _("Limit, %"), "percent", 1),
        Column("limit_rows", _("Limit, rows"), "number"),
        Column("weight", _("Severity")),
    ]
    shown = {"not_computed": columns[:2], "passed": columns[:-1]}.get(str(each[0]["status"]), columns)
    return markup.table(frame, shown, caption, context.catalogue)


def _what(row: Row, context: PageContext) -> Block:
    """The finding; unless it was passed, its details and the results that depend on it."""
    said = markup.paragraph(quality_words.finding(row["check"], context))
    if row["status"] == "passed":
        return said
    affected = quality_words.result_names(row["affects"], context)
    depend = context.catalogue.gettext("Affects: {results}.", results=affected) if affected else ""
    detail = _lacking(row, context) if row["status"] == "not_computed" else _detail(row, context)
    under = [*filter(None, ("" if is_hidden(row, "failed") else detail, depend))]
    return markup.stack(said, markup.note(*under) if under else None)


def _lacking(row: Row, context: PageContext) -> str:
    """What a check would have needed."""
    _ = context.catalogue.gettext
    if row["check"] == "late_arrival":
        return _("Needed: {columns}.", columns=_("an earlier quarter of the same data"))
    if row["table"] in context.missing:
        return _("Data missing: {table}.", table=context.table_name(row["table"]))
    if row["check"] not in OF_ONE_COLUMN:
        return _("Some of the data that this check compares are missing.")
    return _("Needed: {columns}.", columns=context.place_words(row["table"], row["column"]))


def _detail(row: Row, context: PageContext) -> str:
    """What the check found, in the reader's words: services with shares, units, the largest difference, or codes."""
    _, percent = context.catalogue.gettext, context.catalogue.percent
    found = [part.split(" ") for part in str(row["detail"] or "").split("; ") if is_shown(row, "detail") and part]
    if not found:
        return ""
    if row["check"] in ("code_drift", "late_arrival"):
        shares = [f"{context.label('service', part[0])} {percent(float(part[1]))}" for part in found]
        return f"{', '.join(shares)}."
    if row["check"] == "assessment_stamp":
        return _("Units below the limit: {units}.", units=found[0][1])
    if row["check"] == "residents_or_clients":
        difference = context.catalogue.signed_percent(float(found[0][1]), 1)
        return _("Largest difference: {difference} ({place}).", difference=difference, place=" ".join(found[0][2:]))
    if row["check"] in CODES:  # without the counts, which may be small
        return f"{', '.join(part[0] for part in found)}."
    return f"{row['detail']}."


def _not_delivered(tables: Tables, context: PageContext) -> Block | None:
    """Optional columns without data, table by table, with what each affects; folded, for most are not needed."""
    _ = context.catalogue.gettext
    missing = rows(tables, "data_quality", check="missing_column")
    if missing.empty:
        return None
    frame = missing.assign(
        what=[quality_words.place(row, context) for row in records(missing)],
        affects=[quality_words.result_names(codes, context) or _("no result") for codes in missing["affects"]],
    )
    columns = [
        Column("what", _("What is missing")),
        Column("affects", _("Affects")),
    ]
    title = _("Optional columns that were not delivered ({n})", n=len(missing))
    return markup.details(title, markup.table(frame, columns, title, context.catalogue))


def breaks(tables: Tables, context: PageContext) -> Block | None:
    """Months in which a unit's contacts fall away: a fall of the register, or a real one."""
    found = rows(tables, "volume_breaks")
    if found.empty:
        return None
    _ = context.catalogue.gettext
    number = found["verdict"].value_counts()
    said = [f"{quality_words.capital(_(words))}: {number[code]}." for code, words in VERDICTS.items() if code in number]
    order = found["verdict"].map(list(VERDICTS).index)
    lost = found["expected"] - found["observed"]
    shown = found.assign(order=-order, lost=lost).nlargest(BREAKS_SHOWN, ["order", "lost"])
    frame = shown.assign(
        name=[context.label("service", code) for code in shown["service"]],
        why=[_(VERDICTS[code]) for code in shown["verdict"]],
    )
    columns = [
        Column("unit", _("Unit")),
        Column("name", _("Service")),
        Column("month", _("Month"), format=context.catalogue.month_short),
        Column("observed", _("Took place"), "number"),
        Column("expected", _("Usually"), "number"),
        Column("why", _("Likely reason")),
    ]
    title = _("Months in which a unit's contacts fall away")
    if "register" in number:
        said.append(_("Where rows are missing from the register, visits were hardly missing."))
    return markup.section(
        title,
        markup.paragraph(*said),
        markup.details(_("The largest of them"), markup.table(frame, columns, title, context.catalogue)),
        level=3,
    )


def trend(tables: Tables, context: PageContext) -> Block | None:
    """How many checks failed quarter by quarter, and rows rejected and late; a sentence when there is one only."""
    _ = context.catalogue.gettext
    overall = rows(tables, "quality_trend", category="all")
    if overall.empty:
        return None
    heading = _("Is the quality getting better?")
    if len(overall) == 1:
        said = _("This is the first quarter whose quality was recorded: there is no trend yet.")
        return markup.section(heading, markup.paragraph(said), level=3)
    overall = overall.sort_values("quarter")
    frame = overall.assign(
        label=[context.catalogue.quarter(Quarter.parse(quarter)) for quarter in overall["quarter"]],
        value=100 * overall["failed"] / overall["checks"],
    )
    title = _("Checks that failed, by quarter")
    before, last = (f"{row['failed']:g} / {row['checks']:g}" for row in records(frame)[-2:])
    said = _("Checks that failed: {last}; in the quarter before: {before}.", last=last, before=before)
    columns = [
        Column("label", _("Quarter")),
        Column("checks", _("Checks made"), "number"),
        Column("failed", _("Not in order"), "number"),
        Column("rejected_share", _("Rows rejected, %"), "percent", 2),
        Column("late_share", _("Contacts that came late, %"), "percent", 2),
    ]
    drawing = figures.bars(frame, catalogue=context.catalogue, unit=_("% of the checks"), alt=said, caption=title)
    table = markup.table(frame, columns, title, context.catalogue)
    shown = markup.figure(drawing, table, _("Numbers as a table"))
    return markup.section(heading, markup.paragraph(said), shown, level=3)
