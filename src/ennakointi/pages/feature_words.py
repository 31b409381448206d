"""What is told of a person, in the reader's words: the names of features, built from their parts."""

from __future__ import annotations

import re

from ennakointi.pages.context import PageContext
from ennakointi.text import N_

FEATURES = {
    "age": N_("Age"),
    "age_band": N_("Age band"),
    "sex": N_("Sex"),
    "language": N_("Language"),
    "municipality": N_("Municipality"),
    "months_resident": N_("Months as a resident"),
    "days_resident": N_("Days as a resident"),
    "contacts": N_("Contacts with all services"),
    "contacts_health": N_("Contacts with health care"),
    "contacts_social": N_("Contacts with social services"),
    "contacts_light": N_("Contacts with light services"),
    "contacts_basic": N_("Contacts with basic services"),
    "contacts_heavy": N_("Contacts with heavy services"),
    "contacts_remote": N_("Remote contacts"),
    "contacts_urgent": N_("Urgent contacts"),
    "history_contacts": N_("Long history of contacts"),
    "history_active": N_("Share of years with a contact"),
    "no_shows": N_("Appointments not kept"),
    "services": N_("Different services"),
    "units": N_("Different units"),
    "sectors": N_("Different sectors"),
    "level": N_("Heaviest service used"),
    "remote_share": N_("Share of remote contacts"),
    "urgent_share": N_("Share of urgent contacts"),
    "continuity": N_("Continuity of care"),
    "cost_eur": N_("Cost of services, euros"),
    "bed_days": N_("Bed days"),
    "stays": N_("Bed stays"),
    "medicines": N_("Different medicines"),
    "medicine_cost_eur": N_("Cost of medicines, euros"),
    "conditions": N_("Number of long-term conditions"),
    "waiting": N_("Open referrals"),
    "waiting_days": N_("Longest open wait, days"),
    "requests": N_("Requests for care"),
    "requests_redirected": N_("Requests sent on elsewhere"),
    "requests_unsolved": N_("Requests that were not solved"),
    "plan": N_("A multi-professional plan"),
}
_WINDOW = re.compile(r"(.+)_(\d+)m")


def feature_name(code: str, context: PageContext) -> str:
    """`Käynnit: Päivystys, edeltävät 12 kk` for `contacts_emergency_12m`; the code where nobody has named it.

    Names of the parameters (`labels["feature"]`, by the whole code or by the code without its window) come first.
    """
    named = context.labels.get("feature", {})
    if code in named:
        return named[code]
    windowed = _WINDOW.fullmatch(code)
    name = _plain(windowed[1] if windowed else code, context)
    if windowed is None:
        return name
    return context.catalogue.gettext("{feature}, previous {months} months", feature=name, months=windowed[2])


def _plain(code: str, context: PageContext) -> str:
    """The name of a feature without its window."""
    _ = context.catalogue.gettext
    named, (kind, _under, rest) = context.labels.get("feature", {}), code.partition("_")
    if code in named:
        return named[code]
    if code in FEATURES:
        return _(FEATURES[code])
    if kind == "contacts":
        return _("Contacts: {service}", service=context.label("service", rest))
    if kind == "history":
        return _("Long history of use: {service}", service=context.label("service", rest))
    if kind == "group":
        return _("Target group: {group}", group=context.label("target_group", rest))
    return context.labels.get(kind, {}).get(rest, code) if kind in ("condition", "status") else code
