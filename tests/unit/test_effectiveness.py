"""The whole evaluation: tables as declared, the right design, refusals, and what the sentences say."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from cohorts_made import cohort
from roll_outs import CODES, STARTS, roll_out

from ennakointi import effectiveness, parameters
from ennakointi.causal.areas import AreaPanel
from ennakointi.effectiveness.cohorts import Cohort
from ennakointi.effectiveness.evidence import NEGATIVE_CONTROL, Evidence
from ennakointi.parameters.documents import EffectSettings, Intervention
from ennakointi.result_tables import RESULT_TABLES

AS_OF = date(2025, 9, 30)
KNOWN = parameters.load()
QUICK: EffectSettings = KNOWN.effects.model_copy(update={"permutations": 199})


def roll_out_of(**changed: object) -> Intervention:
    return KNOWN.interventions["team_model"].model_copy(update={"secondary_outcomes": (), **changed})


def enrolment(**changed: object) -> Intervention:
    return KNOWN.interventions["heavy_user_coaching"].model_copy(update={"secondary_outcomes": (), **changed})


def effect_of(intervention: Intervention, **by_outcome: AreaPanel | Cohort) -> effectiveness.Effect:
    return effectiveness.evaluate(intervention, Evidence(AS_OF, by_outcome), QUICK, 1)


def record(found: effectiveness.Effect) -> pd.Series:
    return found.estimates[found.estimates["record"] == "record"].iloc[0]


def passed(found: effectiveness.Effect) -> dict[str, str]:
    return dict(found.tables["effect_checks"][["check", "passed"]].to_numpy())


def test_a_roll_out_gives_every_table_as_declared() -> None:
    control = roll_out(99)
    found = effect_of(roll_out_of(), emergency_contacts=roll_out(1, -0.2, share=1.0), negative_control=control)
    for name, table in found.tables.items():
        assert tuple(table.columns) == RESULT_TABLES[name].names
        assert len(table) > 0
    assert list(found.estimates["design"]) == ["did", "did_all_areas", "did_without_largest"]
    row = record(found)
    assert (row["counted"], row["n_treated"], row["start"]) == ("areas", 4, "2022-10")
    assert row["relative_lo95"] <= np.expm1(-0.2) <= row["relative_hi95"]
    assert row["verdict"] in ("works", "probably_works")
    assert passed(found)["negative_control"] == "yes"
    assert passed(found)["decision_date"] == "no"
    assert set(found.settings) >= {"intervention", "seed", "permutations"}


def test_the_absolute_effect_agrees_with_the_relative() -> None:
    row = record(effect_of(roll_out_of(), emergency_contacts=roll_out(1, -0.2, share=1.0)))
    without = row["estimate"] / row["relative"]
    assert without == pytest.approx(25, rel=0.3)  # planted 0.25 a year, trend and levels apart
    assert row["lo95"] / without != pytest.approx(row["hi95"] / without)
    assert (1 + row["crude_change"]) / (1 + row["expected_change"]) == pytest.approx(1 + row["relative"])


def test_a_changed_negative_control_takes_the_verdict_away() -> None:
    biased = roll_out(3, -0.4, share=1.0)
    found = effect_of(roll_out_of(), emergency_contacts=roll_out(1, -0.3, share=1.0), negative_control=biased)
    assert passed(found)["negative_control"] == "no"
    assert (record(found)["verdict"], record(found)["evidence_level"]) == ("cannot_say", "none")


def test_the_same_start_everywhere_is_one_series_and_never_certain() -> None:
    together = dict.fromkeys(CODES, STARTS["111"])
    panel = roll_out(4, -0.5, share=1.0, starts=together)
    row = record(effect_of(roll_out_of(starts=together), emergency_contacts=panel))
    assert row["design"] == "its"
    assert row["relative_lo95"] <= np.expm1(-0.5) <= row["relative_hi95"]
    assert row["verdict"] == "probably_works"
    assert row["n_comparison"] == 0


def test_different_starts_without_a_comparison_are_refused() -> None:
    found = effect_of(roll_out_of(comparison="none"), emergency_contacts=roll_out(5, -0.5))
    assert (record(found)["verdict"], passed(found)["comparison"]) == ("cannot_say", "no")
    assert np.isnan(record(found)["relative"])


def test_a_start_after_the_data_is_refused() -> None:
    later = {"111": int(roll_out(6).months[-1]) + 3}
    found = effect_of(roll_out_of(starts=later), emergency_contacts=roll_out(6, starts=later))
    assert record(found)["verdict"] == "cannot_say"
    assert "not started" in found.tables["effect_checks"]["message"].iloc[0]


def test_enrolment_selected_on_use_shows_the_fall_that_would_have_come() -> None:
    made = cohort(1, n=20_000)
    found = effect_of(enrolment(), emergency_contacts=made)
    row = record(found)
    assert row["design"] == "cohort"
    assert row["crude_change"] < -0.25
    assert row["expected_change"] == pytest.approx(row["crude_change"], abs=0.06)
    assert row["verdict"] in ("cannot_say", "no_meaningful_effect")
    series = found.tables["effect_series"]
    assert sorted(series["arm"].unique()) == ["comparison", "treated"]
    assert set(series["since_start"]) == set(range(-4, 4))


def test_enrolment_without_comparison_is_refused_and_shows_both_changes() -> None:
    made = cohort(2, n=20_000)
    alone = replace(
        made,
        **{
            name: getattr(made, name)[made.enrolled]
            for name in (
                "person",
                "index_month",
                "events",
                "person_years",
                "before_events",
                "before_person_years",
            )
        },
        cell=made.cell[made.enrolled],
        covariates=made.covariates[made.enrolled],
        quarter_events=made.quarter_events[made.enrolled],
        quarter_person_years=made.quarter_person_years[made.enrolled],
        enrolled=made.enrolled[made.enrolled],
    )
    found = effect_of(enrolment(), emergency_contacts=alone)
    row = record(found)
    assert (row["design"], row["verdict"], row["evidence_level"]) == ("before_after", "cannot_say", "none")
    assert np.isnan(row["relative"])
    assert row["expected_change"] == pytest.approx(row["crude_change"], abs=0.03)
    message = json.loads(found.tables["effect_checks"].query("check == 'comparison'")["message"].iloc[0])
    assert message["values"]["chance_change_share"] == pytest.approx(row["expected_change"])


def test_too_few_enrolled_get_no_verdict() -> None:
    row = record(effect_of(enrolment(), emergency_contacts=cohort(3, n=300)))
    assert (row["design"], row["verdict"]) == ("before_after", "cannot_say")


def test_secondary_outcomes_are_judged_by_holm() -> None:
    found = effectiveness.evaluate(
        KNOWN.interventions["outreach_elderly"],
        Evidence(
            AS_OF,
            {
                "emergency_contacts": cohort(4, -0.5, n=20_000),
                "inpatient_contacts": cohort(5, -0.5, n=20_000),
                NEGATIVE_CONTROL: cohort(6, n=20_000),
            },
        ),
        QUICK,
        1,
    )
    rows = found.estimates.set_index("outcome")
    assert (rows["verdict"] == "works").all()
    assert (rows["evidence_level"] == "moderate").all()


def test_missing_evidence_says_why() -> None:
    found = effectiveness.evaluate(enrolment(), Evidence(AS_OF, {}, "Nobody was enrolled."), QUICK, 1)
    assert record(found)["verdict"] == "cannot_say"
    assert "Nobody was enrolled." in found.tables["effect_checks"]["message"].iloc[0]
    assert found.tables["effect_series"].empty


def test_every_slot_of_every_sentence_is_filled() -> None:
    evaluated = [
        effect_of(roll_out_of(), emergency_contacts=roll_out(1, -0.2), negative_control=roll_out(2)),
        effect_of(enrolment(), emergency_contacts=cohort(4, -0.5, n=20_000)),
    ]
    for found in evaluated:
        for message in found.tables["effect_checks"]["message"]:
            content = json.loads(message)
            assert content["message"].format(**content["values"])


def test_the_same_seed_gives_the_same_tables() -> None:
    once, again = (effect_of(roll_out_of(), emergency_contacts=roll_out(1, -0.2)) for _ in range(2))
    pd.testing.assert_frame_equal(once.estimates, again.estimates)
