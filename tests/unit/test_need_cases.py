"""Who is at risk, what was known of them on the day, and what came of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import made_features
import numpy as np
import pandas as pd
import pytest
import small_county
from made_features import EmptyStore, MadeFeatures
from pydantic import ValidationError

from ennakointi.features import Features
from ennakointi.need import history
from ennakointi.need.cases import Register, later, numbers, predictors
from ennakointi.parameters.need_documents import NeedOutcome, NeedSettings
from ennakointi.periods import Quarter
from ennakointi.store import Store

START = Quarter(2024, 3)


def register(made: MadeFeatures, *patterns: str) -> Register:
    settings = small_county.shipped().need.model_copy(update={"predictors": patterns or ("age", "contacts_*", "sex")})
    return Register(cast(Store, EmptyStore()), cast(Features, made), settings, 0)


def outcome(**more: Any) -> NeedOutcome:
    return NeedOutcome.model_validate(made_features.outcome_document(**more))


@pytest.fixture(scope="module")
def small() -> MadeFeatures:
    return made_features.county(200, quarters=("2024Q3", "2024Q4", "2025Q3"))


def test_the_outcome_is_read_at_the_end_and_the_features_at_the_start(small: MadeFeatures) -> None:
    found = register(small).followed(outcome(), START, 12)
    start, end = small.frames["2024Q3"], small.frames["2025Q3"]
    assert found.event.tolist() == (end["contacts_emergency_12m"] >= 2).tolist()
    assert found.at_risk.known["contacts_emergency_12m"].tolist() == start["contacts_emergency_12m"].tolist()
    assert found.contacts.tolist() == end["contacts_emergency_12m"].tolist()


def test_a_window_that_is_not_told_is_the_horizon(small: MadeFeatures) -> None:
    found = register(small).followed(outcome(minimum=1), START, 3)
    assert found.event.tolist() == (small.frames["2024Q4"]["contacts_emergency_3m"] >= 1).tolist()


def test_death_and_moving_come_before_the_need_only_without_it(small: MadeFeatures) -> None:
    found = register(small).followed(outcome(), START, 12)
    assert np.flatnonzero(found.died).tolist() == list(range(10))
    assert np.flatnonzero(found.moved).tolist() == list(range(10, 20))
    small.frames["2025Q3"].loc[3, "contacts_emergency_12m"] = 5
    again = register(small).followed(outcome(), START, 12)
    assert again.event[3]
    assert not again.died[3]
    small.frames["2025Q3"].loc[3, "contacts_emergency_12m"] = 0


def test_who_is_no_longer_told_of_has_moved(small: MadeFeatures) -> None:
    frames = {**small.frames, "2025Q3": small.frames["2025Q3"].iloc[:-5]}
    found = register(MadeFeatures(frames)).followed(outcome(), START, 12)
    assert found.moved[-5:].all()
    assert not found.event[-5:].any()


def test_only_residents_at_risk_are_told_a_risk(small: MadeFeatures) -> None:
    without = outcome(at_risk={"feature": {"of": "contacts_emergency", "maximum": 0}})
    found = register(small).at_risk(without, Quarter(2025, 3))
    frame = small.frames["2025Q3"]
    wanted = frame["person"][(frame["state"] == "resident") & (frame["contacts_emergency_12m"] == 0)]
    assert found.person.tolist() == wanted.tolist()


def test_the_order_of_the_rows_does_not_matter(small: MadeFeatures) -> None:
    mixed = MadeFeatures({name: frame.sample(frac=1, random_state=1) for name, frame in small.frames.items()})
    one, other = (register(made).followed(outcome(), START, 12) for made in (small, mixed))
    pd.testing.assert_frame_equal(one.at_risk.known, other.at_risk.known)
    assert one.event.tolist() == other.event.tolist()


def test_features_without_values_are_not_seen(small: MadeFeatures) -> None:
    lacking = MadeFeatures(small.frames, {"contacts_emergency_3m": "not delivered"})
    assert predictors(["contacts_*", "age"], cast(Features, lacking)) == ["age", "contacts_emergency_12m"]


def test_words_become_places_and_what_is_missing_stays_missing() -> None:
    frame = pd.DataFrame(
        {
            "word": pd.Categorical(["b", None, "a"], categories=["a", "b"]),
            "flag": pd.array([True, None, False], dtype="boolean"),
            "count": np.array([3, 0, 1], np.uint16),
        }
    )
    told = numbers(frame).to_numpy()
    wanted = np.array([[1, 1, 3], [np.nan, np.nan, 0], [0, 0, 1]])
    assert np.array_equal(told, wanted, equal_nan=True)
    assert told.dtype == np.float32


def test_quarters_are_counted_over_new_year() -> None:
    assert [str(later(Quarter(2024, 4), months)) for months in (3, 12, -12, -15)] == [
        "2025Q1",
        "2025Q4",
        "2023Q4",
        "2023Q3",
    ]


def test_history_is_the_mean_over_the_years_lived_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Person 1: 3 and 1 contacts in two of four years; person 2 has lived here 30 months with 7 in one."""
    counted = pd.DataFrame({"person": [1, 1, 2], "service": [0, 0, 0], "year": [0, 2, 1], "n": [3, 1, 7]})
    monkeypatch.setattr(history, "_counted", lambda *_: counted)
    monkeypatch.setattr(EmptyStore, "codes", lambda *_: ["emergency", "ward_care"])
    lived = pd.Series([300, 30, 5], index=[1, 2, 3])
    found = history.table(cast(Store, EmptyStore()), START, 4, lived)
    assert found["history_emergency"].tolist() == pytest.approx([np.log(8) / 4, np.log(8) / 2, 0], abs=1e-6)
    assert found["history_active"].tolist() == pytest.approx([0.5, 0.5, 0])
    assert found["history_ward_care"].tolist() == [0, 0, 0]


def test_without_whole_years_there_is_no_history() -> None:
    assert history.table(cast(Store, EmptyStore()), START, 0, pd.Series([1.0], index=[1])).shape == (1, 0)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"at_risk": {"top": {"of": "cost_eur", "share": 0.05}}}, "compares persons"),
        ({"contacts_per_case": 0}, "greater than 0"),
        ({"horizons": [6]}, "3 or 12"),
        ({"event": {"feature": {"of": "x", "minimum": 2, "maximum": 1}}}, "above the maximum"),
    ],
)
def test_a_wrong_outcome_is_refused(more: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        NeedOutcome.model_validate({**made_features.outcome_document(), **more})


def test_a_horizon_of_an_outcome_is_among_the_horizons() -> None:
    told = small_county.shipped().need.model_dump(by_alias=True)
    told["outcomes"] = {"need": made_features.outcome_document(horizons=[3])}
    told["horizons"] = {12: 2}
    with pytest.raises(ValidationError, match="3 is not among the horizons"):
        NeedSettings.model_validate(told)


def test_of_clients_only_those_seen_in_two_years_are_at_risk(small: MadeFeatures) -> None:
    start = small.frames["2024Q3"].assign(contacts_24m=0)
    start.loc[[5, 8, 30], "contacts_24m"] = 2
    seen = MadeFeatures({**small.frames, "2024Q3": start})
    all_of_them = register(seen)
    assert replace(all_of_them, clients_only=True).at_risk(outcome(), START).person.tolist() == [5, 8, 30]
    assert len(all_of_them.at_risk(outcome(), START)) > 100
