"""The parameter documents checked against each other: whatever one names, another must define."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from ennakointi.parameters import documents as doc
from ennakointi.parameters.code_lists import CodeList
from ennakointi.parameters.debt_documents import DebtSettings, ExpertView
from ennakointi.parameters.dictionary_documents import DataDictionary
from ennakointi.parameters.effect_documents import EffectSettings, Intervention
from ennakointi.parameters.export_documents import PersonExport
from ennakointi.parameters.feature_documents import FeatureSettings, feature_columns, feature_names, name_clashes
from ennakointi.parameters.indicator_documents import IndicatorSettings
from ennakointi.parameters.need_documents import NeedSettings
from ennakointi.parameters.quality_documents import QualitySettings
from ennakointi.parameters.reporting_documents import Comments, Reporting, Term, page_names
from ennakointi.parameters.scenario_documents import Scenario
from ennakointi.parameters.segmentation_documents import SegmentationSettings
from ennakointi.rules import Rule, feature_conditions, nodes, walk
from ennakointi.rules.feature_conditions import Condition, OfFeature
from ennakointi.rules.words import CONTROLLERS, COUNTY
from ennakointi.spelling import did_you_mean

ALL = "all"  # the target group of every resident


@dataclass(frozen=True)
class Contents:
    """Every document as read, each valid by itself."""

    regions: Mapping[str, doc.Region]
    services: Mapping[str, doc.Service]
    target_groups: Mapping[str, doc.GroupDefinition]
    interventions: Mapping[str, Intervention]
    breaks: Mapping[str, doc.Break]
    debt: DebtSettings
    expert_views: Mapping[str, ExpertView]
    forecast: doc.ForecastSettings
    scenarios: Mapping[str, Scenario]
    panel: doc.PanelSettings
    effects: EffectSettings
    disclosure: doc.DisclosureSettings
    notebooks: Mapping[str, doc.Notebook]
    legal_basis: Mapping[str, Mapping[str, str]]
    run: doc.RunSettings
    quality: QualitySettings
    data_dictionary: DataDictionary
    reporting: Reporting
    glossary: Mapping[str, Term]
    indicators: IndicatorSettings
    features: FeatureSettings
    segmentation: SegmentationSettings
    need: NeedSettings
    person_exports: Mapping[str, PersonExport]
    comments: Mapping[str, Comments]
    codes: Mapping[str, CodeList]

    def municipalities(self, regions: Iterable[str]) -> set[str]:
        """Codes of the municipalities of some regions."""
        known = (self.regions[code] for code in regions if code in self.regions)
        return {municipality for region in known for municipality in region.municipalities}


def cross_checks(contents: Contents) -> list[str]:
    """A sentence `file: key path: what is wrong` for each name that nothing defines."""
    return [
        *_services(contents),
        *_groups(contents),
        *_areas(contents),
        *_interventions(contents),
        *_breaks(contents),
        *_notebooks(contents),
        *_legal_basis(contents),
        *_quality(contents),
        *_reconciliation(contents),
        *_scenarios(contents),
        *_debt(contents),
        *_expert_views(contents),
        *_features(contents),
        *_segmentation(contents),
        *_need(contents),
        *_pages(contents),
        *unknown("disclosure.yml: preset", [contents.disclosure.preset], contents.disclosure.presets, "preset"),
    ]


def unknown(place: str, given: Iterable[str], known: Collection[str], what: str) -> list[str]:
    """A sentence for each given name that is not known."""
    return [
        f"{place}: {what} {name!r} does not exist{did_you_mean(name, known)}" for name in given if name not in known
    ]


def _services(contents: Contents) -> Iterable[str]:
    for code, service in contents.services.items():
        yield from unknown(f"services.yml: {code}.substitutes", service.substitutes, contents.services, "service")
        if code in service.substitutes:
            yield f"services.yml: {code}.substitutes: a service cannot replace itself"


def _groups(contents: Contents) -> Iterable[str]:
    everyone = contents.target_groups.get(ALL)
    if everyone is None or everyone.who != nodes.Everyone(everyone=True):
        yield f"target_groups.yml: {ALL}: every resident; write `who: {{everyone: true}}`"
    municipalities = contents.municipalities(contents.regions)
    for name, group in contents.target_groups.items():
        yield from unknown(f"target_groups.yml: {name}.report", group.report, contents.regions, "region")
        for node in walk(group.who):
            yield from _rule_names(f"target_groups.yml: {name}.who", node, municipalities, contents)


def _rule_names(place: str, node: Rule, municipalities: set[str], contents: Contents) -> Iterable[str]:
    if isinstance(node, nodes.Municipality):
        yield from unknown(place, node.municipality, municipalities, "municipality")
    if isinstance(node, nodes.Enrolment):
        yield from unknown(place, node.intervention, contents.interventions, "intervention")
    if isinstance(node, nodes.ContactFilter | nodes.Referral | nodes.Request):
        yield from unknown(place, node.service or (), contents.services, "service")


def _areas(contents: Contents) -> Iterable[str]:
    for code, region in contents.regions.items():
        taken: dict[str, str] = {}
        for name, area in region.areas.items():
            place = f"regions.yml: {code}.areas.{name}"
            if name.startswith(ALL):
                yield f"{place}: a code must not begin with {ALL!r}, which stands for the whole county; rename it"
            yield from unknown(f"{place}.municipalities", area.municipalities, region.municipalities, "municipality")
            for municipality in area.municipalities:
                if municipality in taken:
                    yield f"{place}: municipality {municipality!r} is already in {taken[municipality]}; leave it in one"
                taken[municipality] = name


def _interventions(contents: Contents) -> Iterable[str]:
    for name, one in contents.interventions.items():
        place = f"interventions.yml: {name}"
        yield from unknown(f"{place}.regions", one.regions, contents.regions, "region")
        yield from unknown(f"{place}.target_group", [one.target_group], contents.target_groups, "target group")
        inside = contents.municipalities(one.regions)
        if one.rollout == "municipality":
            yield from unknown(f"{place}.starts", one.starts, inside, "municipality")
        if one.rollout in ("municipality", "person"):
            yield from unknown(f"{place}.spillover_exclusions", one.spillover_exclusions, inside, "municipality")
        for outcome in one.outcomes:
            yield from unknown(f"{place}.{outcome.id}.service", outcome.services, contents.services, "service")
        if one.negative_control is not None:
            control = getattr(one.negative_control.measure, "service", None) or ()
            yield from unknown(f"{place}.negative_control", control, contents.services, "service")


def _breaks(contents: Contents) -> Iterable[str]:
    for name, one in contents.breaks.items():
        place = f"breaks.yml: {name}"
        yield from unknown(f"{place}.regions", one.regions, contents.regions, "region")
        yield from unknown(
            f"{place}.municipalities",
            one.municipalities,
            contents.municipalities(one.regions),
            "municipality",
        )
        yield from unknown(f"{place}.services", one.services, contents.services, "service")
        yield from unknown(f"{place}.groups", one.groups, contents.target_groups, "target group")


def _notebooks(contents: Contents) -> Iterable[str]:
    orders = [notebook.order for notebook in contents.notebooks.values()]
    if len(set(orders)) < len(orders):
        yield "notebooks.yml: two notebooks have the same order; give each its own number"


def _legal_basis(contents: Contents) -> Iterable[str]:
    others = [code for code in CONTROLLERS if code != COUNTY]
    yield from unknown("legal_basis.yml", contents.legal_basis, others, "controller")
    for controller, bases in contents.legal_basis.items():
        yield from unknown(f"legal_basis.yml: {controller}", bases, contents.regions, "region")


def _quality(contents: Contents) -> Iterable[str]:
    for check in contents.quality.checks:
        yield from unknown(f"quality.yml: checks: {check.id}.services", check.services, contents.services, "service")


def _reconciliation(contents: Contents) -> Iterable[str]:
    for total in contents.quality.reconciliation.totals:
        place = f"quality.yml: reconciliation.{total.indicator}"
        yield from unknown(place, total.services, [*contents.services, ALL], "service")


def _scenarios(contents: Contents) -> Iterable[str]:
    for name, scenario in contents.scenarios.items():
        place = f"scenarios.yml: {name}"
        yield from unknown(f"{place}.services", scenario.services, contents.services, "service")
        target = [scenario.to_service] if scenario.to_service else []
        yield from unknown(f"{place}.to_service", target, contents.services, "service")
        yield from unknown(f"{place}.groups", scenario.groups, contents.target_groups, "target group")


def _debt(contents: Contents) -> Iterable[str]:
    lost, plans = contents.debt.lost, contents.debt.clearing.plans
    yield from unknown("debt.yml: lost.services", lost.services, contents.services, "service")
    for name, plan in plans.items():
        yield from unknown(f"debt.yml: clearing.plans.{name}", plan.added_per_month, contents.services, "service")


def _expert_views(contents: Contents) -> Iterable[str]:
    for name, view in contents.expert_views.items():
        place = f"expert_views.yml: {name}"
        yield from unknown(f"{place}.group", [view.group], contents.target_groups, "target group")
        yield from unknown(f"{place}.service", [view.service], [*contents.services, ALL], "service")


def _features(contents: Contents) -> Iterable[str]:
    settings = contents.features
    for name in settings.conditions:
        if name not in contents.codes:
            near = did_you_mean(name, contents.codes)
            yield f"features.yml: conditions.{name}: write its codes into codes/{name}.csv{near}"
    for name in name_clashes(settings, contents.services):
        yield f"features.yml: counts.{name}: the name is already in use; choose another"
    for name, kind in settings.counts.items():
        yield from unknown(f"features.yml: counts.{name}.service", kind.service or (), contents.services, "service")
    known = feature_names(settings, contents.services, contents.target_groups)
    for place, condition in _conditions(contents):
        named = sorted(node.column for node in feature_conditions.walk(condition) if isinstance(node, OfFeature))
        yield from unknown(place, named, known, "feature")


def _segmentation(contents: Contents) -> Iterable[str]:
    settings = contents.segmentation
    columns = feature_names(contents.features, contents.services, contents.target_groups)
    for name, sign in settings.signs.items():
        amount = [] if sign.amount is None else [sign.amount]
        yield from unknown(f"segmentation.yml: signs.{name}.amount", amount, columns, "feature")
    place = "segmentation.yml: movement.first_line"
    yield from unknown(place, settings.movement.first_line, contents.services, "service")


def _need(contents: Contents) -> Iterable[str]:
    for name, outcome in contents.need.outcomes.items():
        place = f"need.yml: outcomes.{name}"
        yield from unknown(f"{place}.service", [outcome.service], contents.services, "service")
        yield from unknown(f"{place}.right_services", outcome.right_services, contents.services, "service")
    columns = feature_columns(contents.features, contents.services, contents.target_groups)
    for pattern in contents.need.predictors:
        if not fnmatch.filter([*columns, "history_contacts"], pattern):
            near = did_you_mean(pattern, columns)
            yield f"need.yml: predictors: no feature is named {pattern!r}{near}"


def _conditions(contents: Contents) -> Iterable[tuple[str, Condition]]:
    """Every condition on features, by its place."""
    yield from ((f"segmentation.yml: {path}", condition) for path, condition in contents.segmentation.conditions())
    for name, outcome in contents.need.outcomes.items():
        yield f"need.yml: outcomes.{name}.at_risk", outcome.at_risk
        for months in outcome.horizons or contents.need.horizons:
            yield f"need.yml: outcomes.{name}.event", feature_conditions.over(outcome.event, months)


def _pages(contents: Contents) -> Iterable[str]:
    pages = page_names({name: one.per for name, one in contents.notebooks.items()}, list(contents.target_groups))
    for quarter, comments in contents.comments.items():
        yield from unknown(f"comments/{quarter}.yml: pages", comments.pages, pages, "page")
    for number, correction in enumerate(contents.reporting.corrections):
        yield from unknown(f"reporting.yml: corrections[{number}].pages", correction.pages, pages, "page")
