"""Small unrounded tables of what became of a made-up debt, of its queues and of clearing it, for tests of pages.

All residents miss 110,400 contacts: 33,000 wait, 20,000 needs ended, 40,000 are hidden, the rest is unexplained. The
queue of mental health has no balance, and the persons of Padasjoki are too few to be shown.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from quality_tables import frame

from ennakointi.text import message_json

KEYS = {"target_group": "all", "service": "all", "n_persons": 9000}


def part_tables() -> dict[str, pd.DataFrame]:
    """Every table of the debt but `debt_summary`, `service_debt` and `debt_checks`."""
    return {
        "debt_parts": frame("debt_parts", parts(110_400, lost=20_000, hidden=40_000)),
        "hidden_persons": hidden_persons(),
        "queue_pressure": queue_pressure(),
        "debt_clearance": clearance(),
        "clearance_curve": clearance_curve(),
        "debt_views": views(),
        "debt_equity": equity(),
        "debt_sensitivity": sensitivity(),
        "debt_production": production(),
    }


def parts(size: float, lost: float, hidden: float, group: str = "all", persons: int = 9000) -> list[dict[str, Any]]:
    """`debt_parts` of all services at the end of the window; the parts add up."""
    values = {
        "expected": 25 * size,
        "observed": 23.5 * size,
        "substituted": 0.5 * size,
        "debt": size,
        "visible": 0.3 * size,
        "lost": lost,
        "lost_died": 0.1 * lost,
        "lost_moved": 0.2 * lost,
        "lost_not_needed": 0.7 * lost,
        "hidden": hidden,
        "unexplained": 0.7 * size - lost - hidden,
    }
    width = {name: 0.3 * abs(value) for name, value in values.items()} | {"expected": 0.3 * size, "observed": 0.0}
    return [
        {
            **KEYS,
            "target_group": group,
            "month": "2021-12",
            "debt_kind": "mixed",
            "part": part,
            "value": value,
            "lo80": value - width[part],
            "hi80": value + width[part],
            "lo95": value - 1.6 * width[part],
            "hi95": value + 1.6 * width[part],
            "n_persons": persons,
        }
        for part, value in values.items()
    ]


def hidden_persons() -> pd.DataFrame:
    absent = {
        ("all", "all"): 12_000,
        ("all", "398"): 7_000,
        ("all", "098"): 300,
        ("all", "576"): 60,
        ("mental_health", "all"): 4_000,
    }
    known = [
        {
            **KEYS,
            "service": service,
            "municipality": place,
            "month": "2021-12",
            "status": "estimated",
            "reason": "",
            "expected_users": 12 * size,
            "observed_users": 11 * size,
            "absent": size,
            "absent_lo80": 0.8 * size,
            "absent_hi80": 1.2 * size,
            "hidden": 0.5 * size,
            "hidden_lo80": 0.3 * size,
            "hidden_hi80": 0.7 * size,
            "n_persons": {"576": 4, "098": 500}.get(place, 9000),
        }
        for (service, place), size in absent.items()
    ]
    reason = message_json("There are fewer than 12 contacts in the baseline.", {})
    refused = {"service": "outreach", "municipality": "all", "month": "2021-12", "status": "refused", "reason": reason}
    return frame("hidden_persons", [*known, {**KEYS, **refused}])


def queue_pressure() -> pd.DataFrame:
    def queue(service: str, load: float, growth: float, growing: str, waiting: int = 1240) -> dict[str, Any]:
        return {
            **KEYS,
            "service": service,
            "status": "measured",
            "reason": "",
            "waiting": waiting,
            "received": (95 * load + 4) * 52,
            "started": 95 * 52,
            "left": 4 * 52,
            "staying": 95 * load * 52,
            "weeks": 52.0,
            "received_per_week": 95 * load + 4,
            "started_per_week": 95.0,
            "left_per_week": 4.0,
            "load": load,
            "mean_wait_weeks": 17.2,
            "limit_weeks": 13,
            "target_queue": 810,
            "relief_capacity": 112.0,
            "target_capacity": 97.0,
            "pressure": 2.6,
            "growth_per_month": growth,
            "growth_lo95": growth - 10,
            "growth_hi95": growth + 10,
            "growing": growing,
            "backtest_error_6": 0.08,
            "backtest_error_12": 0.14,
            "disagreement": 0.04,
            "disagreement_reason": "",
        }

    refused = {"service": "outreach", "status": "refused"}
    reason = message_json("There are fewer than 12 contacts in the baseline.", {})
    return frame(
        "queue_pressure",
        [
            queue("mental_health", 1.04, 22.0, "growing"),
            queue("specialised_outpatient", 0.93, -31.0, "shrinking"),
            queue("primary_care", 0.98, 3.0, "unclear", 620),
            {**KEYS, **refused, "reason": reason},
        ],
    )


def clearance(chance: float = 0.35, status: str = "possible") -> pd.DataFrame:
    rows = []
    for service, size, persons in (("all", 50_000, 9000), ("mental_health", 20_000, 9000)):
        for scenario, share in (("return_30", 0.3), ("return_50", 0.5), ("return_80", 0.8), ("five_per_cent", 0.5)):
            for number, date in enumerate(("2026-12", "2027-12", "2028-12")):
                needed = size * share / (15 + 12 * number)
                plan = scenario == "five_per_cent"
                rows.append(
                    {
                        **KEYS,
                        "service": service,
                        "scenario": scenario,
                        "target_date": date,
                        "return_share": share,
                        "to_clear": size * (0.4 + share),
                        "capacity_added_per_month": 0.8 * needed if plan else 0.0,
                        "probability_cleared": 0.6 if plan else chance,
                        "status": status,
                        "reason": "",
                        "capacity_for_80pct": needed,
                        "cost_eur": 960 * needed,
                        "fte": 0.004 * needed,
                        "cleared_month": "2027-05",
                        "cleared_lo80": "2026-08",
                        "cleared_hi80": "2029-01",
                        "n_persons": persons,
                    }
                )
    return frame("debt_clearance", rows)


def clearance_curve() -> pd.DataFrame:
    """Chances that rise from 0.2–0.4 to one along a logistic curve."""
    rows = []
    for scenario, middle in (("return_30", 900.0), ("return_50", 1400.0), ("return_80", 2100.0)):
        for step in range(13):
            added = 3300 * step / 12
            chance = 1 / (1 + np.exp(-(added - middle) / 350))
            keys = {"scenario": scenario, "target_date": "2026-12", "step": step}
            rows.append(KEYS | keys | {"capacity_added_per_month": added, "probability_cleared": chance})
    return frame("clearance_curve", rows)


def views() -> pd.DataFrame:
    data = {"source": "data", "role": "", "date": "", "value": 60_000, "lo80": 42_000, "hi80": 78_000, "weight": 2 / 3}
    head = {"source": "head_nurse", "role": "Head nurse", "date": "2022-03-15", "value": 110_000, "lo80": 90_000}
    head |= {"hi80": 140_000, "weight": 1 / 3, "disagreement": 0.88}
    pooled = {
        "source": "pooled",
        "role": "",
        "date": "",
        "value": 72_000,
        "lo80": 45_000,
        "hi80": 120_000,
        "weight": 1.0,
    }
    return frame("debt_views", [KEYS | {"service": "primary_care"} | row for row in (data, head, pooled)])


def equity(difference: float = 0.062) -> pd.DataFrame:
    """`older_people` lost `difference` more of their expected contacts than others did; Padasjoki most of the areas."""
    shares = {
        ("members", "members"): 0.038 + difference,
        ("members", "non_members"): 0.038,
        ("members", "difference"): difference,
        ("sex", "female"): 0.108,
        ("sex", "male"): 0.089,
        ("age", "65-74"): 0.07,
        ("age", "75-84"): 0.11,
        ("age", "85+"): 0.15,
        ("area", "398"): 0.08,
        ("area", "576"): 0.17,
    }
    return frame(
        "debt_equity",
        [
            {
                **KEYS,
                "target_group": "older_people",
                "axis": axis,
                "part": part,
                "expected": 253_000,
                "debt": 253_000 * share,
                "share": share,
                "share_lo80": share - 0.02,
                "share_hi80": share + 0.02,
                "per_1000": 9000 * share,
                "per_1000_lo80": 9000 * (share - 0.02),
                "per_1000_hi80": 9000 * (share + 0.02),
                "standardised_per_1000": 8000 * share,
                "standardised_lo80": 8000 * (share - 0.02),
                "standardised_hi80": 8000 * (share + 0.02),
            }
            for (axis, part), share in shares.items()
        ],
    )


def sensitivity() -> pd.DataFrame:
    debt = {
        "trend": {"record": 110_400, "none": 96_000, "linear": 131_000},
        "baseline_year": {"record": 110_400, "without_2017": 112_000, "without_2019": 104_000},
        "window": {"record": 110_400, "ends_2021-09": 99_000, "begins_2020-04": 106_000},
        "substitution": {"record": 60_000, "coefficient_0.5": 51_000},
        "lost": {"record": 90_000, "low": 100_000, "high": 78_000},
        "return": {"record": 56_000, "return_30": 47_000, "return_80": 68_000},
    }
    return frame(
        "debt_sensitivity",
        [
            {
                **KEYS,
                "choice": choice,
                "variant": variant,
                "value": value,
                "lo80": 0.7 * value,
                "hi80": 1.3 * value,
                "change": value - variants["record"],
                "moves_most": "yes"
                if choice == "trend"
                else ""
                if choice in ("substitution", "lost", "return")
                else "no",
            }
            for choice, variants in debt.items()
            for variant, value in variants.items()
        ],
    )


def production() -> pd.DataFrame:
    moved = message_json("The baseline has {months} months.", {"months": 36})
    rows = [
        ("all", "own", 110_000, 100_200, 104_000, 112_400, ""),
        ("all", "purchased", 14_100, 15_900, 17_800, 14_300, ""),
        ("primary_care", "own", 51_000, 46_400, 44_100, 52_000, moved),
        ("primary_care", "purchased", 2_100, 4_900, 6_300, 2_200, moved),
    ]
    names = ("service", "provider", "before", "window", "latest", "expected", "reason")
    supplied = {"purchased": "enough", "own": ""}
    return frame(
        "debt_production",
        [
            KEYS | dict(zip(names, row, strict=True)) | {"gap": row[5] - row[3], "suppliers": supplied[row[1]]}
            for row in rows
        ],
    )
