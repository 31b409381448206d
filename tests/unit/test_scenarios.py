"""Scenarios: profiles and shifts by hand, intervals as stated, faults of the document in one sentence each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from pydantic import ValidationError

from ennakointi import parameters
from ennakointi.errors import ParameterError
from ennakointi.forecast.need import scenarios
from ennakointi.parameters.scenario_documents import Scenario
from ennakointi.periods import month_index

LABEL = {"fi": "a", "sv": "a", "en": "a"}
END = month_index(2025, 9)


def scenario(**given: Any) -> Scenario:
    usual: dict[str, Any] = {
        "id": "one",
        "label": LABEL,
        "why": LABEL,
        "kind": "policy",
        "active": True,
        "services": {"emergency": [-0.2, 0.0]},
        "from": "2026-01",
        "to": "2026-04",
    }
    return Scenario.model_validate({**usual, **given})


@pytest.mark.parametrize(("profile", "february"), [("step", 1.0), ("linear", 0.5), ("front", 0.75), ("back", 0.25)])
def test_profiles_by_hand(profile: str, february: float) -> None:
    months = np.array([month_index(2025, 12), month_index(2026, 2), month_index(2026, 4), month_index(2030, 1)])
    found = scenarios.growth(scenario(profile=profile), months, END)
    np.testing.assert_allclose(found, [0, february, 1, 1])


def test_what_had_grown_when_the_data_end_is_not_added_again() -> None:
    begun = scenario(**{"from": "2025-08", "to": "2025-11"})
    months = np.array([month_index(2025, 10), month_index(2025, 12)])
    np.testing.assert_allclose(scenarios.growth(begun, months, END), [0.25, 0.5])
    past = scenario(**{"from": "2024-01", "to": "2024-12"})
    assert (scenarios.growth(past, months, END) == 0).all()


def test_an_interval_holds_eight_draws_of_ten() -> None:
    drawn = scenarios.draws((-0.1, 0.1), 50_000, np.random.default_rng(1))
    assert drawn.std() == pytest.approx(0.0780, abs=0.001)
    assert np.mean((drawn > -0.1) & (drawn < 0.1)) == pytest.approx(0.8, abs=0.01)
    assert scenarios.draws((-2.0, -0.9), 1_000, np.random.default_rng(1), lowest=-1.0).min() == -1.0


def test_a_shift_moves_contacts_with_its_coefficient() -> None:
    shift = scenario(
        kind="digital_shift",
        services={"primary_care": [0.1, 0.1]},
        to_service="digital_pathway",
        contacts_per_contact=1.2,
    )
    (drawn,) = scenarios.drawn({"one": shift}, 5, np.random.default_rng(1))
    levels = {"primary_care": np.full((5, 1), 1000.0), "digital_pathway": np.full((5, 1), 50.0)}
    found = drawn.changes(levels, np.ones(1))
    np.testing.assert_allclose(found["primary_care"], -100)
    np.testing.assert_allclose(found["digital_pathway"], 120)
    alone = drawn.changes({"primary_care": levels["primary_care"]}, np.ones(1))
    assert list(alone) == ["primary_care"]


def test_scenarios_act_on_what_the_earlier_ones_left_and_never_below_zero() -> None:
    half = scenario(services={"emergency": [-0.5, -0.5]})
    made = scenarios.drawn({"a": half, "b": half.model_copy(update={"id": "b"})}, 3, np.random.default_rng(1))
    levels = {"emergency": np.full((3, 1), 80.0)}
    found = scenarios.in_order(made, levels, np.array([month_index(2030, 1)]), END)
    np.testing.assert_allclose(found["emergency"], 20)
    gone = scenarios.drawn({"a": scenario(services={"emergency": [-1.0, -1.0]})}, 3, np.random.default_rng(1))
    assert (scenarios.in_order(gone, levels, np.array([month_index(2030, 1)]), END)["emergency"] == 0).all()


def test_one_scenario_succeeds_in_all_its_services_alike() -> None:
    two = scenario(services={"emergency": [-0.2, 0.0], "ward_care": [-0.1, 0.0]})
    (drawn,) = scenarios.drawn({"one": two}, 200, np.random.default_rng(1))
    assert np.corrcoef(drawn.effects["emergency"], drawn.effects["ward_care"])[0, 1] > 0.99


def test_examples_are_in_force_with_a_synthetic_source_only() -> None:
    shipped = parameters.load().scenarios
    assert scenarios.known(shipped, "all", synthetic=False) == {}
    assert {one.kind for one in scenarios.known(shipped, "all", synthetic=True).values()} == {
        "policy",
        "prevention",
        "digital_shift",
        "healthy_ageing",
    }
    limited = scenario(groups=["older"])
    assert scenarios.known({"one": limited}, "older", False) == {"one": limited}
    assert scenarios.known({"one": limited}, "all", False) == {}
    assert scenarios.known({"one": scenario(active=False)}, "all", True) == {}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"services": {"emergency": [0.1, -0.1]}}, r"\[low, high\], but 0.1 is above -0.1"),
        ({"services": {"emergency": [-1.5, 0]}}, "emergency: .* is not a relative change from -1"),
        ({"services": {"emergency": [2, 10]}}, "emergency: .* is not a relative change from -1 to 1"),
        ({"services": {"emergency": [float("nan"), 0]}}, "an interval is two numbers"),
        ({"services": {"emergency": [0, 0.1, 0.2]}}, "an interval is two numbers"),
        ({"to": "2025-01"}, "`to` 2025-01 is before `from` 2026-01"),
        ({"from": None}, "`from` and `to` are missing"),
        ({"to_service": "digital_pathway"}, "`to_service` belongs to kind: digital_shift"),
        ({"kind": "healthy_ageing"}, "healthy_ageing has `years_per_year`"),
        ({"kind": "digital_shift", "to_service": "a"}, "emergency: .* is not a share from 0 to 1"),
        (
            {"kind": "digital_shift", "to_service": "emergency", "services": {"emergency": [0.1, 0.2]}},
            "contacts of emergency cannot move to emergency itself",
        ),
    ],
)
def test_impossible_scenarios_are_told(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        scenario(**given)


def test_a_scenario_names_services_and_groups_that_exist(tmp_path: Path) -> None:
    shipped = yaml.safe_load((parameters.shipped("parameters") / "scenarios.yml").read_text(encoding="utf-8"))
    shipped["digital_first_contact"]["to_service"] = "digital_pathways"
    shipped["fall_prevention"]["groups"] = ["oldest"]
    (tmp_path / "scenarios.yml").write_text(yaml.safe_dump(shipped, allow_unicode=True), encoding="utf-8")
    with pytest.raises(ParameterError) as caught:
        parameters.load(tmp_path)
    assert "scenarios.yml: digital_first_contact.to_service: service 'digital_pathways' does not exist" in str(
        caught.value
    )
    assert "did you mean" in str(caught.value)
    assert "scenarios.yml: fall_prevention.groups: target group 'oldest' does not exist" in str(caught.value)
