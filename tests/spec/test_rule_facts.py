"""What the program derives from a rule without looking at anybody: windows, tables, registers, use."""

from __future__ import annotations

import pytest

from ennakointi import rules
from ennakointi.periods import month_index

FIRST = month_index(2020, 1)
SERVICES = {"primary_care": "health", "home_care": "social"}


@pytest.mark.parametrize(
    ("rule", "months"),
    [
        ({"age": [18, 29]}, 0),
        ({"contact": {}}, 12),
        (
            {
                "any": [
                    {"contact": {"within_months": 6}},
                    {"diagnosis": {"icd10": ["I10"], "within_months": 36}},
                ]
            },
            36,
        ),
        ({"status": {"status": "unemployed", "minimum_months": 12}}, 12),
        ({"not": {"medicine": {"atc": ["N05"], "within_months": 24}}}, 24),
        ({"referral": {"longer_than_days": 183, "within_months": 12}}, 19),
    ],
)
def test_look_back_is_the_longest_window(rule, months):
    assert rules.look_back_months(rules.parse(rule)) == months


def test_a_fixed_reference_decides_from_when_on_a_rule_can_be_told():
    rule = rules.parse({"fewer_contacts": {"reference_from": "2019-01", "reference_to": "2019-12"}})
    assert rules.earliest_month(rule, month_index(2017, 1)) == month_index(2021, 1)
    assert rules.earliest_month(rule, month_index(2019, 2)) is None
    assert rules.earliest_month(rules.parse({"contact": {}}), FIRST) == FIRST + 12


def test_tables_and_controllers_are_named():
    rule = rules.parse(
        {
            "any": [
                {
                    "all": [
                        {"age": [18, 64]},
                        {"status": {"status": "unemployed", "controller": "employment"}},
                    ]
                },
                {"status": "informal_carer"},
                {"not": {"medicine": {"atc": ["N05"]}}},
            ]
        }
    )
    assert rules.tables(rule) == {"statuses", "medicines"}
    assert rules.controllers(rule) == {"employment"}
    assert rules.uses_care(rule)
    assert not rules.uses_care(rules.parse({"status": "unemployed"}))


USE = {"contact": {"service": "primary_care"}}


@pytest.mark.parametrize(
    ("rule", "by_use"),
    [
        ({"age": [75, None]}, False),
        ({"diagnosis": {"icd10": ["I10"]}}, False),
        ({"any": [{"diagnosis": {"icd10": ["I10"]}}, USE]}, False),  # identified by either
        (USE, True),  # nobody without a contact
        ({"all": [{"age": [75, None]}, USE]}, True),
        ({"not": USE}, True),  # absence of contacts
        ({"any": [{"age": [75, None]}, {"not": USE}]}, True),
        ({"any": [{"age": [75, None]}, {"contact": {"at_least": 10}}]}, True),  # heavy use
        ({"any": [{"age": [75, None]}, {"distinct_services": {"at_least": 4}}]}, True),
        ({"any": [{"age": [75, None]}, {"contact": {"attendance": "no_show", "at_least": 2}}]}, False),
        ({"at_least": {"count": 2, "of": [USE, USE, {"age": [75, None]}]}}, True),
        ({"at_least": {"count": 1, "of": [USE, USE, {"age": [75, None]}]}}, False),
        ({"referral": {"longer_than_days": 183}}, True),
    ],
)
def test_groups_defined_by_use(rule, by_use):
    assert rules.defined_by_use(rules.parse(rule)) is by_use


MEDICINE = {"medicine": {"atc": ["N05"]}}


@pytest.mark.parametrize(
    ("rule", "left", "lacking"),
    [
        ({"any": [USE, {"status": "student"}]}, True, set()),
        ({"any": [USE, MEDICINE]}, True, {"medicines"}),
        ({"any": [MEDICINE]}, False, {"medicines"}),
        ({"all": [USE, MEDICINE]}, False, {"medicines"}),
        ({"all": [{"age": [18, 29]}, {"any": [USE, MEDICINE]}]}, True, {"medicines"}),
        ({"not": {"any": [USE, MEDICINE]}}, False, {"medicines"}),  # would let in whom a medicine keeps out
        ({"at_least": {"count": 1, "of": [USE, MEDICINE]}}, False, {"medicines"}),
    ],
)
def test_rules_go_without_an_absent_table_only_where_another_alternative_is_left(rule, left, lacking):
    reduced, found = rules.reduce_to(rules.parse(rule), {"contacts", "statuses"})
    assert (reduced is not None) is left
    assert found == lacking
    if reduced is not None:
        assert rules.tables(reduced) <= {"contacts", "statuses"}


def test_groups_that_refer_to_each_other_in_a_circle_are_a_fault():
    parsed = {name: rules.parse({"any": [{"group": other}, {"age": [0, 17]}]}) for name, other in ("ab", "bc", "ca")}
    bound, faults = rules.bind(parsed, SERVICES)
    assert bound == {}
    assert faults == ["a.who: the groups refer to each other in a circle: a → b → c → a"]


def test_an_unknown_group_is_a_fault_with_the_nearest_name():
    parsed = {"old": rules.parse({"age": [75, None]}), "both": rules.parse({"any": [{"group": "odl"}]})}
    bound, faults = rules.bind(parsed, SERVICES)
    assert list(bound) == ["old"]
    assert faults == ["both.who: group 'odl' does not exist – did you mean 'old'?"]
