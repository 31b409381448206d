"""Methods and definitions: which definitions, baselines, models and rules the quarter's numbers rest on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from ennakointi.pages import debt_certainty
from ennakointi.pages.context import PageContext, Tables
from ennakointi.pages.demand import DemandPage
from ennakointi.pages.effects import EffectsPage
from ennakointi.parameters import Parameters
from ennakointi.parameters.effect_documents import Intervention
from ennakointi.report import markup
from ennakointi.report.markup import Block, Column
from ennakointi.text import N_

Pairs = list[tuple[str, str]]

TRENDS = {
    "damped": N_("The trend of the baseline goes on ever more slowly."),
    "none": N_("The level of the baseline goes on without a trend."),
    "linear": N_("The trend of the baseline goes on."),
}
MODES = {
    "in_person": N_("in person"),
    "home": N_("at home"),
    "elsewhere": N_("elsewhere"),
    "phone": N_("by phone"),
    "remote_realtime": N_("by video or chat"),
    "remote_async": N_("by message"),
    "letter": N_("by letter"),
    "professional": N_("between professionals"),
    "administrative": N_("administrative"),
    "inpatient": N_("on a ward"),
    "other": N_("other"),
}


def methods(parameters: Parameters, tables: Tables, context: PageContext, versions: Mapping[str, Any]) -> Block:
    """The page of methods and definitions.

    Parameters
    ----------
    tables : released tables; a topic that was not computed is left out
    versions : `version` of the program and `mode` of the run
    """
    _ = context.catalogue.gettext
    return markup.stack(
        markup.headline(lead=_("This page tells what the numbers mean and which settings they rest on.")),
        markup.section(_("What is counted"), markup.definitions(*_counted(parameters, context))),
        _debt(parameters, context) if "debt_summary" in tables else None,
        _demand(parameters, tables, context) if "forecast" in tables else None,
        _effects(parameters, tables, context) if "effects" in tables else None,
        markup.section(_("Privacy"), markup.definitions(*_privacy(parameters, context))),
        markup.section(_("Costs and work"), _services(parameters, context)),
        _groups(parameters, context),
        _breaks(context),
        markup.section(_("Versions"), markup.definitions(*_versions(versions, context))),
    )


def _counted(parameters: Parameters, context: PageContext) -> Pairs:
    _ = context.catalogue.gettext
    panel = parameters.panel
    ages = [f"{low}–{high - 1}" for low, high in zip(panel.age_bands, panel.age_bands[1:])]
    return [
        (
            _("Contact with a service"),
            _("A service event that the client attended. Cancelled ones and those between professionals do not count."),
        ),
        (_("Remote contact"), context.catalogue.join([_(MODES[mode]) for mode in panel.remote_modes])),
        (_("Age bands"), context.catalogue.join([*ages, f"{panel.age_bands[-1]}+"])),
        (
            _("Coverage"),
            _("Only months in which the register holds the municipality's service; the covered share stands beside."),
        ),
        (_("Person-year of work"), _("Hours with contacts that one full-time employee has in a year; by service.")),
    ]


def _debt(parameters: Parameters, context: PageContext) -> Block:
    _ = context.catalogue.gettext
    debt, number, percent = parameters.debt, context.catalogue.number, context.catalogue.percent
    shares = [percent(share) for share in debt.return_shares]
    pairs = [
        (_("Baseline"), context.span(*context.baseline)),
        (_("Window in which the debt grows"), context.span(*context.window)),
        (_("Trend of expected use"), _(TRENDS[debt.trend])),
        (_("Simulated courses of each series"), number(debt.n_paths)),
        (_("Months needed for a debt"), number(debt.minimum_baseline_months)),
        (_("Months with fewer contacts than this lean on all residents"), number(debt.pool_below_contacts_a_month)),
        (_("Shares of the missing contacts that come back"), context.catalogue.join(shares)),
        (_("Wanted chance of clearing the debt"), percent(debt.clearing.wanted_chance)),
        (_("Share wanted within the limit of waiting"), percent(debt.queues.share_within)),
    ]
    settings = _settings(pairs, _("Settings of the service debt"), context)
    return markup.section(_("Service debt"), settings, debt_certainty.terms_and_method(context))


def _demand(parameters: Parameters, tables: Tables, context: PageContext) -> Block:
    _, forecast = context.catalogue.gettext, parameters.forecast
    number, month = context.catalogue.number, context.catalogue.month_short
    pairs = [
        (_("Months forecast by the models"), number(forecast.horizon_months)),
        (_("Years followed by the population projection"), number(forecast.outlook_years)),
        (_("Exceptional time"), f"{month(forecast.disruption_first)}–{month(forecast.disruption_last)}"),
        (_("Months looked back at most"), number(forecast.history_months)),
        (_("Tests on earlier years"), number(forecast.windows)),
        (_("Simulated courses of each series"), number(forecast.n_paths)),
    ]
    settings = _settings(pairs, _("Settings of the forecast"), context)
    return markup.section(_("Forecast of need"), settings, DemandPage(tables, "all", context).definitions())


def _effects(parameters: Parameters, tables: Tables, context: PageContext) -> Block:
    _, effects = context.catalogue.gettext, parameters.effects
    number, percent = context.catalogue.number, context.catalogue.percent
    pairs = [
        (_("Error allowed for a verdict over all looks"), percent(effects.alpha)),
        (_("Random draws of the starting times"), number(effects.permutations)),
        (_("Follow-up of a participant in months"), number(effects.follow_up_months)),
        (_("Months needed before the first start"), number(effects.minimum_before_months)),
        (_("Participants needed for a verdict"), number(effects.minimum_persons)),
        (_("Share of a unit cost that is saved in cash"), percent(effects.marginal_cost_share)),
        (_("Discount rate a year"), percent(effects.discount_rate)),
        (_("Price year of the euros"), f"{effects.price_year}"),
        (_("Worth of one avoided contact"), context.catalogue.euros(effects.named_willingness_to_pay_eur)),
    ]
    registered = [
        markup.details(context.label("intervention", code), markup.definitions(*_registered(one, context)))
        for code, one in parameters.interventions.items()
    ]
    return markup.section(
        _("Effectiveness"),
        _settings(pairs, _("Settings of the effects"), context),
        markup.heading(_("Interventions as they were registered"), 3) if registered else None,
        *registered,
        EffectsPage(tables, "all", context).definitions(),
    )


def _settings(pairs: Pairs, caption: str, context: PageContext) -> Block:
    _ = context.catalogue.gettext
    columns = [Column("setting", _("Setting")), Column("value", _("Value"))]
    return markup.table(pd.DataFrame(pairs, columns=["setting", "value"]), columns, caption, context.catalogue)


def _registered(one: Intervention, context: PageContext) -> Iterator[tuple[str, str]]:
    _ = context.catalogue.gettext
    yield _("Target group"), context.label("target_group", one.target_group)
    yield _("Smallest change that matters"), context.catalogue.percent(one.smallest_important_effect)
    looks = [context.catalogue.month_short(month) for month in one.decision_months]
    yield _("Months in which it is judged"), context.catalogue.join(looks)
    yield from context.interventions[one.id].description
    yield _("Mark of the registration"), one.registered


def _privacy(parameters: Parameters, context: PageContext) -> Pairs:
    _, preset = context.catalogue.gettext, parameters.disclosure.current
    return [
        (
            _("Rule"),
            _(
                "{preset}: fewer than {threshold} persons are not shown, other counts are rounded to {base}.",
                preset=preset.name,
                threshold=preset.threshold,
                base=preset.base,
            ),
        ),
        (_("Rates"), _("Computed from rounded counts.")),
        (
            _("Hidden numbers"),
            _(
                "More numbers are hidden than the small ones, so that no hidden one can be worked out from totals, "
                "other tables or the last report. All of them read the same."
            ),
        ),
    ]


def _services(parameters: Parameters, context: PageContext) -> Block:
    _ = context.catalogue.gettext
    frame = pd.DataFrame(
        {
            "service": context.label("service", code),
            "cost": float(one.unit_cost_eur),
            "minutes": float(one.minutes_per_contact),
            "per": _("day") if one.care_days_per_contact else _("contact"),
            "hours": float(one.contact_hours_per_person_year),
            "year": f"{one.price_year}",
        }
        for code, one in parameters.services.items()
    )
    columns = [
        Column("service", _("Service")),
        Column("cost", _("Unit cost"), "euros"),
        Column("minutes", _("Minutes"), "number"),
        Column("per", _("For one")),
        Column("hours", _("Hours of a person-year"), "number"),
        Column("year", _("Price year"), "number", format=str),
    ]
    table = markup.table(frame, columns, _("Planning assumptions by service"), context.catalogue)
    said = _("Unit costs and minutes are planning assumptions. They are not the county's accounts.")
    return markup.stack(markup.paragraph(said), markup.details(_("Services, costs and minutes"), table))


def _groups(parameters: Parameters, context: PageContext) -> Block:
    _ = context.catalogue.gettext
    used = _("Membership depends on the use of services, so no service debt is given.")
    reported = [
        (context.label("target_group", code), parameters.target_groups[code]) for code in parameters.report_groups
    ]
    said = [f"{name}. {used}" if group.endogenous else f"{name}." for name, group in reported]
    return markup.section(
        _("Target groups of the report"),
        markup.paragraph(_("Membership is decided anew every month. A person may belong to several groups.")),
        markup.bullets(*said),
    )


def _breaks(context: PageContext) -> Block | None:
    _ = context.catalogue.gettext
    known = [context.break_words(one) for one in context.breaks]
    return markup.section(_("Known breaks"), markup.bullets(*known)) if known else None


def _versions(versions: Mapping[str, Any], context: PageContext) -> Pairs:
    _ = context.catalogue.gettext
    mode = _("full") if versions["mode"] == "full" else _("fast: fewer simulated courses")
    return [(_("Program"), f"ennakointi {versions['version']}"), (_("Run"), mode)]
