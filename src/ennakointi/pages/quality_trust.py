"""What may be relied on: the answer for a reader with three minutes, and the warning beside a result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ennakointi.pages import quality_words
from ennakointi.pages.context import PageContext, Row, Tables, is_shown, records, rows
from ennakointi.pages.quality_words import CHECKS, LEVELS, RESULTS
from ennakointi.report import markup
from ennakointi.report.markup import Answer, Block

MOST_REASONS = 2  # of one result on the first screen


def lead(tables: Tables, context: PageContext) -> str:
    """The question and its answer in one sentence; empty when nothing was judged."""
    _ = context.catalogue.gettext
    levels = [row["level"] for row in records(rows(tables, "trust")) if row["level"] != "missing"]
    refused, usable = levels.count("refused"), levels.count("usable")
    doubtful = len(levels) - usable
    if not levels:
        return ""
    if 2 * refused >= len(levels):
        answer = _("Not yet: most of the numbers cannot be used.")
    elif doubtful > min(2, usable):
        answer = _("With care: some of the numbers have shortcomings.")
    elif doubtful:
        answer = _("Yes, except for one number.") if doubtful == 1 else _("Yes, except for two numbers.")
    else:
        answer = _("Yes.")
    return f"{_('Can the numbers be relied on?')} {answer}"


def sentences(tables: Tables, context: PageContext) -> list[str]:
    """The answer and the results that it excepts, for the summary."""
    said = [lead(tables, context)]
    for level in ("refused", "care"):
        names = quality_words.result_names(";".join(rows(tables, "trust", level=level).get("result", ())), context)
        words = quality_words.capital(context.catalogue.gettext(LEVELS[level].words))
        said.append(f"{words}: {names}." if names else "")
    return [sentence for sentence in said if sentence]


def answers(tables: Tables, context: PageContext) -> Block | None:
    """One line a result: whether it can be used, why not, what to do and who; the doubtful ones come first.

    Results that cannot be relied on for the same reasons share a line.
    """
    order, known = list(LEVELS), list(RESULTS)
    judged = records(rows(tables, "trust"))
    lines: dict[tuple[str, ...], list[str]] = {}
    for row in sorted(judged, key=lambda row: (order.index(row["level"]), known.index(row["result"]))):
        why = (row["result"],) if row["level"] == "usable" else tuple(_why(row, tables, context))
        lines.setdefault((row["level"], *why), []).append(row["result"])
    made = [_answer(level, results, why, context) for (level, *why), results in lines.items()]
    return markup.answers(*made) if made else None


def _answer(level: str, results: Sequence[str], why: Sequence[str], context: PageContext) -> Answer:
    names = quality_words.capital(quality_words.result_names(";".join(results), context))
    reasons = () if level == "usable" else tuple(why)
    return Answer(names, context.catalogue.gettext(LEVELS[level].words), LEVELS[level].tone, reasons)


def callout(tables: Tables, result: str, context: PageContext) -> Block | None:
    """A warning beside a result whose data have shortcomings; None when it can be used."""
    _ = context.catalogue.gettext
    for row in records(rows(tables, "trust", result=result)):
        level = LEVELS[str(row["level"])]
        if row["level"] in ("care", "refused"):
            more = context.linked(_("More on the quality of the data"), "data_quality")
            title = f"{_(RESULTS[result])}: {_(level.words)}"
            return markup.callout(title, *_findings(row, tables, context), markup.paragraph(more), tone="warning")
    return None


def _why(row: Row, tables: Tables, context: PageContext) -> Iterator[str]:
    """The gravest reasons, then what to do and who answers."""
    _ = context.catalogue.gettext
    yield from _findings(row, tables, context)
    first = next(iter(_causes(row, tables)), None)
    check = CHECKS.get(str(first["check"])) if first else None
    if first is None or check is None or not check.action:
        return
    owner = context.owners.get(str(first["table"]), "")
    who = _("Who: {owner}.", owner=owner) if owner else ""
    yield " ".join(filter(None, (_("What to do: {action}", action=_(check.action)), who)))


def _findings(row: Row, tables: Tables, context: PageContext) -> list[str]:
    """One sentence for each check that failed, the gravest first; the last ones are only counted."""
    by_check: dict[str, list[Row]] = {}
    for cause in _causes(row, tables):
        by_check.setdefault(str(cause["check"]), []).append(cause)
    said = [_sentence(causes, context) for causes in by_check.values()]
    left = len(said) - MOST_REASONS
    more = context.catalogue.ngettext("{n} other reason.", "{n} other reasons.", left) if left > 0 else ""
    return [*said[:MOST_REASONS], *filter(None, [more])]


def _causes(row: Row, tables: Tables) -> Iterator[Row]:
    """The rows of `data_quality` behind the reasons of a verdict, the gravest first."""
    named = [reason for reason in str(row["reasons"] or "").split(";") if reason]
    quality = {_key(one): one for one in records(rows(tables, "data_quality"))}
    known = [quality[reason] for reason in named if reason in quality]
    yield from sorted(known, key=_gravity)


def _gravity(row: Row) -> tuple[bool, float]:
    return row["severity"] != "error", -float(row["share"]) if is_shown(row, "share") else 0.0


def _key(row: Row) -> str:
    column = row["column"]
    parts = (row["table"], row["check"], column if isinstance(column, str) else "")
    return ".".join(str(part) for part in parts if part)


def _sentence(causes: Sequence[Row], context: PageContext) -> str:
    """`Values are missing: contacts, duration in minutes (34 %).`; of several places the largest share."""
    check = str(causes[0]["check"])
    about = CHECKS[check].about if check in CHECKS else "column"
    said = quality_words.capital(quality_words.finding(check, context))
    if about:
        places = [context.place_words(cause["table"], cause["column"] if about == "column" else "") for cause in causes]
        said = f"{said}: {'; '.join(dict.fromkeys(places))}"
    share = quality_words.share_words(causes[0], context)
    if share and len(causes) > 1:
        share = context.catalogue.gettext("at most {share}", share=share)
    return f"{said} ({share})." if share else f"{said}."
