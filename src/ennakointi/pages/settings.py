"""Builds what pages know of their quarter from the parameters and from what the plan left of the source."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from ennakointi.pages.context import Break, Correction, InterventionFacts, PageContext
from ennakointi.parameters import Parameters
from ennakointi.parameters.documents import Service
from ennakointi.parameters.effect_documents import Contacts, Intervention
from ennakointi.parameters.segmentation_documents import Scheme
from ennakointi.periods import Quarter, month_of, month_text
from ennakointi.schema import TABLES
from ennakointi.text import N_, Catalogue

MINUTES_PER_HOUR = 60
DESCRIPTION = {  # parts of TIDieR; those after `how_much` where there is something to tell
    "why": N_("Why"),
    "what": N_("What was done"),
    "who": N_("Who did it"),
    "how_much": N_("How much"),
    "where": N_("Where"),
    "when": N_("When"),
    "tailoring": N_("What was tailored"),
    "modifications": N_("What was changed on the way"),
    "fidelity": N_("How well it was followed"),
}


def page_context(
    parameters: Parameters, catalogue: Catalogue, quarter: Quarter, facts: Mapping[str, Any]
) -> PageContext:
    """The context of every page of a quarter in one language.

    `facts` are those of `phases.write_context`: as_of, synthetic, missing, links (page by notebook and group), the
    source's own labels, by kind and code, and what its mapping has no home for.
    """
    debt, as_of = parameters.debt, date.fromisoformat(facts["as_of"])
    return PageContext(
        catalogue=catalogue,
        quarter=quarter,
        as_of=as_of,
        region=catalogue.label(parameters.region.label),
        labels=_labels(parameters, catalogue, facts.get("labels", {})),
        baseline=(month_text(debt.baseline_first), month_text(debt.baseline_last)),
        window=(month_text(debt.window_first), month_text(min(debt.window_last, month_of(as_of)))),
        missing=frozenset(facts["missing"]),
        breaks=_breaks(parameters, catalogue),
        synthetic=facts["synthetic"],
        return_shares=(min(debt.return_shares), max(debt.return_shares)),
        wanted_chance=float(debt.clearing.wanted_chance),
        area=f"county:{parameters.region.county_code}",
        areas=parameters.region.merged_areas,
        links={(notebook, group): href for notebook, group, href in facts.get("links", ())},
        unit_cost_eur=_unit_costs(parameters),
        person_years_per_contact={code: _person_years(service) for code, service in parameters.services.items()},
        interventions={code: _facts(one, catalogue) for code, one in parameters.interventions.items()},
        meanings=_meanings(parameters, catalogue),
        owners={name: catalogue.label(parameters.data_dictionary.owner(name)) for name in TABLES},
        exclusions=_exclusions(parameters, catalogue),
        unavailable=tuple(f"{one['place']}: {catalogue.label(one['why'])}" for one in facts.get("unavailable", ())),
        **_reporting(parameters, catalogue, quarter, facts["synthetic"]),
    )


def _reporting(parameters: Parameters, catalogue: Catalogue, quarter: Quarter, synthetic: bool) -> dict[str, Any]:
    """What the report's owner says: comments and corrections of the quarter, the approver, what it is not for."""
    reporting, comments = parameters.reporting, parameters.comments.get(str(quarter))
    said = comments if comments is not None and (synthetic or not comments.example) else None
    return {
        "comment": {page: catalogue.label(text) for page, text in said.pages.items()} if said else {},
        "comment_author": catalogue.label(said.author) if said and said.author else "",
        "approver": catalogue.label(reporting.approver) if reporting.approver else "",
        "not_for": tuple(catalogue.label(text) for text in reporting.not_for),
        "corrections": tuple(
            Correction(one.date, frozenset(one.pages), catalogue.label(one.what), catalogue.label(one.why))
            for one in sorted(reporting.corrections, key=lambda one: one.date)
            if one.quarter == str(quarter)
        ),
        "boundaries": reporting.boundaries.geometries if reporting.boundaries else {},
    }


def _meanings(parameters: Parameters, catalogue: Catalogue) -> dict[str, str]:
    """What every column of the data contract means, by `table.column`."""
    dictionary = parameters.data_dictionary
    return {
        f"{table.name}.{column}": catalogue.label(dictionary.meaning(table.name, column))
        for table in TABLES.values()
        for column in table.names
    }


