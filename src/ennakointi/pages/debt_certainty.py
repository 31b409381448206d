"""How sure the debt is: interval, noise floor, coverage, choices, checks; then the words and the method, folded."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ennakointi.pages import debt_words, reasons
from ennakointi.pages.context import (
    PageContext,
    Row,
    Tables,
    check_value,
    intervals,
    is_hidden,
    is_shown,
    numbers,
    record,
    records,
    rows,
)
from ennakointi.pages.debt_clearance import two_digits
from ennakointi.pages.debt_services import capital, leaning, single
from ennakointi.report import markup
from ennakointi.report.markup import Block, Column
from ennakointi.text import N_, supported

WHOLE = 0.995  # share of the register's months that counts as all of them
VALUE = ("value", "lo80", "hi80")
MOST_NAMED = 5  # services listed in a sentence
CHOICES = {
    "trend": N_("form of the trend"),
    "baseline_year": N_("comparison year left out"),
    "window": N_("months of the debt"),
    "substitution": N_("what replaces a contact"),
    "lost": N_("needs that end without care"),
    "return": N_("share of the hidden need that comes back"),
}
TRENDS = {"none": N_("no trend"), "linear": N_("straight trend"), "damped": N_("levelling trend")}
ENDS = {"low": N_("fewer of them"), "high": N_("more of them")}
RECORD, CLEARING = "record", "return"
OTHER_NUMBERS = {  # choices that speak of another number than the debt
    "substitution": N_("Debt of the services that others can replace"),
    "lost": N_("Debt less the needs that ended"),
    "return": N_("Left to clear"),
}


@dataclass(frozen=True, eq=False)
class CertaintySection:
    """How sure the numbers are. `tables`: released `debt_summary`, `debt_checks` and `debt_sensitivity`."""

    tables: Tables
    target_group: str
    context: PageContext

    def block(self) -> Block:
        """What the interval means, the checks with failed ones first, the other choices, and the known breaks."""
        _ = self.context.catalogue.gettext
        found = records(rows(self.tables, "debt_checks", target_group=self.target_group))
        whole = [self._checked(check) for check in found if check["service"] == "all"]
        told = {words for _passed, words in whole}
        alone = [c for c in found if c["service"] != "all" and self.context.words(c["message"]) not in told]
        services = reasons.checks(alone, self.context)
        known = [self.context.break_words(b) for b in self.context.breaks if b.concerns(self.target_group)]
        said = self._sentences()
        return markup.stack(
            markup.bullets(*said) if said else None,
            *(reasons.shown(whole, self.context.catalogue) or [markup.paragraph(_("No checks were made."))]),
            markup.details(_("Shortcomings of single services"), markup.checks(services, self.context.catalogue))
            if services
            else None,
            self._choices(),
            markup.details(_("Known breaks"), markup.bullets(*known)) if known else None,
        )

    def _checked(self, check: Row) -> tuple[bool | None, str]:
        return check_value(check["passed"]), self.context.words(check["message"])

    def _sentences(self) -> list[str]:
        total = debt_words.summary_row(self.tables, self.target_group)
        if total is None or total["status"] != "debt" or not is_shown(total, "debt"):
            return []
        said = [self._interval(total), self._noise(total), self._covered(total), self._borrowed()]
        return [one for one in said if one]

    def _interval(self, total: Row) -> str:
        _ = self.context.catalogue.gettext
        if not is_shown(total, *debt_words.DEBT):
            return _("The uncertainty of the number is not known.")
        return _("In 8 cases of 10 the true number lies inside the uncertainty interval (80%).")

    def _noise(self, total: Row) -> str:
        """The smallest debt that could be told from chance, and whether this one is larger."""
        _ = self.context.catalogue.gettext
        if not is_shown(total, "noise_share", "debt_share"):
            return ""
        noise = self.context.catalogue.percent(total["noise_share"], 1)
        if abs(total["debt_share"]) <= total["noise_share"]:
            return _(
                "Noise floor: chance alone makes a difference of up to {noise_share} of the expected contacts in 8 "
                "years of 10. This difference is no larger.",
                noise_share=noise,
            )
        return _(
            "Noise floor: chance alone makes a difference of up to {noise_share} of the expected contacts in 8 years "
            "of 10. This difference is {share}.",
            noise_share=noise,
            share=debt_words.share_of_expected(total, self.context),
        )

    def _covered(self, total: Row) -> str:
        _ = self.context.catalogue.gettext
        if "coverage" in self.context.missing:
            return _("The source does not tell what the register covers: every month counts as complete.")
        if not is_shown(total, "covered_share") or total["covered_share"] >= WHOLE:
            return ""
        share = self.context.catalogue.percent(total["covered_share"])
        return _("The register covers {share} of the months; the numbers are of these.", share=share)

    def _borrowed(self) -> str:
        """Services too small to be told alone lean on the numbers of all residents."""
        _ = self.context.catalogue.gettext
        services = single(self.tables, self.target_group)
        if services.empty:
            return ""
        found = services[leaning(services)].sort_values("own_weight")
        if found.empty:
            return ""
        names = [self.context.label("service", code) for code in found["service"]]
        return _(
            "The group has few contacts in some services, so their estimates lean in part on the numbers of all "
            "residents: {services}. Smallest weight of the group's own data: {weight}.",
            services=self.context.catalogue.join(names)
            if len(names) <= MOST_NAMED
            else f"{len(names)}/{len(services)}",
            weight=self.context.catalogue.percent(found["own_weight"].iloc[0]),
        )

    def _choices(self) -> Block | None:
        """What other reasonable choices would say, and which of them matters most."""
        _ = self.context.catalogue.gettext
        found = rows(self.tables, "debt_sensitivity", target_group=self.target_group)
        if found.empty:
            return None
        columns = [
            Column("choice", _("Choice")),
            Column("variant", _("Instead")),
            Column("value", _("Contacts (80% interval)"), "number", format=str),
            Column("change", _("Change"), "number", format=str),
        ]
        debts = found[~found["choice"].isin(OTHER_NUMBERS)]
        shown = [self._reported(debts.head(1), _("Service debt"))] + [self._cells(row) for row in _others(debts)]
        for choice, name in OTHER_NUMBERS.items():
            own = found[found["choice"] == choice]
            shown += [self._reported(own.head(1), _(name))] + [self._cells(row) for row in _others(own)]
        cells, title = pd.DataFrame([cell for cell in shown if cell]), _("The numbers with other choices")
        return markup.stack(
            markup.heading(_("What would other choices say?"), 3),
            markup.paragraph(*filter(None, (self._largest(found), self._inside(debts)))),
            markup.details(title, markup.table(cells, columns, title, self.context.catalogue)),
        )

    def _reported(self, first: pd.DataFrame, name: str) -> dict[str, str | Block]:
        """The number of record, which the rows under it change."""
        if first.empty:
            return {}
        as_reported = self.context.catalogue.gettext("as reported")
        return {**self._cells(record(first)), "choice": markup.strong(name), "variant": as_reported, "change": ""}

    def _cells(self, row: Row) -> dict[str, str | Block]:
        return {
            "choice": capital(self._choice(row)),
            "variant": self._variant(str(row["variant"])),
            "value": self._value(row),
            "change": self._change(row),
        }

    def _choice(self, row: Row) -> str:
        choice = str(row["choice"])
        return self.context.catalogue.gettext(CHOICES[choice]) if choice in CHOICES else choice

    def _variant(self, variant: str) -> str:
        """`none`, `without_2018`, `ends_2021-05`, `coefficient_0.5`, `low`, `return_30` in the reader's words."""
        _ = self.context.catalogue.gettext
        known = TRENDS.get(variant) or ENDS.get(variant)
        kind, _sign, value = variant.partition("_")
        if known or not value:
            return _(known) if known else variant
        if kind in ("begins", "ends"):
            month = self.context.catalogue.month_short(value)
            return _("begins {month}", month=month) if kind == "begins" else _("ends {month}", month=month)
        if kind == "coefficient":
            digits = 0 if float(value).is_integer() else 1
            return _("coefficient {number}", number=self.context.catalogue.number(float(value), digits))
        return self.context.catalogue.percent(float(value) / 100) if kind == "return" else value

    def _value(self, row: Row) -> str:
        """The number with its interval; what is left to clear has none and is told as the clearing tells it."""
        if row["choice"] != CLEARING or not is_shown(row, "value"):
            return intervals(row, *VALUE, self.context.catalogue)
        rounded = two_digits(float(row["value"]))
        return self.context.catalogue.number(rounded.value, rounded.digits)

    def _change(self, row: Row) -> str:
        """The difference from what is reported, rounded as its number is."""
        if row["choice"] == CLEARING and is_shown(row, "change"):
            return self.context.catalogue.signed(two_digits(float(row["change"])).value)
        if is_hidden(row, "change"):
            return self.context.catalogue.hidden
        if not is_shown(row, "change", *VALUE):
            return self.context.catalogue.missing
        _value, low, high = numbers(row, VALUE)
        half = (high - low) / 2
        return self.context.catalogue.signed(supported(row["change"], row["change"] - half, row["change"] + half).value)

    def _largest(self, found: pd.DataFrame) -> str:
        """The choice that moves the answer most, with the ends that its variants give."""
        _ = self.context.catalogue.gettext
        most = found[(found["moves_most"] == "yes") & (found["variant"] != RECORD)].dropna(subset=["value", "change"])
        if most.empty:
            return ""
        first = record(most)
        reported = first["value"] - first["change"]
        ends = [*most["value"], reported]
        interval = self.context.catalogue.estimate(reported, min(ends), max(ends)).interval
        return _(
            "The answer depends most on this choice: {choice}. Its alternatives make the number {interval} contacts.",
            choice=self._choice(first),
            interval=interval,
        )

    def _inside(self, debts: pd.DataFrame) -> str:
        """Whether every alternative of the debt lies within the reported interval."""
        _ = self.context.catalogue.gettext
        known = debts[debts["variant"] == RECORD].dropna(subset=list(VALUE))
        values = debts[debts["variant"] != RECORD]["value"].dropna()
        if known.empty or values.empty:
            return ""
        _value, low, high = numbers(record(known), VALUE)
        outside = int(((values < low) | (values > high)).sum())
        if outside == 0:
            return _("All alternatives lie within the reported uncertainty interval.")
        return _(
            "Alternatives outside the reported uncertainty interval: {outside} of {all}.",
            outside=f"{outside}",
            all=f"{len(values)}",
        )


