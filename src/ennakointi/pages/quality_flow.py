"""How the totals compare with published ones, and what became of every row between delivery and analysis."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ennakointi.pages import quality_words
from ennakointi.pages.context import PageContext, Row, Tables, is_hidden, is_shown, record, records, rows
from ennakointi.report import figures, markup
from ennakointi.report.figures import Piece
from ennakointi.report.markup import Block, Column
from ennakointi.text import N_

STATUSES = {"differs": N_("differs"), "not_comparable": N_("cannot be compared"), "agrees": N_("agrees")}
TONES = {"differs": "bad", "not_comparable": "neutral", "agrees": "good"}
QUANTITIES = {"contacts": N_("contacts"), "persons": N_("persons"), "cost_eur": N_("euros")}
REASONS = {
    "coverage": N_("the register does not hold everything"),
    "uncovered": N_("contacts in months that the register does not hold whole are not counted"),
    "not_counted": N_("cancelled contacts and entries without the client are not counted"),
    "outside_residence": N_("contacts of persons who lived elsewhere are not counted"),
    "rejected": N_("rows were rejected"),
    "cost_missing": N_("costs are not recorded for every contact"),
    "unexplained": N_("not known"),
    "other_region": N_("the published figure is of another region"),
    "part_of_year": N_("the data do not hold the whole year"),
    "after_as_of": N_("the year goes on after the last day of the data"),
}
REST = N_("the rest is not known")
STEPS = {
    "excluded": N_("left out by the mapping"),
    "after_as_of": N_("after the last day of the quarter"),
    "stored": N_("Accepted"),
    "later_month": N_("in a month that is not whole"),
    "no_show": N_("the client did not come"),
    "cancelled_client": N_("cancelled by the client"),
    "cancelled_provider": N_("cancelled by the provider"),
    "administrative": N_("an entry without the client"),
    "professional": N_("between professionals"),
    "outside_residence": N_("the person did not live in the region then"),
    "uncovered": N_("in a month that the register does not hold whole"),
    "counted": N_("Counted in the numbers"),
}
KEPT = ("delivered", "stored", "counted")
PARTS_SHOWN = 4
FILLS = ("unseen", "ended", "other", "waiting")  # of the largest exclusions; those together are hatched


def differences(tables: Tables, context: PageContext) -> list[str]:
    """One sentence for each total whose newest year differs from the published one by more than the limit."""
    found = rows(tables, "reconciliation", status="differs")
    if found.empty:
        return []
    newest = found.sort_values("period").drop_duplicates(["indicator", "source"], keep="last")
    return [_difference(row, context) for row in records(newest)]


def _difference(row: Row, context: PageContext) -> str:
    _ = context.catalogue.gettext
    said = _(
        "{figure}, {year}: {ours} in these data, {external} published (difference {difference}).",
        figure=_figure(row, context),
        year=row["period"],
        ours=_amount(row, "ours", context),
        external=_amount(row, "external", context),
        difference=_relative(row, context),
    )
    return f"{said} {_('Reason: {reason}.', reason=_reasons(row, context))}"


def _figure(row: Row, context: PageContext) -> str:
    """What was compared: the services that were added up, and what was counted of them."""
    services = [context.label("service", code) for code in str(row["services"]).split(";")]
    quantity = context.catalogue.gettext(QUANTITIES[row["quantity"]])
    return f"{quality_words.capital(context.catalogue.join(services))}, {quantity}"


def _amount(row: Row, column: str, context: PageContext) -> str:
    if not is_shown(row, column):
        return context.catalogue.hidden if row.get("suppressed") else context.catalogue.missing
    euros = row["quantity"] == "cost_eur"
    return context.catalogue.euros(row[column]) if euros else context.catalogue.number(row[column])


def _relative(row: Row, context: PageContext) -> str:
    if not is_shown(row, "ratio"):
        return context.catalogue.missing
    return context.catalogue.signed_percent(row["ours"] / row["external"] - 1, 1)


def _reasons(row: Row, context: PageContext) -> str:
    codes = [code for code in str(row["reason"] or "").split(";") if code]
    words = {**REASONS, "unexplained": REST} if len(codes) > 1 else REASONS
    return ", ".join(context.catalogue.gettext(words[code]) for code in codes)


def reconciliation(tables: Tables, context: PageContext) -> Block:
    """Yearly totals beside published ones, those that differ first, with what explains the difference."""
    _ = context.catalogue.gettext
    found = rows(tables, "reconciliation")
    if found.empty:
        return context.source_missing("indicators", _("published yearly totals and their source"))
    order = found["status"].map(list(STATUSES).index)
    each = records(found.assign(order=order).sort_values(["order", "period"], ascending=[True, False], kind="stable"))
    frame = pd.DataFrame(
        {
            "figure": [_figure(row, context) for row in each],
            "year": [row["period"] for row in each],
            "ours": [_amount(row, "ours", context) for row in each],
            "external": [_amount(row, "external", context) for row in each],
            "difference": [_relative(row, context) for row in each],
            "status": [markup.verdict(_(STATUSES[row["status"]]), TONES[row["status"]]) for row in each],
            "reason": [_reasons(row, context) or context.catalogue.missing for row in each],
            "source": [row["source"] for row in each],
        }
    )
    columns = [
        Column("figure", _("Total")),
        Column("year", _("Year")),
        Column("ours", _("In these data"), "number", format=str),
        Column("external", _("Published"), "number", format=str),
        Column("difference", _("Difference"), "number", format=str),
        Column("status", _("Comparison")),
        Column("reason", _("Reason")),
        Column("source", _("Source")),
    ]
    number = found["status"].value_counts()
    said = [f"{quality_words.capital(_(words))}: {number[code]}." for code, words in STATUSES.items() if code in number]
    table = markup.table(frame, columns, _("Yearly totals beside published ones"), context.catalogue)
    return markup.stack(markup.paragraph(*said), table)


def attrition(tables: Tables, context: PageContext) -> Block:
    """Every exclusion between the delivered rows and the numbers: contacts first, then the other tables."""
    _ = context.catalogue.gettext
    found = rows(tables, "attrition")
    if found.empty:
        return markup.paragraph(_("No rows were followed."))
    found = found.sort_values(["table", "place"])
    main = pd.concat([found[found["table"] == table] for table in ("contacts", "analysis")])
    others = found[~found["table"].isin(["contacts", "analysis"])]
    return markup.stack(_contacts(main, context) if len(main) else None, _others(others, context))


def _contacts(steps: pd.DataFrame, context: PageContext) -> Block:
    """The contacts from delivery to the numbers: a sentence, a picture and the steps."""
    _ = context.catalogue.gettext
    number, (first, last) = context.catalogue.number, (record(steps), record(steps, -1))
    title = _("Contacts from delivery to the numbers")
    table = _steps(steps, title, context)
    if not (is_shown(first, "rows_before") and is_shown(last, "rows_after") and first["rows_before"]):
        return table
    said = _(
        "Of the delivered rows of contacts {share} are in the numbers ({counted} of {delivered}).",
        share=context.catalogue.percent(last["rows_after"] / first["rows_before"], 1),
        counted=number(last["rows_after"]),
        delivered=number(first["rows_before"]),
    )
    counted, delivered = last["rows_after"], first["rows_before"]
    drawing = figures.fate(
        Piece(_("Rows delivered"), delivered, number(delivered)),
        Piece(_(STEPS["counted"]), counted, number(counted)),
        Piece(_("Left out"), delivered - counted, number(delivered - counted)),
        _parts(steps, context),
        alt=said,
        caption=_("What became of the delivered rows of contacts"),
    )
    return markup.stack(markup.paragraph(said), markup.figure(drawing), table)


def _parts(steps: pd.DataFrame, context: PageContext) -> list[Piece]:
    """The largest exclusions, and all others together."""
    number, left = context.catalogue.number, steps[steps["excluded"] > 0].sort_values("excluded", ascending=False)
    parts = [
        Piece(quality_words.capital(_step(row, context)), row["excluded"], number(row["excluded"]), fill)
        for row, fill in zip(records(left.head(PARTS_SHOWN)), FILLS, strict=False)
    ]
    rest = float(left["excluded"].iloc[PARTS_SHOWN:].sum())
    label = quality_words.capital(context.catalogue.gettext("for other reasons"))
    return [*parts, *([Piece(label, rest, number(rest))] if rest else [])]


def _steps(steps: pd.DataFrame, caption: str, context: PageContext) -> Block:
    """What was delivered, every exclusion with what it leaves, and what remains at the end."""
    _ = context.catalogue.gettext
    each = [row for row in records(steps) if row["step"] not in KEPT and row["excluded"] != 0]
    lines = [(_("Delivered"), np.nan, record(steps)["rows_before"], is_hidden(record(steps), "rows_before"))]
    lines += [(_step(row, context), row["excluded"], row["rows_after"], is_hidden(row, "excluded")) for row in each]
    last = record(steps, -1)
    lines.append((_step(last, context), np.nan, last["rows_after"], is_hidden(last, "rows_after")))
    frame = pd.DataFrame(lines, columns=["label", "left", "rows", "suppressed"])
    columns = [
        Column("label", _("Step")),
        Column("left", _("Left out"), "number"),
        Column("rows", _("Remain"), "number"),
    ]
    marked = frame.assign(suppressed=frame["suppressed"].map({True: "left;rows", False: ""}))
    return markup.table(marked, columns, caption, context.catalogue)


def _step(row: Row, context: PageContext) -> str:
    """Why rows left, or where they remain."""
    step, reason = str(row["step"]), str(row["reason"] or "")
    if step in ("rejected", "unreadable"):
        return quality_words.finding(reason, context)
    if step == "excluded":
        return context.exclusions.get(reason, reason)
    code = reason or step
    return context.catalogue.gettext(STEPS[code]) if code in STEPS else code


def _others(found: pd.DataFrame, context: PageContext) -> Block | None:
    """The steps of the other tables, folded; tables that lost nothing in one sentence."""
    _ = context.catalogue.gettext
    of = dict(list(found.groupby("table", sort=True)))
    if not of:
        return None
    whole = [context.place_words(str(table), "") for table, steps in of.items() if len(steps) == 1]
    some = {context.place_words(str(table), ""): steps for table, steps in of.items() if len(steps) > 1}
    said = _("Tables that lost no row: {tables}.", tables=context.catalogue.join(whole)) if whole else ""
    return markup.section(
        _("Rows left out of the other tables"),
        *(markup.details(quality_words.capital(name), _steps(steps, name, context)) for name, steps in some.items()),
        markup.paragraph(said) if said else None,
        level=3,
    )