def _exclusions(parameters: Parameters, catalogue: Catalogue) -> dict[str, str]:
    """The mappings' reasons to leave rows out, by their English words as the result tables have them."""
    tables = [own for document in parameters.mappings.values() for own in document.tables.values()]
    left = [excluded.reason for own in tables for selection in own for excluded in selection.exclude]
    return {reason.en: catalogue.label(reason) for reason in left if reason}


def _labels(
    parameters: Parameters, catalogue: Catalogue, own: Mapping[str, Mapping[str, Mapping[str, str]]]
) -> dict[str, dict[str, str]]:
    outcomes = [outcome for one in parameters.interventions.values() for outcome in one.outcomes]
    region = parameters.region
    labels = {
        "target_group": {code: catalogue.label(group.label) for code, group in parameters.target_groups.items()},
        "service": {code: catalogue.label(service.label) for code, service in parameters.services.items()},
        "intervention": {code: catalogue.label(one.label) for code, one in parameters.interventions.items()},
        "outcome": {outcome.id: catalogue.label(outcome.label) for outcome in outcomes},
        "scenario": {code: catalogue.label(one.label) for code, one in parameters.scenarios.items()},
        "capacity_plan": {code: catalogue.label(one.label) for code, one in parameters.debt.clearing.plans.items()},
        "expert_view": {code: catalogue.label(one.role) for code, one in parameters.expert_views.items()},
        "area": {code: catalogue.label(label) for code, label in region.municipalities.items()}
        | {code: catalogue.label(area.label) for code, area in region.areas.items()}
        | {f"county:{region.county_code}": catalogue.label(region.label)},
        **_indicator_labels(parameters, catalogue),
        **_segment_labels(parameters, catalogue),
        **_need_labels(parameters, catalogue),
    }
    for kind, codes in own.items():
        labels.setdefault(kind, {}).update({code: catalogue.label(label) for code, label in codes.items()})
    return labels


def _indicator_labels(parameters: Parameters, catalogue: Catalogue) -> dict[str, dict[str, str]]:
    """Names and definitions of the indicators, and who set a target, by `indicator.kind`."""
    own, external = parameters.indicators.headlines, parameters.indicators.external
    words = {code: (catalogue.label(one.label), catalogue.label(one.definition)) for code, one in own.items()}
    words |= {code: (catalogue.label(one.label), catalogue.label(one.definition)) for code, one in external.items()}
    unsure = catalogue.gettext("To be confirmed.")
    targets = {
        f"{code}.{kind}": f"{catalogue.label(target.text)} {unsure if target.verify else ''}".strip()
        for code, one in own.items()
        for kind, target in one.targets.items()
    }
    targets |= {f"{code}.{one.target}": unsure for code, one in external.items() if one.target and one.verify}
    return {
        "indicator": {code: name for code, (name, _) in words.items()},
        "indicator_meaning": {code: meaning for code, (_, meaning) in words.items()},
        "indicator_target": targets,
    }


def _segment_labels(parameters: Parameters, catalogue: Catalogue) -> dict[str, dict[str, str]]:
    """Names of schemes and of their segments (`scheme.segment`, the gravest first), of signs, readings and items."""
    settings, label = parameters.segmentation, catalogue.label
    segments = {
        f"{name}.{code}": segment
        for name, scheme in settings.schemes.items()
        for code, segment in scheme.segments.items()
    }
    classes = {f"latent.{code}": label(name) for code, name in settings.latent.names.items()}
    about = {name: _about_scheme(scheme, catalogue) for name, scheme in settings.schemes.items()}
    return {
        "scheme": {name: label(scheme.label) for name, scheme in settings.schemes.items()},
        "scheme_about": about,
        "scheme_proxy": {name: about[name] for name, scheme in settings.schemes.items() if scheme.proxy},
        "segment": {key: label(segment.label) for key, segment in segments.items()} | classes,
        "segment_about": {key: label(segment.description) for key, segment in segments.items()},
        "sign": {code: label(sign.label) for code, sign in settings.every_sign.items()},
        "measure": {code: label(measure) for code, measure in settings.measures.items()},
        "reading": {code: label(reading.label) for code, reading in settings.readings.items()},
        "item": {code: label(item.label) for code, item in settings.latent.items.items()},
        "answer": {
            f"{code}.{answer}": _answer_words(item.answer_words(answer), catalogue)
            for code, item in settings.latent.items.items()
            for answer in range(item.n_answers)
        },
    }