def _others(found: pd.DataFrame) -> list[Row]:
    """Rows of the alternatives, those of one choice together."""
    return records(found[found["variant"] != RECORD])


def definitions(context: PageContext) -> Block:
    """The words and the method, folded, under their own heading."""
    return markup.section(context.catalogue.gettext("Terms and method"), terms_and_method(context))


def terms_and_method(context: PageContext) -> Block:
    """The words and the method, folded."""
    _ = context.catalogue.gettext
    return markup.stack(
        markup.details(_("Definitions"), markup.definitions(*_terms(context))),
        markup.details(_("How the numbers were made"), markup.bullets(*_method(context))),
    )


def _terms(context: PageContext) -> list[tuple[str, str]]:
    _ = context.catalogue.gettext
    years, span = context.baseline_years, context.span(*context.window)
    return [
        (
            _("Service debt"),
            _("Expected contacts minus contacts that took place or were replaced, {span}.", span=span),
        ),
        (_("Care, rehabilitation and social-services debt"), _("The same by the kind of the service.")),
        (
            _("Expected"),
            _(
                "Contacts by age and sex at the {years} level and trend, times today's population. The "
                "size of the group also follows the {years} prevalence.",
                years=years,
            ),
        ),
        (
            _("Hidden service debt"),
            _("Need that is in no queue: persons who by their history would have used services and did not come."),
        ),
        (
            _("No longer needed"),
            _("Needs that ended without care: the person died or moved away, or the need passed."),
        ),
        (
            _("Not explained"),
            _("What is left of the debt when the queue, the hidden need and the ended needs are taken off."),
        ),
        (
            _("Structural debt"),
            _(
                "Queues longer than their target already before {month}.",
                month=context.catalogue.month_short(context.window[0]),
            ),
        ),
        (_("Uncertainty interval"), _("The range that holds the true number with a probability of 80%.")),
        (_("Weeks of normal services"), _("The debt divided by the expected contacts of an average week.")),
    ]


def _method(context: PageContext) -> list[str]:
    _ = context.catalogue.gettext
    return [
        _(
            "The expected series is simulated as many whole paths, each path is cumulated, and the "
            "interval is read from the cumulated paths. Adding up monthly intervals would be wrong."
        ),
        _(
            "The parts balance in every path. The hidden need is estimated from persons alone, so what it leaves of "
            "the debt is shown as unexplained."
        ),
        _("Which share of the needs passed without care is an assumption with sources; deaths and moves are counted."),
        _(
            "The chance of being clear by a date is the share of simulated courses in which the queue and the "
            "returning need are met by then."
        ),
        _("Contacts that were cancelled or written between professionals are not counted."),
    ]
