"""All interventions beside each other: order, false discoveries, and what is still needed."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from ennakointi.effectiveness import ranking
from ennakointi.text import message_json


def test_the_example_of_benjamini_and_hochberg_keeps_four_findings() -> None:
    """1995, section 3.2: fifteen comparisons of a trial, four of them kept at 5 %."""
    p_values = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324, 0.4262, 0.5719]
    given = np.array([*p_values, 0.6528, 0.759, 1.0])
    adjusted = ranking.benjamini_hochberg(given)
    assert (adjusted <= 0.05).sum() == 4
    assert adjusted[3] == pytest.approx(0.0095 * 15 / 4)
    assert (ranking.benjamini_hochberg(given[::-1])[::-1] == adjusted).all()
    assert np.isnan(ranking.benjamini_hochberg(np.array([np.nan, 0.02]))).tolist() == [True, False]


def effects() -> pd.DataFrame:
    """A strong, a moderate and two unknown effects; a secondary outcome and a row beside do not count."""
    rows = [
        ("unclear", "cannot_say", "none", 0.4, 0.3),
        ("good", "works", "strong", 0.001, 0.04),
        ("dear", "probably_works", "moderate", 0.04, 0.2),
        ("cheap", "probably_works", "moderate", 0.045, 0.04),
    ]
    primary = [
        {
            "intervention": i,
            "verdict": v,
            "evidence_level": e,
            "p_value": p,
            "minimum_detectable_effect": mde,
            "outcome": "visits",
            "target_group": "all",
            "record": "record",
            "role": "primary",
            "smallest_important": 0.05,
            "relative": -0.1,
            "relative_lo95": -0.2,
            "relative_hi95": 0.0,
            "n_persons": 100.0,
        }
        for i, v, e, p, mde in rows
    ]
    others = [primary[0] | {"role": "secondary", "outcome": "more"}, primary[0] | {"record": "beside"}]
    return pd.DataFrame([*primary, *others])


def costs() -> pd.DataFrame:
    names = ["intervention", "outcome", "cost_unit", "nmb_eur", "nmb_lo95", "nmb_hi95"]
    rows = [("dear", "visits", "per participant-year", -50.0, -90.0, -10.0), ("cheap", "visits", "", 20.0, 10.0, 30.0)]
    return pd.DataFrame(rows, columns=names)


def checks() -> pd.DataFrame:
    date = message_json("This is an interim look.", {})
    rows = [("unclear", "visits", "comparison", "no", "{}"), ("unclear", "visits", "decision_date", "no", date)]
    return pd.DataFrame(rows, columns=["intervention", "outcome", "check", "passed", "message"])


def test_the_best_evidence_comes_first_and_of_equal_evidence_the_larger_benefit() -> None:
    found = ranking.table(effects(), checks(), costs())
    assert found["intervention"].tolist() == ["good", "cheap", "dear", "unclear"]
    assert found["rank"].tolist() == [1.0, 2.0, 3.0, 4.0]


def test_costs_are_not_asked_for_where_there_is_no_effect_to_weigh_them_against() -> None:
    refused = effects().assign(relative_lo95=np.nan)
    needed = ranking.table(refused, checks(), costs()).set_index("intervention")["needed"]
    assert "costs" not in needed["good"]


def test_what_is_needed_follows_from_the_checks_the_data_and_the_number_of_looks() -> None:
    found = ranking.table(effects(), checks(), costs()).set_index("intervention")["needed"].map(json.loads)
    asked = {name: [one["message"] for one in needed] for name, needed in found.items()}
    assert [text.split()[0] for text in asked["unclear"]] == ["A", "This", "More", "Costs"]
    assert found["unclear"][2]["values"] == {"important_share": 0.05, "smallest_share": 0.3}
    assert [text.split()[0] for text in asked["good"]] == ["Costs"]
    assert [text.split()[0] for text in asked["dear"]] == ["More", "A"]
    assert [text.split()[0] for text in asked["cheap"]] == ["A"]
