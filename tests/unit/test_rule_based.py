"""Rule-based segments: everyone in exactly one, the gravest first, and a refusal where data are missing."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import segment_frames
from pydantic import ValidationError

from ennakointi import parameters
from ennakointi.errors import ParameterError
from ennakointi.parameters.segmentation_documents import SegmentationSettings
from ennakointi.parameters.yaml_documents import DocumentFault, read_yaml
from ennakointi.segmentation import agreement, rule_based
from ennakointi.text import message_json

SETTINGS = segment_frames.settings()
SCHEMES = list(SETTINGS.schemes)
LAST = {name: scheme.codes[-1] for name, scheme in SETTINGS.schemes.items()}


@pytest.mark.parametrize("name", SCHEMES)
@pytest.mark.parametrize("n", [0, 1, 3, 500])
def test_every_resident_is_in_exactly_one_segment(name, n):
    frame = segment_frames.made(n, 7)
    found = rule_based.assign(frame, SETTINGS.schemes[name])
    assert found.index.tolist() == frame.loc[frame["state"] == "resident", "person"].tolist()
    assert found.notna().all()
    assert tuple(found.cat.categories) == SETTINGS.schemes[name].codes


@pytest.mark.parametrize("name", SCHEMES)
def test_a_person_without_events_is_in_the_last_segment(name):
    assert set(rule_based.assign(segment_frames.nobody(3), SETTINGS.schemes[name])) == {LAST[name]}


@pytest.mark.parametrize("name", SCHEMES)
def test_rows_in_another_order_make_the_same_segments(name):
    frame = segment_frames.made(300, 3)
    mixed = frame.sample(frac=1, random_state=1)
    pd.testing.assert_series_equal(
        rule_based.assign(frame, SETTINGS.schemes[name]), rule_based.assign(mixed, SETTINGS.schemes[name])
    )


@pytest.mark.parametrize("name", SCHEMES)
def test_each_segment_can_be_reached(name):
    """Among enough persons of all kinds nobody is taken away from a segment by those before it."""
    frame = pd.concat([segment_frames.made(3000, 1), segment_frames.nobody(50)], ignore_index=True)
    found = rule_based.assign(frame.assign(person=range(len(frame))), SETTINGS.schemes[name])
    assert set(found) == set(SETTINGS.schemes[name].codes)


def one(**features: float) -> pd.DataFrame:
    return segment_frames.nobody(1).assign(**features)


@pytest.mark.parametrize(
    ("scheme", "features", "segment"),
    [
        ("kanta_hame", {"services_24m": 4, "contacts_health_12m": 9, "contacts_social_24m": 4}, "many_sided_support"),
        ("kanta_hame", {"services_24m": 4, "contacts_health_12m": 9, "contacts_24m": 23}, "occasional_support"),
        ("kanta_hame", {"contacts_24m": 24, "age": 80}, "continuous_support"),
        ("kanta_hame", {"age": 6}, "foreseeable_need"),
        ("suuntima", {"conditions": 2}, "cooperation"),
        ("suuntima", {"conditions": 2, "contacts_social_12m": 1}, "network"),
        ("suuntima", {"conditions": 1, "contacts_social_12m": 1}, "community"),
        (
            "bridges_to_health",
            {"conditions": 1, "condition_dementia": 1, "condition_copd": 1, "stays_12m": 1},
            "long_decline",
        ),
        ("bridges_to_health", {"conditions": 1, "condition_copd": 1, "stays_12m": 1}, "limited_reserve"),
        ("bridges_to_health", {"conditions": 1, "condition_copd": 1}, "chronic"),
        ("bridges_to_health", {"age": 0}, "maternal_infant"),
        ("bridges_to_health", {"age": 20, "contacts_maternity_child_health_12m": 1}, "maternal_infant"),
        ("bridges_to_health", {"age": 2, "contacts_maternity_child_health_12m": 1}, "healthy"),
        ("kaiser", {"conditions": 2, "stays_12m": 2}, "level_3"),
        ("kaiser", {"conditions": 1, "stays_12m": 2}, "level_2"),
        ("frequent_attenders", {"contacts_primary_care_physician_12m": 10}, "ten_visits"),
        ("service_level", {"level_12m": 3}, "heavy"),
        ("service_level", {"level_12m": 1}, "light"),
        ("multi_service", {"services_12m": 3}, "two_or_three"),
    ],
)
def test_the_shipped_rules_say_what_they_are_described_as(scheme, features, segment):
    assert rule_based.assign(one(**features), SETTINGS.schemes[scheme]).tolist() == [segment]


def test_cost_tiers_hold_their_share_of_the_residents():
    frame = segment_frames.nobody(1000).assign(cost_eur_12m=[0.0] * 400 + list(range(1, 601)))
    sizes = rule_based.assign(frame, SETTINGS.schemes["cost_tiers"]).value_counts()
    assert sizes.to_dict() == {"top_1": 10, "next_to_5": 40, "next_to_10": 50, "others_with_cost": 500, "no_cost": 400}


def test_those_who_left_are_in_no_segment_and_move_no_limit():
    frame = segment_frames.nobody(200).assign(cost_eur_12m=np.arange(200.0))
    gone = pd.concat([frame, frame.assign(person=frame["person"] + 200, cost_eur_12m=1e6, state="died")])
    scheme = SETTINGS.schemes["cost_tiers"]
    pd.testing.assert_series_equal(rule_based.assign(frame, scheme), rule_based.assign(gone, scheme))


def test_a_missing_value_satisfies_nothing():
    frame = segment_frames.nobody(2).assign(conditions=[np.nan, 2.0])
    assert rule_based.assign(frame, SETTINGS.schemes["kaiser"]).tolist() == ["level_1", "level_2"]


def test_a_scheme_that_needs_missing_data_is_refused_with_the_reason():
    reason = message_json("Data missing: {tables}.", {"tables": "referrals"})
    found = rule_based.assignments(segment_frames.made(50, 1), SETTINGS, {"waiting_days": reason})
    assert found.refused == {"paijat_hame": reason}
    assert set(found.segments) == set(SCHEMES) - {"paijat_hame"}


def test_a_quarter_before_the_look_back_refuses_what_reads_it():
    """Else nobody would be in the graver segments of the first quarters, and all would seem to move to them later."""
    early = segment_frames.made(30, 1).assign(contacts_24m=np.nan, conditions=np.nan)
    found = rule_based.assignments(early, SETTINGS, {})
    assert {"cost_tiers", "service_level"} <= set(found.segments)
    assert {"kanta_hame", "kaiser"} <= set(found.refused)
    assert json.loads(found.refused["kaiser"])["message"] == "The data begin too late for the look-back."


def test_several_reasons_are_told_once_each():
    referrals, plans = (message_json("Data missing: {tables}.", {"tables": name}) for name in ("referrals", "plans"))
    lacking = {"waiting_days": referrals, "plan_24m": plans, "requests_unsolved_12m": referrals}
    who = [one.who for one in SETTINGS.schemes["paijat_hame"].segments.values()]
    told = json.loads(rule_based.refusal(who, lacking))
    assert [one["values"]["tables"] for one in told] == ["plans", "referrals"]


def test_unmet_need_is_told_by_what_is_known():
    frame = pd.concat([one(waiting_days=92), one(conditions=1), one()]).assign(person=[1, 2, 3])
    full, nothing = rule_based.unmet_need(frame, SETTINGS, {})
    assert full is not None
    assert (full.tolist(), nothing) == ([True, True, False], "")
    part, reason = rule_based.unmet_need(frame, SETTINGS, {"waiting_days": "no referrals"})
    assert part is not None
    assert (part.tolist(), reason) == ([False, True, False], "no referrals")
    lacking = dict.fromkeys(("waiting_days", "requests_unsolved_3m", "conditions", "plan_24m"), "nothing")
    assert rule_based.unmet_need(frame, SETTINGS, lacking) == (None, "nothing")


def test_agreement_is_one_with_itself_and_near_zero_by_chance():
    found = rule_based.assignments(segment_frames.made(4000, 2), SETTINGS, {}).segments
    kaiser = found["kaiser"]
    assert agreement.adjusted_rand(kaiser, kaiser) == 1.0
    shuffled = pd.Series(kaiser.sample(frac=1, random_state=1).to_numpy(), index=kaiser.index)
    assert abs(agreement.adjusted_rand(kaiser, shuffled)) < 0.02
    assert np.isnan(agreement.adjusted_rand(kaiser[:1], kaiser[:1]))
    told = agreement.table(found)
    assert len(told) == len(found) * (len(found) - 1) // 2
    assert told["adjusted_rand"].between(-1, 1).all()


def test_agreement_by_hand():
    """Of 15 pairs 3 are together in the one, 7 in the other, 3 in both: (3 − 1.4) / (5 − 1.4) = 4 / 9."""
    a = pd.Series(["x", "x", "x", "y", "z", "w"], index=range(6))
    b = pd.Series(["p", "p", "p", "p", "q", "q"], index=range(6))
    together_in_both, in_a, in_b, pairs = 3, 3, 7, 15
    expected = in_a * in_b / pairs
    by_hand = (together_in_both - expected) / ((in_a + in_b) / 2 - expected)
    assert agreement.adjusted_rand(a, b) == pytest.approx(by_hand) == 4 / 9


SHIPPED = parameters.shipped("parameters") / "segmentation.yml"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("      level_1:\n", "      all_others:\n", "a code must not begin with 'all'"),
        ("      level_1:\n", "      moved:\n", "be one of arrived, died, moved"),
        ("      level_1:\n", "      level_2:\n", "the key 'level_2' is given twice"),
        ("  kaiser:\n", "  latent:\n", "schemes: the code 'latent' has a meaning of its own"),
        ("reading_of_record: M2", "reading_of_record: M6", "reading 'M6' does not exist"),
        (
            "measures: [prevention]",
            "measures: [preventoin]",
            "measure 'preventoin' does not exist – did you mean 'prev",
        ),
        (
            "          feature: {of: level, minimum: 2}",
            "          everyone: true",
            "'basic' takes everyone, so that no",
        ),
        ("top: {of: cost_eur, share: 0.01}", "top: {of: cost_eur, share: 1.5}", "less than 1"),
    ],
)
def test_a_faulty_document_is_refused_in_plain_words(tmp_path, old, new, told):
    text = SHIPPED.read_text(encoding="utf-8")
    assert old in text
    (tmp_path / SHIPPED.name).write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises((ValidationError, DocumentFault)) as caught:
        SegmentationSettings.model_validate(read_yaml(tmp_path / SHIPPED.name)[0])
    assert told in str(caught.value)


def test_the_last_segment_must_take_everyone():
    document, _ = read_yaml(SHIPPED)
    last = document["schemes"]["kaiser"]["segments"]["level_1"]
    last["who"] = {"feature": {"of": "age", "maximum": 200}}
    with pytest.raises(ValidationError, match="the last segment, 'level_1', must take everyone"):
        SegmentationSettings.model_validate(document)


def test_names_that_nothing_defines_are_told_with_their_place(tmp_path):
    text = SHIPPED.read_text(encoding="utf-8")
    for right, wrong in (("of: level, minimum: 3", "of: levl"), ("amount: waiting_days", "amount: waiting_day")):
        assert right in text
        text = text.replace(right, wrong, 1)
    (tmp_path / SHIPPED.name).write_text(text, encoding="utf-8")
    with pytest.raises(ParameterError) as caught:
        parameters.load(tmp_path)
    place = "segmentation.yml: schemes.service_level.segments.heavy.who: feature 'levl_12m' does not exist"
    assert f"{place} – did you mean 'level_12m'?" in str(caught.value)
    assert "signs.waiting.amount: feature 'waiting_day' does not exist" in str(caught.value)
