"""Small unrounded tables of need to come: needs that are predicted well, fairly and not at all; small groups."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from quality_tables import frame

from ennakointi.text import message_json

NEEDS = {"home_care": 1230.0, "emergency": 2480.0, "psychiatric": 160.0, "multi_service": 610.0}
AUROC = {"home_care": 0.86, "emergency": 0.74, "psychiatric": 0.66, "multi_service": 0.81}
SLOPE = {"home_care": 1.02, "emergency": 0.83, "psychiatric": 1.3, "multi_service": 0.97}
SERVICES = {"home_care": "home_care", "emergency": "emergency", "psychiatric": "mental_health"}
PLACES = {"398": 0.6, "576": 0.05, "016": 0.0005, "081": 0.3495}
GROUPS = {"older_people": 0.7, "small": 0.002}
LABELS = {
    "need": {
        "home_care": "Kotihoidon alkaminen",
        "emergency": "Vähintään 3 päivystyskäyntiä",
        "psychiatric": "Psykiatrinen osastohoito",
        "multi_service": "Monipalveluasiakkuus",
        "placement": "Ympärivuorokautinen hoiva",
    },
    "need_about": {"home_care": "Asukas saa kotihoitoa ensimmäistä kertaa vuoteen."},
    "feature": {"contacts_physician": "Lääkärikäynnit"},
    "condition": {"dementia": "Muistisairaus", "asthma": "Astma"},
    "status": {"home_care": "Kotihoidon asiakas"},
}


def key(outcome: str, horizon: int = 12) -> dict[str, Any]:
    return {"outcome": outcome, "horizon_months": horizon}


def model_row(outcome: str, horizon: int = 12, model: str = "boosting", **changes: Any) -> dict[str, Any]:
    auroc, slope = AUROC[outcome], SLOPE[outcome]
    return {
        **key(outcome, horizon),
        "model": model,
        "of_record": "yes" if model == "boosting" else "no",
        "trained_on": "2023-09-30",
        "tested_on": "2024-09-30",
        "recalibrated": "yes",
        "events": NEEDS[outcome] * horizon / 12,
        "auroc": auroc,
        "auroc_lo95": auroc - 0.02,
        "auroc_hi95": auroc + 0.02,
        "auprc": 0.21,
        "brier": 0.02,
        "brier_skill": 0.12,
        "calibration_intercept": -0.03,
        "calibration_slope": slope,
        "slope_lo95": slope - 0.08,
        "slope_hi95": slope + 0.08,
        "died_share": 0.012,
        "reason": "",
        "at_risk": 195_000.0,
        "n_persons": NEEDS[outcome],
        **changes,
    }


def models() -> list[dict[str, Any]]:
    refused = message_json("The baseline has {months} months.", {"months": 7})
    return [
        *(
            model_row(code, horizon, model)
            for code in NEEDS
            for horizon in (3, 12)
            for model in ("boosting", "logistic")
        ),
        {**key("placement"), "model": "boosting", "of_record": "no", "reason": refused, "n_persons": 900.0},
    ]


def calibration_row(outcome: str, dimension: str, value: str, ratio: float, share: float = 0.2) -> dict[str, Any]:
    expected = NEEDS[outcome] * share
    return {
        **key(outcome),
        "model": "boosting",
        "dimension": dimension,
        "value": value,
        "observed": expected * ratio,
        "expected": expected,
        "ratio": ratio,
        "intercept": np.log(ratio),
        "slope": 1.0,
        "auroc": AUROC[outcome] - 0.02,
        "within": "yes" if abs(ratio - 1) < 0.1 else "no",
        "at_risk": 40_000.0,
        "n_persons": expected * ratio,
    }


def calibration() -> list[dict[str, Any]]:
    return [
        row
        for code in NEEDS
        for row in (
            calibration_row(code, "all", "all", 1.15 if code == "emergency" else 1.02, 1.0),
            calibration_row(code, "sex", "female", 1.03, 0.5),
            calibration_row(code, "sex", "male", 0.97, 0.5),
            calibration_row(code, "age_band", "75-79", 0.99),
            calibration_row(code, "language", "sv", 1.6 if code == "home_care" else 1.12),
            calibration_row(code, "target_group", "small", 1.0, 0.002),
            calibration_row(code, "municipality", "398", 0.7 if code == "home_care" else 1.0),
        )
    ]


def curves() -> list[dict[str, Any]]:
    found = []
    for code, size in NEEDS.items():
        base = size / 195_000
        risks = base * np.geomspace(0.1, 12, 8)
        thresholds = np.linspace(0.005, 0.3, 20)
        benefit = base * np.exp(-thresholds * 12) * (AUROC[code] - 0.65) * 4
        ages = np.linspace(18, 98, 9)
        drawn = (
            ("calibration", risks, risks * (1 + 0.1 * np.sin(np.arange(8)))),
            ("decision", thresholds, benefit),
            ("dependence:age", ages, base * np.exp((ages - 60) / 30)),
            ("dependence:condition_dementia", np.array([0.0, 1.0]), base * np.array([0.9, 4.0])),
        )
        found += [
            {
                **key(code),
                "model": "boosting",
                "curve": curve,
                "place": i,
                "x": a,
                "y": b,
                "n_persons": 900,
            }
            for curve, x, y in drawn
            for i, (a, b) in enumerate(zip(x, y, strict=True))
        ]
    return found


def importance() -> list[dict[str, Any]]:
    facts = {
        "age": 0.081,
        "condition_dementia": 0.022,
        "contacts_emergency_12m": 0.019,
        "contacts_physician_3m": 0.008,
        "group_older_people": 0.004,
        "waiting_days": 0.0,
    }
    return [
        {**key(code), "model": "boosting", "feature": name, "importance": value, "sd": 0.002}
        for code in NEEDS
        for name, value in facts.items()
    ]


def demand_row(outcome: str, horizon: int, group: str, place: str, size: float, **changes: Any) -> dict[str, Any]:
    half = 1.3 * np.sqrt(size) + 0.02 * size
    return {
        **key(outcome, horizon),
        "target_group": group,
        "service": "all",
        "municipality": place,
        "expected": size,
        "expected_lo80": size - half,
        "expected_hi80": size + half,
        "expected_lo90": size - 1.3 * half,
        "expected_hi90": size + 1.3 * half,
        "contacts": np.nan,
        "dependence": 0.0004,
        "n_persons": size,
        **changes,
    }


def demand() -> list[dict[str, Any]]:
    found = []
    for code, size in NEEDS.items():
        found += [demand_row(code, months, "all", "all", size * months / 12) for months in (3, 12)]
        found += [demand_row(code, 12, "all", place, share * size) for place, share in PLACES.items()]
        found += [demand_row(code, 12, group, "all", share * size) for group, share in GROUPS.items()]
        if code in SERVICES:
            found.append(demand_row(code, 12, "all", "all", size, service=SERVICES[code], contacts=21.0 * size))
    return found


def early_row(outcome: str, group: str, service: str, share: float, size: float) -> dict[str, Any]:
    return {
        **key(outcome),
        "target_group": group,
        "service": service,
        "known": share * size,
        "known_share": share,
        "known_of_at_risk": 0.4,
        "lead_days": 240.0,
        "with_need": size,
        "n_persons": min(share, 1 - share) * size,
    }


def early() -> list[dict[str, Any]]:
    shares = {"home_care": 0.62, "emergency": 0.81, "psychiatric": 0.38, "multi_service": 0.7}
    return [
        row
        for code, size in NEEDS.items()
        for row in (
            early_row(code, "all", "all", shares[code], size),
            early_row(code, "all", "primary_care", shares[code] - 0.1, size),
            early_row(code, "older_people", "all", shares[code] + 0.1, 0.7 * size),
            early_row(code, "small", "all", shares[code], 6.0),
        )
    ]


def checks() -> list[dict[str, Any]]:
    made = (
        ("baseline", "yes", message_json("The baseline has {months} months.", {"months": 36})),
        ("slope", "not_checked", message_json("Whether the difference is larger than chance cannot be told.", {})),
    )
    return [
        {**key(code), "check": name, "passed": passed, "message": said} for code in NEEDS for name, passed, said in made
    ]


def need_tables() -> dict[str, pd.DataFrame]:
    made = {
        "need_models": models(),
        "need_calibration": calibration(),
        "need_curve": curves(),
        "need_importance": importance(),
        "need_demand": demand(),
        "early_identification": early(),
        "need_checks": checks(),
    }
    return {name: frame(name, found) for name, found in made.items()}
