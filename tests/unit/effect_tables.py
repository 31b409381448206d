"""Small unrounded result tables of effects: one intervention per verdict, one of them with everything told of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from quality_tables import frame

from ennakointi.text import message_json

OUTCOME = "emergency_contacts"
VERDICTS = {
    "team_model": "probably_works",
    "outreach": "works",
    "coaching": "cannot_say",
    "walks": "no_meaningful_effect",
    "new_form": "probably_harmful",
    "pathway": "cannot_say",
}
GROUPS = {"outreach": "older_people"}
AREAS, PARTICIPANTS = "per 1,000 person-years", "per participant-year"


def keys(intervention: str, outcome: str = OUTCOME) -> dict[str, str]:
    return {"intervention": intervention, "outcome": outcome, "target_group": GROUPS.get(intervention, "all")}


def effect_row(intervention: str, verdict: str, estimate: float, half: float, **changes: Any) -> dict[str, Any]:
    """A row of `effects`: `estimate` ± `half` contacts per 100 person-years, of a level of 60."""
    row = {
        **keys(intervention),
        "design": "cohort",
        "record": "record",
        "role": "primary",
        "estimate": estimate,
        "lo95": estimate - half,
        "hi95": estimate + half,
        "relative": estimate / 60,
        "relative_lo95": (estimate - half) / 60,
        "relative_hi95": (estimate + half) / 60,
        "unit": "per 100 person-years",
        "p_value": 0.03,
        "p_adjusted": 0.03,
        "alpha": 0.05,
        "n_treated": 620,
        "n_comparison": 2400,
        "counted": "persons",
        "minimum_detectable_effect": 0.08,
        "smallest_important": 0.1,
        "verdict": verdict,
        "evidence_level": "moderate",
        "start": "2022-10",
        "registered": "5f0c1d2e9ab34c71",
        "n_persons": 3020,
    }
    return {**row, **changes}


def effects() -> list[dict[str, Any]]:
    areas = {"counted": "areas", "n_treated": 5, "n_comparison": 6}
    small = {"evidence_level": "none", "minimum_detectable_effect": 0.25, "n_persons": 200}
    other = {"outcome": "primary_care_contacts", "role": "secondary", "design": "did"}
    return [
        effect_row("team_model", "probably_works", -12, 7, design="did", **areas),
        effect_row("outreach", "works", -20, 6, evidence_level="strong"),
        effect_row("coaching", "cannot_say", -0.6, 9, evidence_level="none", crude_change=-0.34, expected_change=-0.33),
        effect_row("walks", "no_meaningful_effect", 0.2, 2),
        effect_row("new_form", "probably_harmful", 9, 4, evidence_level="weak"),
        effect_row("pathway", "cannot_say", -3, 14, **small),
        effect_row("team_model", "cannot_say", -1, 7, **other),
        effect_row("team_model", "", -13, 6, record="beside", design="did_all_areas", **areas),
        effect_row("team_model", "", -10, 9, record="beside", design="did_without_largest", **areas),
    ]


def series(intervention: str = "team_model", arms: Sequence[str] = ("comparison", "treated")) -> list[dict[str, Any]]:
    return [
        {
            **keys(intervention),
            "arm": arm,
            "since_start": quarter,
            "rate": 60 + 0.5 * quarter - (12 if arm == "treated" and quarter >= 0 else 0) + np.sin(quarter),
            "events": 1200.0,
            "n_persons": 800,
        }
        for arm in arms
        for quarter in range(-8, 6)
    ]


def over_time(intervention: str = "team_model", size: float = -0.2) -> list[dict[str, Any]]:
    """Effects by quarter since the start: none before it, growing to `size` after it."""
    found = []
    for quarter in range(-8, 6):
        value = 0.02 * np.sin(quarter) if quarter < 0 else size * min(1.0, 0.4 + 0.2 * quarter)
        half = 0.07 + 0.008 * abs(quarter)
        numbers = {"relative": value, "lo95": value - half, "hi95": value + half}
        found.append({**keys(intervention), "since_start": quarter, **numbers, "n_persons": 800})
    return found


def checks() -> list[dict[str, Any]]:
    made = [
        ("pre_trend", "yes", message_json("In the year before the start the areas developed alike.", {})),
        ("baseline", "no", message_json("The baseline has {months} months.", {"months": 24})),
        (
            "negative_control",
            "not_checked",
            message_json("There is no outcome that the intervention could not have changed.", {}),
        ),
    ]
    return [{**keys("team_model"), "check": name, "passed": passed, "message": said} for name, passed, said in made]


def designs() -> list[dict[str, Any]]:
    text = message_json("There are no data of the outcome.", {})
    found = (("its", "not_feasible"), ("did", "record"), ("synthetic_did", "beside"))
    return [{**keys("team_model"), "design": name, "role": role, "reason": text} for name, role in found]


def costs(intervention: str, unit: str, cost: float, effect: float, spread: float, **changes: Any) -> dict[str, Any]:
    """A row of `cost_effectiveness`; `spread` is the half-width of both intervals as a share of the effect."""
    half, worth = spread * abs(effect), 120.0
    row = {
        **keys(intervention),
        "cost_unit": unit,
        "delta_cost_eur": cost,
        "delta_cost_lo95": cost - 0.5 * abs(cost),
        "delta_cost_hi95": cost + 0.5 * abs(cost),
        "delta_effect": effect,
        "delta_effect_lo95": effect - half,
        "delta_effect_hi95": effect + half,
        "icer_eur": cost / effect if half < effect else np.nan,
        "lambda_eur": worth,
        "nmb_eur": worth * effect - cost,
        "nmb_lo95": worth * effect - cost - worth * half - 0.5 * abs(cost),
        "nmb_hi95": worth * effect - cost + worth * half + 0.5 * abs(cost),
        "probability_cost_effective": 0.86,
        "direct_cost_eur": 0.4 * abs(cost) + 200,
        "service_cost_eur": cost - 0.4 * abs(cost) - 200,
        "released_hours": 62.0,
        "quadrant_ne": 0.61,
        "quadrant_se": 0.36,
        "quadrant_sw": 0.01,
        "quadrant_nw": 0.02,
        "marginal_share": 0.3,
        "price_year": 2025,
        "discount_rate": 0.03,
        "n_persons": 3020,
    }
    return {**row, **changes}


def cost_rows() -> list[dict[str, Any]]:
    return [
        costs("team_model", AREAS, 2_100, 118, 0.6),
        costs("outreach", PARTICIPANTS, 30, 0.4, 0.3, released_hours=0.4, probability_cost_effective=0.995),
        costs("coaching", PARTICIPANTS, 310, 0.01, 12, probability_cost_effective=0.08),
    ]


def curve(row: dict[str, Any]) -> list[dict[str, Any]]:
    """Its `cost_curve` on a grid of worths."""
    found = []
    for worth in (0, 50, 100, 120, 200, 300, 500, 1000, 5000):
        at = {"lambda_eur": worth, "nmb_eur": worth * row["delta_effect"] - row["delta_cost_eur"]}
        half = worth * (row["delta_effect_hi95"] - row["delta_effect"]) + 0.5 * abs(row["delta_cost_eur"])
        at |= {"nmb_lo95": at["nmb_eur"] - half, "nmb_hi95": at["nmb_eur"] + half}
        at["probability_cost_effective"] = float(1 / (1 + np.exp(-3.4 * at["nmb_eur"] / half)))
        found.append({**keys(row["intervention"]), **at, "n_persons": row["n_persons"]})
    return found


def plane(row: dict[str, Any]) -> list[dict[str, Any]]:
    """Its `cost_plane`: 200 joint draws."""
    drawn = np.random.default_rng(1).multivariate_normal([0, 0], [[1, -0.5], [-0.5, 1]], 200) / 1.96
    effect = row["delta_effect"] + drawn[:, 0] * (row["delta_effect_hi95"] - row["delta_effect"])
    cost = row["delta_cost_eur"] + drawn[:, 1] * 0.5 * abs(row["delta_cost_eur"])
    own = {**keys(row["intervention"]), "n_persons": row["n_persons"]}
    return [
        {**own, "draw": number, "delta_cost_eur": cost[number], "delta_effect": effect[number]}
        for number in range(len(drawn))
    ]


def ranking() -> list[dict[str, Any]]:
    needed = [{"message": "There are no data of the outcome.", "values": {}}]
    net = {row["intervention"]: row for row in cost_rows()}
    rows = []
    order = ("outreach", "team_model", "new_form", "walks", "coaching", "pathway")
    first = {row["intervention"]: row for row in reversed(effects()) if row["record"] == "record"}
    first |= {row["intervention"]: row for row in effects() if row["role"] == "primary" and row["record"] == "record"}
    copied = ("verdict", "evidence_level", "p_value", "relative", "relative_lo95", "relative_hi95", "n_persons")
    for place, name in enumerate(order, 1):
        cost = {key: net[name][key] for key in ("cost_unit", "nmb_eur", "nmb_lo95", "nmb_hi95")} if name in net else {}
        own = {"intervention": name, "target_group": GROUPS.get(name, "all"), "rank": place, "p_bh": 0.04 * place}
        told = message_json_list(needed) if VERDICTS[name] == "cannot_say" else "[]"
        rows.append({**own, **{key: first[name][key] for key in copied}, **cost, "needed": told})
    return rows


def message_json_list(messages: Sequence[dict[str, Any]]) -> str:
    """Messages as the cell `needed` holds them."""
    return "[" + ", ".join(message_json(one["message"], one["values"]) for one in messages) + "]"


def effect_tables() -> dict[str, pd.DataFrame]:
    return {
        "effects": frame("effects", effects()),
        "effect_series": frame("effect_series", series()),
        "effect_time": frame("effect_time", over_time()),
        "effect_checks": frame("effect_checks", checks()),
        "effect_designs": frame("effect_designs", designs()),
        "cost_effectiveness": frame("cost_effectiveness", cost_rows()),
        "cost_curve": frame("cost_curve", curve(cost_rows()[0])),
        "cost_plane": frame("cost_plane", plane(cost_rows()[0])),
        "intervention_ranking": frame("intervention_ranking", ranking()),
    }
