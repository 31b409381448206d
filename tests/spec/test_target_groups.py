"""The shipped target groups against the programme's list, TG01…TG41."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ennakointi import parameters, rules

GROUPS = parameters.load().target_groups
NOT_PERSONS = {"TG28", "TG41"}  # staff and workplaces: no rows about them in the person tables
ROOT = Path(__file__).parents[2]


def test_every_group_that_concerns_persons_is_there():
    expressed = {tg for group in GROUPS.values() for tg in group.tg}
    assert expressed | NOT_PERSONS == {f"TG{i:02d}" for i in range(1, 42)}
    assert not expressed & NOT_PERSONS


def test_the_guide_lists_every_group_under_its_numbers():
    lines = (ROOT / "docs" / "target_groups.md").read_text(encoding="utf-8").splitlines()
    listed = {
        row[2:6]: set(re.findall(r"`(\w+)`", row.split("|")[2]))
        for row in lines
        if row.startswith("| TG") and row[4].isdigit()
    }
    parts = {"mental_health", "signs_of_distress", "work_ability_need"}
    for tg in sorted({tg for group in GROUPS.values() for tg in group.tg}):
        assert listed[tg] == {name for name, group in GROUPS.items() if tg in group.tg} - parts
    assert all(not listed[tg] for tg in NOT_PERSONS)


def test_groups_defined_by_use_are_flagged():
    flagged = {name for name, group in GROUPS.items() if group.endogenous}
    assert {
        "disabled_adults_less_service",
        "older_people_hidden_need",
        "multi_service_clients",
        "heavy_use_multimorbid_or_older",
        "specialised_care_delayed",
        "digital_exclusion",
    } <= flagged
    assert flagged.isdisjoint(
        {
            "all",
            "young_adults_mental_health",
            "older_people",
            "informal_carers",
            "informal_care_recipients",
            "multimorbidity",
            "long_term_conditions",
            "substance_use",
            "mental_health_and_substance",
            "children_and_families",
            "disability_service_clients",
        }
    )


def test_a_part_defined_by_use_makes_the_union_so():
    assert GROUPS["vulnerable_people"].endogenous


@pytest.mark.parametrize(
    ("group", "controllers"),
    [
        ("weak_labour_market_position", {"employment", "kela"}),
        ("reduced_work_ability", {"kela"}),
        ("youth_at_risk_of_exclusion", {"education"}),
        ("vulnerable_people", {"employment", "kela"}),  # through its parts
        ("informal_carers", set()),
        ("young_adults_mental_health", set()),
    ],
)
def test_groups_name_the_other_controllers_whose_register_they_read(group, controllers):
    assert GROUPS[group].controllers == controllers


def test_look_backs_have_run_in_by_2017_with_data_from_2014():
    longest = max(rules.look_back_months(group.who) for group in GROUPS.values())
    assert longest == 36


def test_reported_groups_do_not_all_wait_for_another_register():
    for region in ("paijat-hame", "pohjois-pohjanmaa"):
        loaded = parameters.load(None, region)
        free = [name for name in loaded.report_groups if not loaded.target_groups[name].controllers]
        assert len(free) >= 8
