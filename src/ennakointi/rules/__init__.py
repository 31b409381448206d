"""The rule language of target groups: who belongs to a group in a month.

A rule is a mapping with one key. Windows cover the `within_months` months *before* the month (default 12):
a month's use never decides the group of the same month. Ages, statuses and enrolments are tested on its
first day. `within` below stands for `within_months`, `service/sector` for either of the two.

=====================  =====================================================================================
`everyone: true`       every resident
`age: [18, 29]`        whole years, inclusive; an open end is `null`
`sex: female`          `female`, `male`, `other`, `unknown`, or a list of them
`municipality: [..]`   official codes in quotes
`status:`              a state, or `status` (list), `controller` (`county` unless told), `minimum_months`
                       without a break
`diagnosis:`           `icd10`, `icpc2`: codes, prefixes or ranges (`F20-F48`); within, `at_least`
`contact:`             service/sector, `mode`, `profession`, `specialty`, `nature`, `urgency`, `attendance`;
                       within, `at_least`. Unless told: attended contacts with the client
`distinct_services:`   `at_least` different services; service/sector, within
`fewer_contacts:`      fewer per month in the window than in the person's own months `reference_from` to
                       `reference_to`; service/sector, within
`medicine:`            `atc` codes or prefixes; within, `at_least`
`referral:`            a wait of more than `longer_than_days`, on the first day or in the last within months,
                       `wait_from` (received, assessed, need_ascertained, decided) `wait_to`
                       (assessment_started, assessed, decided, started); `service`, `specialty`
`measurement:`         `measure`, `minimum`, `maximum`; within, `at_least`
`request:`             `channel`, `service`, `outcome`; within, `at_least`
`plan:`                `kind`; within, `at_least`
`enrolment: [..]`      enrolled in one of the interventions
`any: [..]`            at least one of the rules
`all: [..]`            every one of the rules
`not: rule`            residents whom the rule does not hold for
`at_least:`            `count` of the rules in `of`
`group: name`          members of another target group (unions and differences of groups)
=====================  =====================================================================================

A status without a controller is the county's own. Another controller's register must be named: a group that
needs it is kept out until a legal basis is given.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from pydantic import TypeAdapter

from ennakointi.rules import nodes
from ennakointi.rules.evaluation import evaluate
from ennakointi.rules.histories import Events, FrameHistory, History, Spells
from ennakointi.rules.nodes import Rule
from ennakointi.rules.words import COUNTY
from ennakointi.spelling import did_you_mean

__all__ = [
    "Events",
    "FrameHistory",
    "History",
    "Rule",
    "Spells",
    "bind",
    "controllers",
    "defined_by_use",
    "earliest_month",
    "evaluate",
    "look_back_months",
    "parse",
    "reduce_to",
    "tables",
    "uses_care",
    "walk",
]

_REPEATED = 2  # contacts: from here on a rule speaks of how much care is used, not of whether
_CARE = ("contacts", "diagnoses", "medicines", "referrals", "requests")
_USE = (nodes.Contact, nodes.DistinctServices, nodes.FewerContacts, nodes.Referral, nodes.Request)
_RULE: TypeAdapter[Rule] = TypeAdapter(Rule)


def parse(document: object) -> Rule:
    """A rule from its YAML form; raises pydantic.ValidationError with the key path of every fault."""
    return _RULE.validate_python(document)


def walk(rule: Rule) -> Iterator[Rule]:
    """The rule and everything below it, through bound groups too."""
    yield rule
    for child in rule.children:
        yield from walk(child)


def bind(rules: Mapping[str, Rule], services: Mapping[str, str]) -> tuple[dict[str, Rule], list[str]]:
    """References to groups and sectors replaced by what they stand for.

    Parameters
    ----------
    rules
        Rule of each group.
    services
        Sector of each service.

    Returns
    -------
    bound, faults
        The groups that could be bound, and a sentence for each unknown group and each circle.
    """
    binding = _Binding(rules, services)
    for name in rules:
        binding.group(name)
    return {name: rule for name, rule in binding.done.items() if rule is not None}, binding.faults


@dataclass
class _Binding:
    """Groups bound so far (None = faulty) and the faults found on the way."""

    rules: Mapping[str, Rule]
    services: Mapping[str, str]
    done: dict[str, Rule | None] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def group(self, name: str, above: tuple[str, ...] = ()) -> Rule | None:
        if name in above:
            circle = above[above.index(name) :]
            if name == min(circle):  # a circle is met once from each of its groups
                path = " → ".join((*circle, name))
                self.faults.append(f"{name}.who: the groups refer to each other in a circle: {path}")
            return None
        if name not in self.done:
            self.done[name] = self.node(self.rules[name], (*above, name))
        return self.done[name]

    def node(self, rule: Rule, above: tuple[str, ...]) -> Rule | None:
        if isinstance(rule, nodes.Group):
            if rule.group not in self.rules:
                near = did_you_mean(rule.group, self.rules)
                self.faults.append(f"{above[-1]}.who: group {rule.group!r} does not exist{near}")
                return None
            found = self.group(rule.group, above)
            return None if found is None else rule.model_copy(update={"rule": found})
        if isinstance(rule, nodes.ContactFilter):
            return _with_sector(rule, self.services)
        return _with_children(rule, [self.node(child, above) for child in rule.children])


def _with_sector(rule: nodes.ContactFilter, services: Mapping[str, str]) -> Rule:
    if rule.sector is None:
        return rule  # type: ignore[return-value]
    chosen = rule.service or tuple(services)
    inside = tuple(code for code in chosen if services.get(code) in rule.sector)
    return rule.model_copy(update={"service": inside, "sector": None})  # type: ignore[return-value]


def _with_children(rule: Rule, children: list[Rule | None]) -> Rule | None:
    if any(child is None for child in children):
        return None
    if isinstance(rule, nodes.Not):
        return rule.model_copy(update={"rule": children[0]})
    return rule.model_copy(update={"rules": tuple(children)}) if children else rule


def look_back_months(rule: Rule) -> int:
    """Months of history that the rule needs before a month can be told."""
    return max(node.look_back_months for node in walk(rule))


def earliest_month(rule: Rule, first_month: int) -> int | None:
    """First month that can be told from data that start in `first_month`; None when they start too late."""
    earliest = first_month + look_back_months(rule)
    for node in walk(rule):
        if isinstance(node, nodes.FewerContacts):
            if node.reference_from < first_month:
                return None
            earliest = max(earliest, node.reference_to + 1 + node.within_months)
    return earliest


def tables(rule: Rule) -> frozenset[str]:
    """Tables of the data contract beside `persons` that the rule reads."""
    return frozenset(node.table for node in walk(rule) if node.table is not None)


def controllers(rule: Rule) -> frozenset[str]:
    """Controllers other than the county whose register the rule reads."""
    named = {node.controller for node in walk(rule) if isinstance(node, nodes.Status)}
    return frozenset(named - {COUNTY})


def uses_care(rule: Rule) -> bool:
    """Whether membership can change because care was given or not: contacts, diagnoses, medicines, queues."""
    return not tables(rule).isdisjoint(_CARE)


def defined_by_use(rule: Rule) -> bool:
    """Whether the group is defined by the use of services itself, so that a debt of it has no meaning.

    True for repeated use, many services, less use than before, long waits and absence of contacts anywhere in
    the rule, and when nobody can be a member without a contact.
    """
    return any(_is_level_of_use(node) for node in walk(rule)) or _needs_contact(rule)


def _is_level_of_use(node: Rule) -> bool:
    if isinstance(node, nodes.Not):
        return any(isinstance(below, _USE) for below in walk(node.rule))
    if isinstance(node, nodes.Contact):
        return node.at_least >= _REPEATED and "attended" in node.attendance
    if isinstance(node, nodes.Request):
        return node.at_least >= _REPEATED
    return isinstance(node, nodes.DistinctServices | nodes.FewerContacts | nodes.Referral)


def _needs_contact(rule: Rule) -> bool:
    if isinstance(rule, nodes.AnyOf):
        return all(_needs_contact(child) for child in rule.rules)
    if isinstance(rule, nodes.SomeOf):
        return sum(not _needs_contact(child) for child in rule.rules) < rule.count
    if isinstance(rule, nodes.AllOf | nodes.Group):
        return any(_needs_contact(child) for child in rule.children)
    return isinstance(rule, _USE)


def reduce_to(rule: Rule, available: Collection[str]) -> tuple[Rule | None, frozenset[str]]:
    """The rule as far as the tables at hand allow, and the tables that it lacks.

    Alternatives of `any` whose table is absent are left out as long as one remains; anywhere else an absent
    table leaves nothing (None), because the group would become another one.
    """
    lacking = tables(rule) - frozenset(available)
    if not lacking:
        return rule, frozenset()
    if isinstance(rule, nodes.AnyOf):
        reduced = [kept for child in rule.rules if (kept := reduce_to(child, available)[0]) is not None]
        return (rule.model_copy(update={"rules": tuple(reduced)}) if reduced else None), lacking
    if isinstance(rule, nodes.AllOf | nodes.Group):
        below = [reduce_to(child, available)[0] for child in rule.children]
        if isinstance(rule, nodes.Group):
            return (rule.model_copy(update={"rule": below[0]}) if below[0] is not None else None), lacking
        return _with_children(rule, below), lacking
    return None, lacking
