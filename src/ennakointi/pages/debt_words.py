"""Sentences about a row of `debt_summary` or a series of `service_debt`, for the debt page and the summary.

Every number is a released one. What has no interval of its own is rounded as far as the debt beside it, so
that the parts and the whole read alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from ennakointi.pages.context import (
    PageContext,
    Row,
    Tables,
    is_hidden,
    is_shown,
    numbers,
    record,
    records,
    rough,
    rows,
)
from ennakointi.periods import month_text, parse_month
from ennakointi.text import Catalogue, supported

MOST_WEEKS = 104  # more weeks of normal service than the window has: the service hardly existed before it
DEBT = ("debt", "debt_lo80", "debt_hi80")
NOW = ("now", "now_lo80", "now_hi80")


@dataclass(frozen=True)
class Change:
    """Relative change of a cumulated debt over a quarter, and whether it is larger than its uncertainty."""

    share: float
    certain: bool


def ends(row: Row, columns: Sequence[str] = DEBT) -> tuple[float, float, float]:
    """A shown number and the ends of its interval; without an interval it is rounded as `rough` does."""
    if is_shown(row, *columns):
        return numbers(row, columns)
    return float(row[columns[0]]), 0.0, 2 * float(row[columns[0]])


def direction(row: Row) -> str:
    """`missing`, `surplus` or `unclear` (the 80% interval holds zero) for a row with a shown debt."""
    value, low, high = ends(row)
    if min(low, high) > 0 or (value > 0 and not is_shown(row, *DEBT)):
        return "missing"
    return "surplus" if max(low, high) < 0 or not is_shown(row, *DEBT) else "unclear"


def like_debt(value: float, row: Row, context: PageContext) -> str:
    """A number without an interval of its own, rounded as the debt of its row is."""
    _debt, low, high = ends(row)
    half = abs(high - low) / 2
    return context.catalogue.number(supported(value, value - half, value + half).value)


def debt_sentence(row: Row, context: PageContext) -> str:
    """How many contacts are missing over the window, with the interval."""
    _ = context.catalogue.gettext
    span = context.span(context.window[0], context.window[1])
    if not is_shown(row, "debt"):
        return _("Service debt {span}: {hidden}.", span=span, hidden=context.catalogue.hidden)
    if not is_shown(row, *DEBT):
        return _without_interval(row, span, context)
    if direction(row) == "surplus":
        number = context.catalogue.estimate(-row["debt"], -row["debt_hi80"], -row["debt_lo80"])
        return _(
            "In {span} about {surplus} more contacts took place than expected (80% uncertainty interval "
            "{interval}): there is no service debt.",
            span=span,
            surplus=number.value,
            interval=number.interval,
        )
    number = context.catalogue.estimate(*numbers(row, DEBT))
    if direction(row) == "unclear":
        return _(
            "In {span} contacts took place about as expected: the difference ({difference}) is within its "
            "uncertainty (80% uncertainty interval {interval}).",
            span=span,
            difference=number.value,
            interval=number.interval,
        )
    return _(
        "In {span} about {debt} fewer contacts took place than expected (80% uncertainty interval {interval}).",
        span=span,
        debt=number.value,
        interval=number.interval,
    )


def _without_interval(row: Row, span: str, context: PageContext) -> str:
    _ = context.catalogue.gettext
    debt = rough(abs(row["debt"]), context.catalogue)
    if row["debt"] < 0:
        return _(
            "In {span} about {surplus} more contacts took place than expected. The uncertainty is not known.",
            span=span,
            surplus=debt,
        )
    return _(
        "In {span} about {debt} fewer contacts took place than expected. The uncertainty is not known.",
        span=span,
        debt=debt,
    )


def size_sentence(row: Row, context: PageContext) -> str:
    """The debt as a share of expected contacts and in weeks of normal service; empty when there is none."""
    if not is_shown(row, "debt", "debt_share", "debt_weeks") or direction(row) != "missing":
        return ""
    return context.catalogue.gettext(
        "This is {share} of the expected contacts; in weeks of normal services about {weeks}.",
        share=share_of_expected(row, context),
        weeks=weeks(row, context),
    )


def weeks(row: Row, context: PageContext) -> str:
    """Weeks of normal service, rounded to what the interval of the debt supports."""
    if is_hidden(row, "debt_weeks"):
        return context.catalogue.hidden
    if not is_shown(row, "debt_weeks", "debt") or not row["debt"] or abs(row["debt_weeks"]) > MOST_WEEKS:
        return context.catalogue.missing
    scale = row["debt_weeks"] / row["debt"]
    return context.catalogue.estimate(*(scale * end for end in ends(row))).value


def share_of_expected(row: Row, context: PageContext) -> str:
    """The debt as a percentage of expected contacts, rounded to what its interval supports."""
    if is_hidden(row, "debt_share"):
        return context.catalogue.hidden
    if not is_shown(row, "debt_share", "debt") or not row["debt"]:
        return context.catalogue.missing
    scale = row["debt_share"] / row["debt"]
    return context.catalogue.percent_estimate(*(scale * end for end in ends(row))).value


def unseen_share(row: Row, context: PageContext) -> str:
    """Share of the debt that is still open and in no queue, to the nearest tenth: neither it nor its parts are known
    better. What ended without care is not counted."""
    if is_hidden(row, "not_in_queue"):
        return context.catalogue.hidden
    if not is_shown(row, "not_in_queue", "debt") or direction(row) != "missing":
        return context.catalogue.missing
    lost = row["lost"] if is_shown(row, "lost") else 0.0
    share = (row["not_in_queue"] - lost) / row["debt"]
    return context.catalogue.percent(round(min(max(share, 0.0), 1.0), 1))


def work(row: Row, column: str, context: PageContext) -> str:
    """Person-years or euros of a row's debt, rounded as the debt is; a dash for a debt within its uncertainty."""
    if is_hidden(row, column):
        return context.catalogue.hidden
    if not is_shown(row, column, "debt") or not row["debt"] or direction(row) == "unclear":
        return context.catalogue.missing
    scale = row[column] / row["debt"]
    return context.catalogue.estimate(*(scale * end for end in ends(row))).value


