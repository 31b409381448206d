"""Small unrounded tables of what became of a debt and of clearing it, one case of each situation a page must tell."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from page_tables import debt_row
from quality_tables import frame
from scipy.stats import norm

from ennakointi.text import message_json

EXPECTED, MISSING = 2_760_000.0, 110_400.0
PARTS = {  # value, half-width of the 80 % interval
    "substituted": (8_240.0, 400.0),
    "visible": (31_900.0, 7_300.0),
    "lost": (17_300.0, 6_000.0),
    "lost_died": (2_100.0, 600.0),
    "lost_moved": (1_300.0, 400.0),
    "lost_not_needed": (13_900.0, 5_800.0),
    "hidden": (39_200.0, 19_000.0),
    "unexplained": (13_760.0, 29_000.0),
}
CASES: dict[str, dict[str, tuple[float, float] | None]] = {
    "full": {},
    "negative": {"hidden": (66_000.0, 22_000.0), "unexplained": (-13_040.0, 29_000.0)},
    "shrunk": {"visible": (-9_000.0, 4_000.0), "unexplained": (54_660.0, 29_000.0)},
    "unsure": {"hidden": (9_000.0, 30_000.0), "unexplained": (43_960.0, 29_000.0)},
    "no_persons": {"hidden": None, "unexplained": None},
    "no_queue": {"visible": None, "hidden": None, "unexplained": None},
    "not_replaced": {"substituted": (0.0, 0.0), "unexplained": (22_000.0, 29_000.0)},
    "tiny": {"substituted": (60.0, 20.0), "visible": (420.0, 180.0), "unexplained": (53_420.0, 29_000.0)},
}


def parted(case: str = "full", n_persons: float = 9_000) -> dict[str, pd.DataFrame]:
    """`debt_summary` and `debt_parts` of one group; `hidden_persons` where persons could not be followed."""
    parts = {**PARTS, **CASES[case]}
    replaced = (parts["substituted"] or (0.0, 0.0))[0]
    debt = MISSING - replaced
    known = {
        "expected": (EXPECTED, 33_000.0),
        "observed": (EXPECTED - MISSING, np.nan),
        "debt": (debt, 33_000.0),
        **{name: part for name, part in parts.items() if part is not None},
    }
    key = {"target_group": "all", "service": "all", "month": "2021-12", "debt_kind": "mixed", "n_persons": n_persons}
    rows = [
        {**key, "part": part, "value": value, "lo80": value - half, "hi80": value + half}
        for part, (value, half) in known.items()
    ]
    told = {name: known.get(name, (np.nan, 0.0))[0] for name in ("visible", "lost", "hidden", "unexplained")}
    told |= {"debt_lo80": debt - 33_000.0, "debt_hi80": debt + 33_000.0, "n_persons": n_persons}
    summary = debt_row("all", "all", debt, share=debt / EXPECTED, **told)
    reason = message_json("There are fewer than 12 contacts in the baseline.", {})
    refused = {"target_group": "all", "service": "all", "municipality": "all", "status": "refused", "reason": reason}
    tables = {"debt_summary": frame("debt_summary", [summary]), "debt_parts": frame("debt_parts", rows)}
    return tables if parts["hidden"] else {**tables, "hidden_persons": frame("hidden_persons", [refused])}


SCENARIOS = {"return_30": 0.3, "return_50": 0.5, "return_80": 0.8}
DATES = {"2026-12": 1.0, "2027-12": 0.55, "2028-12": 0.4}  # × the capacity of the first
NEEDED = {"return_30": 180.0, "return_50": 262.0, "return_80": 391.0}  # contacts a month by the first date


def clearance(service: str, scenario: str, date: str, size: float = 1.0, **changes: Any) -> dict[str, Any]:
    """A row of `debt_clearance`: capacity that grows with the share, euros and person-years of it."""
    needed = NEEDED.get(scenario, NEEDED["return_50"]) * DATES[date] * size
    row = {
        "target_group": "all",
        "service": service,
        "scenario": scenario,
        "target_date": date,
        "return_share": SCENARIOS.get(scenario, 0.5),
        "to_clear": 15.0 * needed / DATES[date],
        "capacity_added_per_month": 0.0 if scenario in SCENARIOS else 140.0 * size,
        "probability_cleared": 0.04,
        "status": "never_at_present_capacity",
        "reason": "",
        "capacity_for_80pct": needed,
        "cost_eur": 12 * 102 * needed,
        "fte": needed * 12 / 1_210,
        "cleared_month": "",
        "cleared_lo80": "",
        "cleared_hi80": "",
        "n_persons": 9_000,
    }
    return {**row, **changes}


def curve(points: int = 13) -> list[dict[str, Any]]:
    """`clearance_curve`: chances that reach 80 % at the capacities of `NEEDED`."""
    most = 2 * NEEDED["return_50"]
    key = {"target_group": "all", "service": "all", "target_date": "2026-12", "n_persons": 9_000}
    return [
        {
            **key,
            "scenario": scenario,
            "step": step,
            "capacity_added_per_month": (capacity := most * step / (points - 1)),
            "probability_cleared": norm.cdf((capacity - NEEDED[scenario]) / (0.22 * NEEDED[scenario]) + norm.ppf(0.8)),
        }
        for scenario in SCENARIOS
        for step in range(points)
    ]


def cleared(case: str = "full") -> dict[str, pd.DataFrame]:
    """`debt_clearance` and `clearance_curve` of one group."""
    changes: dict[str, dict[str, Any]] = {
        "possible": {"status": "possible", "probability_cleared": 0.31},
        "cleared": {"status": "cleared", "capacity_for_80pct": 0.0, "to_clear": 0.0, "cost_eur": 0.0, "fte": 0.0},
        "enough": {
            "status": "possible",
            "probability_cleared": 0.91,
            "capacity_for_80pct": 0.0,
            "cost_eur": 0.0,
            "fte": 0.0,
        },
        "unclear": {"status": "unclear", "probability_cleared": 0.31},
        "impossible": {"capacity_for_80pct": np.nan, "cost_eur": np.nan, "fte": np.nan},
        "small": {"n_persons": 3},
    }
    own = changes.get(case, {})
    rows = [clearance("all", scenario, date, **own) for scenario in SCENARIOS for date in DATES]
    planned = {"probability_cleared": 0.42, "cleared_month": "2027-02", "cleared_lo80": "2026-05"}
    rows += [clearance("all", "five_per_cent", date, **{**planned, **own}) for date in DATES]
    for service, size in {"primary_care": 0.6, "mental_health": 0.3}.items():
        rows += [clearance(service, scenario, date, size, **own) for scenario in SCENARIOS for date in DATES]
    rows += [clearance("primary_care", "five_per_cent", date, 0.6, **{**planned, **own}) for date in DATES]
    refused = {"status": "refused", "reason": message_json("There are fewer than 12 contacts in the baseline.", {})}
    rows += [
        {
            "target_group": "all",
            "service": "specialised_outpatient",
            "scenario": scenario,
            "target_date": date,
            **refused,
        }
        for scenario in SCENARIOS
        for date in DATES
    ]
    points = [{**point, "n_persons": own.get("n_persons", 9_000)} for point in curve()]
    return {"debt_clearance": frame("debt_clearance", rows), "clearance_curve": frame("clearance_curve", points)}
