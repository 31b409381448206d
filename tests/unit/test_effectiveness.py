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

from ennakointi import disclosure, effectiveness, parameters
from ennakointi.causal import rollout
from ennakointi.causal.areas import AreaPanel
from ennakointi.effectiveness import effect_checks, series_findings
from ennakointi.effectiveness.cohorts import Cohort
from ennakointi.effectiveness.evidence import NEGATIVE_CONTROL, Evidence
from ennakointi.parameters.effect_documents import EffectSettings, Intervention
from ennakointi.periods import month_index
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
    panel = roll_out(1, -0.2, share=1.0)
    found = effect_of(roll_out_of(), emergency_contacts=panel, negative_control=roll_out(99))
    assert set(found.tables) == {name for name in RESULT_TABLES if name.startswith(("effect", "cost_"))}
    for name, table in found.tables.items():
        assert tuple(table.columns) == RESULT_TABLES[name].names
        assert (len(table) > 0) == name.startswith("effect")  # the evidence holds no costs
    assert list(found.estimates["design"]) == ["did", "did_all_areas", "did_without_largest"]
    row = record(found)
    assert (row["counted"], row["n_treated"], row["start"]) == ("areas", 4, "2022-10")
    assert row["relative_lo95"] <= np.expm1(-0.2) <= row["relative_hi95"]
    assert row["verdict"] in ("works", "probably_works")
    assert row["registered"] == roll_out_of().registered
    assert passed(found)["negative_control"] == passed(found)["decision_date"] == "yes"
    assert set(found.settings) >= {"intervention", "registered", "seed", "permutations"}


def test_before_the_first_decision_month_there_is_no_verdict_and_earlier_looks_are_stricter() -> None:
    data = {"emergency_contacts": roll_out(1, -0.2, share=1.0)}
    agreed = {"early": (2025, 12), "first": (2025, 8), "last": (2024, 8)}
    found = {}
    for name, month in agreed.items():
        months = (month_index(*month), month_index(2026, 12)) if name != "last" else (month_index(*month),)
        found[name] = effect_of(roll_out_of(decision_months=months), **data)
    assert record(found["early"])["verdict"] == "cannot_say"
    assert passed(found["early"])["decision_date"] == "no"
    levels = {name: record(effect)["alpha"] for name, effect in found.items()}
    assert levels == pytest.approx({"early": 0.0, "first": 0.00305, "last": 0.05}, abs=2e-5)
    assert len({record(effect)["relative"] for effect in found.values()}) == 1


def test_the_effect_by_quarter_holds_the_planted_one_and_nothing_before_the_start() -> None:
    times = effect_of(roll_out_of(), emergency_contacts=roll_out(1, -0.2, share=1.0)).tables["effect_time"]
    after, before = (times[times["since_start"] >= 0], times[times["since_start"] < 0])
    assert ((after["lo95"] <= np.expm1(-0.2)) & (np.expm1(-0.2) <= after["hi95"])).all()
    assert ((before["lo95"] <= 0) & (before["hi95"] >= 0)).all()
    assert set(before["since_start"]) == set(range(-8, 0))


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
    panel = roll_out(10, -0.5, share=1.0, starts=together)
    found = effect_of(roll_out_of(starts=together), emergency_contacts=panel)
    row = record(found)
    assert row["design"] == "its"
    assert row["relative_lo95"] <= np.expm1(-0.5) <= row["relative_hi95"]
    assert row["verdict"] == "probably_works"
    assert row["n_comparison"] == 0
    assert passed(found)["placebo_date"] == "yes"
    assert set(found.estimates["design"]) == {"its", "bsts", "rdit"}


def test_different_starts_without_a_comparison_are_refused() -> None:
    found = effect_of(roll_out_of(comparison="none"), emergency_contacts=roll_out(5, -0.5))
    assert (record(found)["verdict"], passed(found)["comparison"]) == ("cannot_say", "no")
    assert np.isnan(record(found)["relative"])