def share_interval(row: Row, columns: Sequence[str], catalogue: Catalogue) -> str:
    """`4,0 % (2,9–5,2 %)`, hidden, or a dash."""
    if is_hidden(row, columns[0]):
        return catalogue.hidden
    if not is_shown(row, *columns):
        return catalogue.missing
    number = catalogue.percent_estimate(*numbers(row, columns))
    return f"{number.value} ({number.interval})"


def now_sentence(row: Row, last_month: str, context: PageContext) -> str:
    """The cumulated difference at the end of the data: never called pandemic debt."""
    _ = context.catalogue.gettext
    years, month = context.baseline_years, context.catalogue.month_short(last_month)
    if not is_shown(row, "now"):
        return ""
    if not is_shown(row, *NOW):
        return _now_without_interval(row, years, month, context)
    number = context.catalogue.estimate(*numbers(row, NOW))
    if row["now_lo80"] <= 0 <= row["now_hi80"]:
        return _(
            "The cumulated difference from the {years} level is within its uncertainty in {month} "
            "({difference}; interval {interval}).",
            years=years,
            month=month,
            difference=number.value,
            interval=number.interval,
        )
    if row["now"] < 0:
        surplus = context.catalogue.estimate(-row["now"], -row["now_hi80"], -row["now_lo80"])
        return _(
            "By {month} the missing contacts have been made up: {surplus} more than at the {years} level "
            "(interval {interval}).",
            years=years,
            month=month,
            surplus=surplus.value,
            interval=surplus.interval,
        )
    return _(
        "Cumulated difference from the {years} level, {month}: about {difference} contacts missing "
        "(interval {interval}).",
        years=years,
        month=month,
        difference=number.value,
        interval=number.interval,
    )


def _now_without_interval(row: Row, years: str, month: str, context: PageContext) -> str:
    _ = context.catalogue.gettext
    difference = rough(abs(row["now"]), context.catalogue)
    if row["now"] < 0:
        return _(
            "Cumulated difference from the {years} level, {month}: about {difference} contacts more. So "
            "long after the comparison period its uncertainty is not known.",
            years=years,
            month=month,
            difference=difference,
        )
    return _(
        "Cumulated difference from the {years} level, {month}: about {difference} contacts missing. So long "
        "after the comparison period its uncertainty is not known.",
        years=years,
        month=month,
        difference=difference,
    )