def _answer_words(words: str, catalogue: Catalogue) -> str:
    """A category of an item: digits as they are, a message in the reader's language."""
    return catalogue.message(words) if words.startswith("{") else words


def _about_scheme(scheme: Scheme, catalogue: Catalogue) -> str:
    """How the published idea became a rule, where it was published, and whether its limits are to be confirmed."""
    _ = catalogue.gettext
    note = catalogue.label(scheme.note) if scheme.note else ""
    unsure = _("To be confirmed.") if scheme.verify else ""
    return " ".join(filter(None, (note, _("Source: {source}.", source=scheme.source.rstrip(".")), unsure)))


def _need_labels(parameters: Parameters, catalogue: Catalogue) -> dict[str, dict[str, str]]:
    """Names of the needs that are anticipated, and of what is known of persons."""
    label, told = catalogue.label, parameters.features
    return {
        "need": {code: label(outcome.label) for code, outcome in parameters.need.outcomes.items()},
        "need_about": {code: label(outcome.about) for code, outcome in parameters.need.outcomes.items()},
        "feature": {f"contacts_{code}": label(kind.label) for code, kind in told.counts.items()},
        "condition": {code: label(group.label) for code, group in told.conditions.items()},
        "status": {code: label(status) for code, status in told.statuses.items()},
    }


def _unit_costs(parameters: Parameters) -> dict[str, float]:
    """Euros a contact by service, and by outcome where an outcome is one service."""
    costs = {code: s.unit_cost_eur * s.care_units_per_contact for code, s in parameters.services.items()}
    outcomes = [outcome for one in parameters.interventions.values() for outcome in one.outcomes]
    return costs | {
        o.id: costs[o.services[0]] for o in outcomes if isinstance(o.measure, Contacts) and len(o.services) == 1
    }


def _person_years(service: Service) -> float:
    """Person-years of work a contact."""
    hours = service.care_units_per_contact * service.minutes_per_contact / MINUTES_PER_HOUR
    return float(hours / service.contact_hours_per_person_year)


def _breaks(parameters: Parameters, catalogue: Catalogue) -> tuple[Break, ...]:
    known = sorted(parameters.breaks.values(), key=lambda b: b.month)
    return tuple(
        Break(
            month_text(b.month),
            catalogue.label(b.label),
            frozenset(b.services),
            frozenset(b.groups),
            verify=b.verify,
        )
        for b in known
    )


def _facts(intervention: Intervention, catalogue: Catalogue) -> InterventionFacts:
    return InterventionFacts(
        better=intervention.primary_outcome.better,
        selected_on=intervention.selected_on,
        decision_months=tuple(month_text(month) for month in intervention.decision_months),
        description=(*_described(intervention, catalogue), *_registered(intervention, catalogue)),
    )


def _described(intervention: Intervention, catalogue: Catalogue) -> list[tuple[str, str]]:
    """What was done and what it costs, as (term, text)."""
    _ = catalogue.gettext
    told = {name: getattr(intervention.description, field, None) for field, name in DESCRIPTION.items()}
    found = [(_(name), catalogue.label(text)) for name, text in told.items() if text is not None]
    cost = intervention.cost
    if cost is not None:
        slots = {
            "fixed": catalogue.euros(cost.fixed_eur),
            "yearly": catalogue.euros(cost.fixed_eur_per_year),
            "person": catalogue.euros(cost.per_person_eur),
            "price_year": f"{cost.price_year}",
        }
        text = _("Once: {fixed}; a year: {yearly}; for each participant: {person}. Prices of {price_year}.", **slots)
        found.append((_("What it costs"), text))
    return found


def _registered(intervention: Intervention, catalogue: Catalogue) -> list[tuple[str, str]]:
    """What was fixed before the results were seen, as (term, text)."""
    _ = catalogue.gettext
    found = [(_("Primary outcome"), catalogue.label(intervention.primary_outcome.label))]
    others = [catalogue.label(outcome.label) for outcome in intervention.secondary_outcomes]
    if others:
        found.append((_("Other outcomes"), "; ".join(others)))
    if intervention.washout_months:
        months = _("Months after the start that are not counted: {months}.", months=intervention.washout_months)
        found.append((_("Settling in"), months))
    return found