def test_the_largest_area_alone_is_refused_and_says_why() -> None:
    alone = {"398": STARTS["111"]}
    found = effect_of(roll_out_of(starts=alone), emergency_contacts=roll_out(5, -0.5, share=1.0, starts=alone))
    assert (record(found)["design"], record(found)["verdict"]) == ("did", "cannot_say")
    assert "Only the largest area" in found.tables["effect_checks"]["message"].iloc[0]
    assert "record" not in set(found.tables["effect_designs"]["role"])


def test_a_single_series_holds_only_the_areas_that_have_started() -> None:
    later = int(roll_out(6).months[-1]) + 3
    panel = roll_out(6, starts={"111": STARTS["111"], "098": later})
    series = series_findings.one_series(panel, 24)
    assert series is not None
    assert series.areas == 1
    assert (series.counts == panel.counts[CODES.index("111")]).all()


def test_a_steady_trend_is_no_effect_to_the_series_with_a_drifting_level() -> None:
    together = dict.fromkeys(CODES, STARTS["111"])
    found = effect_of(roll_out_of(starts=together), emergency_contacts=roll_out(2, share=1.0, starts=together))
    rows = found.estimates.set_index("design")
    assert rows.loc["its", "relative_lo95"] <= rows.loc["bsts", "relative"] <= rows.loc["its", "relative_hi95"]
    assert passed(found)["alternative_estimator"] == "yes"


def test_the_largest_area_is_the_same_in_the_negative_control() -> None:
    """A control that lacks areas before it: its place there is another one."""
    control = roll_out(99, share=1.0)
    for _ in range(4):
        control = control.without(0)
    largest = control.areas.index("398")
    found = effect_of(roll_out_of(), emergency_contacts=roll_out(1, share=1.0), negative_control=control)
    direct = rollout.rollout_effect(control, QUICK.permutations, 1, largest)
    assert direct is not None
    assert passed(found)["negative_control"] == ("yes" if direct.effect.p_value > 0.05 else "no")


def test_a_look_that_may_not_decide_says_when_it_is_decided() -> None:
    one = roll_out_of(decision_months=(month_index(2025, 8), month_index(2026, 12)))
    found = effect_checks.decision(one, AS_OF, 0.0)
    assert (found.passed, found.values) == (False, {"decision_month": "2026-12"})
    assert effect_checks.decision(one, AS_OF, 0.003).passed


def test_a_rate_of_few_participants_is_hidden() -> None:
    """Eight hundred participants, two of whom have an event: the rate would tell of the two."""
    made = cohort(3, condition=False, at_least=0)
    few = np.flatnonzero(made.enrolled & (made.events > 0))[2:]
    made.events[few] = 0
    found = effect_of(enrolment(), emergency_contacts=made)
    assert record(found)["n_persons"] == 2
    released = disclosure.release(found.tables, KNOWN.disclosure.current)["effects"]
    assert released["relative"].isna().all()


def test_few_persons_in_the_year_before_hide_a_comparison_of_areas() -> None:
    """Four persons at most in a month of the last year before the start; the change from it would tell of them."""
    panel = roll_out(1, share=1.0)
    since = panel.months - panel.starts[:, None]
    panel.persons[:] = np.where((since >= -12) & (since < 0), 1.0, 50.0)
    found = effect_of(roll_out_of(), emergency_contacts=panel)
    assert record(found)["n_persons"] == record(found)["n_treated"] == 4
    assert disclosure.release(found.tables, KNOWN.disclosure.current)["effects"].loc[0, "suppressed"]
    panel.persons[:] = np.nan
    assert np.isnan(record(effect_of(roll_out_of(), emergency_contacts=panel))["n_persons"])


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
    rows = rows[rows["record"] == "record"]
    assert (rows["verdict"] == "works").all()
    assert (rows["evidence_level"] == "moderate").all()
    assert (rows["p_adjusted"] >= rows["p_value"]).all()


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