def change_since_last_quarter(series: pd.DataFrame) -> Change | None:
    """Change of the cumulated debt over the last three months of a series of `service_debt`.

    The increment's variance is at most Var(debt_t) − Var(debt_{t−3}) when the increments of a path are not
    negatively correlated, so its 80 % half-width is at most √(h_t² − h_{t−3}²). None when an interval is not
    known or not shown, or that of the earlier debt reaches 0: a percentage of it would say nothing.
    """
    shown = {str(row["month"]): row for row in records(series) if is_shown(row, *DEBT)}
    last = "" if series.empty else str(series["month"].max())
    if last not in shown:
        return None
    earlier = month_text(parse_month(last) - 3)
    if earlier not in shown or shown[earlier]["debt_lo80"] <= 0:
        return None
    new, old = shown[last], shown[earlier]
    half_new, half_old = ((r["debt_hi80"] - r["debt_lo80"]) / 2 for r in (new, old))
    width = (half_new**2 - half_old**2) ** 0.5 if half_new > half_old else half_new
    change = new["debt"] - old["debt"]
    return Change(change / old["debt"], abs(change) > width)


def change_sentence(series: pd.DataFrame, context: PageContext) -> str:
    """Better or worse than a quarter ago; a change inside its uncertainty is said to be that, not a trend."""
    _ = context.catalogue.gettext
    change = change_since_last_quarter(series)
    if change is None:
        return ""
    share = context.catalogue.signed_percent(change.share)
    if not change.certain:
        return _("The change since the previous quarter ({change}) is within its uncertainty.", change=share)
    if change.share < 0:
        return _("The difference shrank from the previous quarter ({change}).", change=share)
    return _("The difference grew from the previous quarter ({change}).", change=share)


def person_years(services: pd.DataFrame, context: PageContext) -> tuple[float, float] | None:
    """Person-years of work if 30–80 % of the difference that is left comes back.

    `services` are rows of `debt_summary`, one per service; more contacts of one offset fewer of another. None
    when no number is shown, or nothing is left.
    """
    known = context.person_years_per_contact
    left = [row for row in records(services) if row["service"] in known and is_shown(row, "now")]
    work = sum(row["now"] * known[row["service"]] for row in left)
    if work <= 0:
        return None
    return context.return_shares[0] * work, context.return_shares[1] * work


def work_sentence(row: Row, services: pd.DataFrame, context: PageContext) -> str:
    """What meeting the returning need would take; a range, because nobody knows how much returns.

    Empty unless contacts are missing beyond their uncertainty.
    """
    work = person_years(services, context)
    if work is None or not is_shown(row, *DEBT) or direction(row) != "missing":
        return ""
    return context.catalogue.gettext(
        "If {low}–{high} of the missing contacts still come back, meeting them takes {years} person-years of work.",
        low=f"{context.return_shares[0] * 100:.0f}",
        high=context.catalogue.percent(context.return_shares[1]),
        years=rounded_range(*work, context),
    )


def rounded_range(low: float, high: float, context: PageContext) -> str:
    """`12–31`: two ends of a range, rounded to what its width supports."""
    return context.catalogue.estimate((low + high) / 2, low, high).interval


def summary_row(tables: Tables, target_group: str) -> Row | None:
    """The row of `debt_summary` of a group and all services, or None."""
    found = rows(tables, "debt_summary", target_group=target_group, service="all")
    return None if found.empty else record(found)


def refusal(tables: Tables, target_group: str, context: PageContext) -> list[str]:
    """Why there is no debt to show, in one or two plain sentences."""
    _ = context.catalogue.gettext
    found = rows(tables, "target_groups", target_group=target_group)
    group = {} if found.empty else record(found)
    if context.words(group.get("missing")):
        return [
            _("The group cannot be told from these data."),
            context.words(group["missing"]),
        ]
    total = summary_row(tables, target_group)
    if total is None and group.get("endogenous") == "yes":
        return [_("Use of services decides who belongs: no service debt is computed.")]
    if total is None:
        return [_("No service debt has been computed for this group.")]
    if total["status"] == "deviation":
        return [
            _("This is a deviation, not a service debt: the comparison period is shorter than 24 months."),
            context.words(total["reason"]),
        ]
    reason = context.words(total["reason"])
    if group.get("endogenous") == "yes":
        reason = reason or _("Use of services decides who belongs: no service debt is computed.")
    return list(filter(None, [_("The service debt cannot be computed."), reason]))
