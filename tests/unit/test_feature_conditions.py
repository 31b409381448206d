"""Conditions on features: grammar, windows, Kleene's logic, ties at the top, and what is wrong told at load."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ennakointi import parameters
from ennakointi.errors import ParameterError
from ennakointi.rules import feature_conditions as conditions

PEOPLE = pd.DataFrame(
    {
        "state": pd.Categorical(["resident"] * 5 + ["moved"]),
        "sex": pd.Categorical(["female", "male", "female", "male", None, "male"]),
        "age": np.array([1, 20, 80, 90, 50, 60], np.int16),
        "contacts_12m": np.array([0, 3, 3, 5, 1, 100], np.uint16),
        "contacts_3m": np.array([0, 1, 0, 2, 1, 9], np.uint16),
        "remote_share_12m": np.array([np.nan, 0.1, 0.5, 0.9, 0.0, 0.2], np.float32),
        "status_home_care": pd.array([True, False, None, False, True, False], dtype="boolean"),
        "group_all": pd.array([None] * 6, dtype="boolean"),
        "condition_asthma": [True, False, False, True, False, True],
    }
)


def holds(document: object) -> list[int]:
    """Places of the people whom a condition holds for."""
    return np.flatnonzero(conditions.evaluate(conditions.parse(document), PEOPLE)).tolist()


def feature(of: str, **more: Any) -> dict[str, Any]:
    return {"feature": {"of": of, **more}}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"everyone": True}, [0, 1, 2, 3, 4, 5]),
        (feature("age", minimum=50, maximum=80), [2, 4, 5]),
        (feature("age", minimum=75, maximum=None), [2, 3]),
        (feature("contacts"), [1, 2, 3, 4, 5]),
        (feature("contacts", maximum=0), [0]),
        (feature("contacts", within_months=3, minimum=2), [3, 5]),
        (feature("condition_asthma"), [0, 3, 5]),
        (feature("remote_share", minimum=0.5), [2, 3]),
        ({"not": feature("remote_share", minimum=0.5)}, [1, 4, 5]),
        (feature("status_home_care"), [0, 4]),
        ({"not": feature("status_home_care")}, [1, 3, 5]),
        ({"any": [feature("status_home_care"), feature("age", minimum=80)]}, [0, 2, 3, 4]),
        ({"all": [{"not": feature("status_home_care")}, feature("age", minimum=60)]}, [3, 5]),
        ({"not": {"all": [feature("status_home_care"), feature("age", minimum=90)]}}, [0, 1, 2, 3, 4, 5]),
        (
            {
                "at_least": {
                    "count": 2,
                    "of": [feature("status_home_care"), feature("contacts", minimum=3), feature("age", minimum=80)],
                }
            },
            [2, 3],
        ),
        (feature("group_all"), []),
        ({"not": feature("group_all")}, []),
    ],
)
def test_who_a_condition_holds_for(document: object, expected: list[int]) -> None:
    assert holds(document) == expected


@pytest.mark.parametrize(
    ("share", "more", "expected"),
    [
        (0.2, {}, [3]),
        (0.4, {}, [1, 2, 3]),  # the second and the third are equal
        (0.9, {}, [1, 2, 3, 4]),  # zero is never at the top, and who has moved is no resident
        (0.5, {"within": "sex"}, [2, 3, 4]),  # the stratum of the unknown sex has one person
    ],
)
def test_those_with_the_most(share: float, more: dict[str, str], expected: list[int]) -> None:
    assert holds({"top": {"of": "contacts", "share": share, **more}}) == expected


def test_columns_and_windows() -> None:
    document = {
        "any": [
            feature("age"),
            feature("contacts_emergency", within_months=3),
            feature("status_home_care"),
            feature("status_home_care", within_months=12),
            {"not": feature("cost_eur")},
            {"top": {"of": "bed_days", "within_months": 24, "share": 0.1, "within": ["age_band", "sex"]}},
        ]
    }
    condition = conditions.parse(document)
    expected = {"age", "contacts_emergency_3m", "status_home_care", "status_home_care_12m", "cost_eur_12m"}
    expected |= {"bed_days_24m", "state", "age_band", "sex"}
    assert conditions.features(condition) == expected
    shorter = {"cost_eur_3m", "status_home_care_3m"}  # a status is looked for over the whole horizon
    assert (
        conditions.features(conditions.over(condition, 3)) == expected - {"cost_eur_12m", "status_home_care"} | shorter
    )
    assert conditions.over(conditions.over(condition, 3), 12) == conditions.over(condition, 3)


def test_a_missing_value_is_not_known() -> None:
    condition = conditions.parse(feature("status_home_care"))
    assert conditions.known(condition, PEOPLE).tolist() == [True, True, False, True, True, True]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (feature("age", minimun=3), "minimun"),
        (feature("age", minimum=9, maximum=3), "above the maximum"),
        (feature("age", minimum=None), "give minimum, maximum or both"),
        (feature("age", within_months=6), "within_months"),
        ({"top": {"of": "age", "share": 1.0}}, "share"),
        ({"top": {"of": "age", "share": 0.1, "within": "income"}}, "within"),
        ({"fature": {"of": "age"}}, "fature"),
        ({"any": []}, "any"),
        ({"at_least": {"count": 3, "of": [{"everyone": True}]}}, "can never hold"),
    ],
)
def test_what_cannot_be_meant_is_refused(document: object, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        conditions.parse(document)


def test_features_that_a_frame_lacks_or_that_are_words() -> None:
    with pytest.raises(ParameterError, match="did you mean 'contacts_12m'"):
        holds(feature("contcts"))
    with pytest.raises(ParameterError, match="is a word"):
        conditions.evaluate(conditions.parse(feature("sex")), PEOPLE)


def test_unknown_features_and_words_are_told_when_parameters_are_read(tmp_path: Path) -> None:
    source = (parameters.shipped("parameters") / "segmentation.yml").read_text(encoding="utf-8")
    assert "of: cost_eur," in source
    (tmp_path / "segmentation.yml").write_text(source.replace("of: cost_eur,", "of: cost_euro,"), encoding="utf-8")
    need = (parameters.shipped("parameters") / "need.yml").read_text(encoding="utf-8")
    (tmp_path / "need.yml").write_text(need.replace("feature: {", "faeture: {", 1), encoding="utf-8")
    with pytest.raises(ParameterError, match=r"unknown rule 'faeture' – did you mean 'feature'"):
        parameters.load(tmp_path)
    shutil.copy(parameters.shipped("parameters") / "need.yml", tmp_path)
    with pytest.raises(ParameterError, match=r"segmentation.yml: .*'cost_euro_12m' does not exist – did you mean"):
        parameters.load(tmp_path)


VALUES = st.lists(st.one_of(st.none(), st.integers(0, 4)), min_size=1, max_size=25)


@settings(max_examples=80, deadline=None)
@given(VALUES, st.floats(0.01, 0.99), st.randoms())
def test_the_top_holds_its_share_and_does_not_depend_on_order(values: list[int | None], share: float, mix: Any) -> None:
    frame = pd.DataFrame({"contacts_12m": pd.array(values, dtype="Int16"), "state": "resident"})
    condition = conditions.parse({"top": {"of": "contacts", "share": share}})
    held = conditions.evaluate(condition, frame)
    order = list(range(len(frame)))
    mix.shuffle(order)
    assert conditions.evaluate(condition, frame.iloc[order]).tolist() == held[order].tolist()
    known = np.array([np.nan if one is None else one for one in values], float)
    above = known > 0
    assert held.sum() >= min(share * (~np.isnan(known)).sum() - 1e-6, above.sum())
    if held.any():
        assert (held == (known >= known[held].min())).all(), "equal persons are never split"
