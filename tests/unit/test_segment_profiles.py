"""Profiles of segments: what is declared adds up, shares are of what they say, and odd frames are answered."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import segment_frames

from ennakointi.result_tables import RESULT_TABLES
from ennakointi.segmentation import multi_service, profiles, rule_based

SOME = ("kanta_hame", "bridges_to_health", "kaiser", "multi_service")
SHIPPED = segment_frames.settings()
SETTINGS = SHIPPED.model_copy(update={"schemes": {name: SHIPPED.schemes[name] for name in SOME}})
MISSING: dict[str, str] = {}


def tables(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    found = rule_based.assignments(frame, SETTINGS, MISSING).segments
    return {
        "segments": profiles.sizes({"2025Q2": (frame, found), "2025Q3": (frame, found)}, {"kaiser": 0.8}),
        "segment_residents": profiles.people(frame, found),
        "segment_services": profiles.services(frame, found, segment_frames.SERVICES),
        "segment_groups": profiles.groups(frame, found),
        "segment_signs": profiles.signs(frame, found, SETTINGS, MISSING),
        "multi_service": multi_service.table(frame, SETTINGS, MISSING),
    }


FRAME = segment_frames.made(600, 5)
MADE = tables(FRAME)
RESIDENTS = int((FRAME["state"] == "resident").sum())


@pytest.mark.parametrize("name", MADE)
def test_the_declared_sums_hold_and_keys_are_distinct(name):
    declared, told = RESULT_TABLES[name], MADE[name]
    assert tuple(told.columns) == declared.names
    keys = list(declared.of_kind("key"))
    assert not told.duplicated(keys).any()
    for one in declared.sums:
        own = [key for key in keys if key not in one.over]
        is_whole = np.logical_and.reduce([told[key] == value for key, value in zip(one.over, one.whole, strict=True)])
        added = [*one.columns, *([declared.persons] if one.distinct else [])]
        parts = told[~is_whole].assign(_=0).groupby([*own, "_"])[added].sum(min_count=1).astype(float)
        whole = told[is_whole].assign(_=0).set_index([*own, "_"])[added].astype(float)
        assert len(whole)
        pd.testing.assert_frame_equal(parts.sort_index(), whole.sort_index(), check_exact=False, rtol=1e-9)


@pytest.mark.parametrize("name", MADE)
def test_ratios_are_of_what_they_say(name):
    told = MADE[name]
    for column in RESULT_TABLES[name].columns:
        if column.ratio_of:
            above, below = (told[part].astype(float) for part in column.ratio_of)
            np.testing.assert_allclose(told[column.name], (above / below).where(below > 0))


def test_sizes_are_those_of_the_assignment():
    told = MADE["segments"]
    rows = told[(told["scheme"] == "kaiser") & (told["quarter"] == "2025Q3")].set_index("segment")
    found = rule_based.assign(FRAME, SETTINGS.schemes["kaiser"]).value_counts()
    assert rows["n_persons"].drop("all").to_dict() == found.to_dict()
    assert rows.loc["all", "persons"] == RESIDENTS
    assert rows["stability"].unique().tolist() == [0.8]
    assert told[told["scheme"] == "kanta_hame"]["stability"].isna().all()


def test_the_order_of_segments_is_that_of_the_scheme():
    told = MADE["segments"]
    rows = told[(told["scheme"] == "bridges_to_health") & (told["quarter"] == "2025Q2")]
    assert tuple(rows["segment"]) == (*SETTINGS.schemes["bridges_to_health"].codes, "all")


def test_services_and_signs_by_hand():
    frame = segment_frames.nobody(4).assign(
        contacts_12m=[6.0, 2.0, 0.0, 0.0],
        contacts_emergency_12m=[4.0, 0.0, 0.0, 0.0],
        contacts_primary_care_12m=[2.0, 2.0, 0.0, 0.0],
        cost_eur_emergency_12m=[800.0, 0.0, 0.0, 0.0],
        cost_eur_primary_care_12m=[100.0, 100.0, 0.0, 0.0],
        cost_eur_12m=[900.0, 100.0, 0.0, 0.0],
        contacts_remote_12m=[3.0, 1.0, 0.0, 0.0],
        services_12m=[2.0, 1.0, 0.0, 0.0],
    )
    found = rule_based.assignments(frame, SETTINGS, MISSING).segments
    used = profiles.services(frame, found, segment_frames.SERVICES).set_index(["scheme", "service", "segment"])
    row = used.loc["multi_service", "emergency", "two_or_three"]
    assert row[["contacts", "cost_eur", "users_share", "n_persons", "segment_persons"]].tolist() == [4, 800, 1, 1, 1]
    whole = used.loc["multi_service", "all", "all"]
    assert whole[["contacts", "cost_eur", "users_share", "contacts_per_person"]].tolist() == [8, 1000, 0.5, 2]
    signs = profiles.signs(frame, found, SETTINGS, MISSING).set_index(["scheme", "sign", "segment"])
    remote = signs.loc["multi_service", "remote", "all"]
    assert remote[["amount", "n_persons", "share", "per_person"]].tolist() == [4, 2, 0.5, 2]
    silent = signs.loc["multi_service", "no_contact", "no_use"]
    assert silent["n_persons"] == 2
    assert np.isnan(silent["amount"])


def test_a_value_that_is_not_known_has_a_row_of_its_own():
    frame = segment_frames.nobody(3).assign(language=pd.Categorical(["fi", None, "sv"], categories=["fi", "sv"]))
    told = profiles.people(frame, rule_based.assignments(frame, SETTINGS, MISSING).segments)
    rows = told[(told["scheme"] == "kaiser") & (told["dimension"] == "language") & (told["segment"] == "all")]
    assert dict(zip(rows["value"], rows["n_persons"], strict=True)) == {"fi": 1, "sv": 1, "unknown": 1, "all": 3}


def test_what_is_known_of_nobody_is_empty_and_not_zero():
    frame = segment_frames.made(50, 2).assign(cost_eur_12m=np.nan)
    found = {"kaiser": rule_based.assign(frame, SETTINGS.schemes["kaiser"])}
    told = profiles.sizes({"2025Q3": (frame, found)}, {})
    assert told["cost_eur"].isna().all()
    assert told["contacts"].notna().all()
    assert multi_service.table(frame, SETTINGS, {"cost_eur_12m": "no costs"})["cost_eur"].isna().all()


def test_a_sign_or_a_reading_that_needs_missing_data_is_left_out():
    lacking = {"waiting": "no referrals", "status_unemployed_12m": "no legal basis"}
    found = rule_based.assignments(FRAME, SETTINGS, lacking).segments
    assert "waiting" not in set(profiles.signs(FRAME, found, SETTINGS, lacking)["sign"])
    assert multi_service.refused(SETTINGS, lacking) == {"M3": "no legal basis"}
    assert list(multi_service.readings(FRAME, SETTINGS, lacking)) == ["M1", "M2", "M4", "M5"]


@pytest.mark.parametrize("n", [0, 1, 3])
def test_odd_frames_are_answered(n):
    made = tables(segment_frames.nobody(n))
    for name, told in made.items():
        assert tuple(told.columns) == RESULT_TABLES[name].names
    whole = made["segments"][made["segments"]["segment"] == "all"]
    assert whole["n_persons"].eq(n).all()
    assert whole["share"].isna().all() if n == 0 else whole["share"].eq(1).all()


def test_readings_are_a_partition_and_each_person_is_where_they_belong():
    frame = segment_frames.nobody(100).assign(
        services_12m=[4.0] * 3 + [0.0] * 97,
        contacts_health_12m=[1.0] * 5 + [0.0] * 95,
        contacts_social_12m=[1.0] * 5 + [0.0] * 95,
        status_unemployed_12m=[0.0] + [1.0] * 4 + [0.0] * 95,
    )
    told = multi_service.table(frame, SETTINGS, MISSING).set_index("readings")["n_persons"]
    assert told.to_dict() == {"M2+M3": 2, "M2": 1, "M3": 2, "none": 95, "all": 100}
    assert MADE["multi_service"]["n_persons"].iloc[:-1].sum() == RESIDENTS


def test_only_the_features_that_are_needed_are_asked_for():
    asked = profiles.columns(SHIPPED, segment_frames.SERVICES, [*FRAME.columns, "continuity_24m", "units_3m"])
    assert set(asked) == set(FRAME.columns)
