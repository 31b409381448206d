"""Small unrounded result tables for tests of pages, and the released ones that pages may see.

The made-up county has: a normal debt (`all`), a group under the threshold (`small`), a group defined by use
(`heavy_users`), a group that cannot be told (`unknown`), a refused service, and one intervention per verdict.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from debt_part_tables import part_tables
from effect_tables import VERDICTS, effect_tables
from quality_tables import frame, quality_tables

from ennakointi import disclosure
from ennakointi.pages.context import Break, InterventionFacts, PageContext
from ennakointi.parameters.documents import Preset
from ennakointi.periods import Quarter, month_text, parse_month
from ennakointi.text import Catalogue, message_json

THL5 = Preset(name="thl5", threshold=5, base=10)
LABELS = {
    "fi": {
        "target_group": {"all": "Koko väestö", "older_people": "Ikääntyneet", "small": "Pieni ryhmä"},
        "service": {
            "primary_care": "Avosairaanhoito",
            "mental_health": "Mielenterveyspalvelut",
            "specialised_outpatient": "Erikoissairaanhoidon avohoito",
        },
        "intervention": {"team_model": "Moniammatillinen tiimimalli", "coaching": "Valmennus"},
        "outcome": {
            "emergency_contacts": "Päivystyskäynnit",
            "primary_care_contacts": "Avosairaanhoidon käynnit",
        },
        "area": {"county:09": "Päijät-Häme", "398": "Lahti", "576": "Padasjoki"},
        "scenario": {"digital_shift": "Digitaalinen ensikontakti"},
        "measure": {"purchases": "Lääkeostot"},
        "expert_view": {"head_nurse": "Osastonhoitaja"},
        "capacity_plan": {"five_per_cent": "Viisi prosenttia lisää"},
    },
    "sv": {"target_group": {"all": "Hela befolkningen"}, "outcome": {"emergency_contacts": "Jourbesök"}},
    "en": {"target_group": {"all": "All residents"}, "outcome": {"emergency_contacts": "Emergency contacts"}},
}


def context(language: str = "fi", **changes: Any) -> PageContext:
    """A context with labels in the language; services without a label show their code."""
    labels = {kind: {**LABELS["fi"][kind], **LABELS[language].get(kind, {})} for kind in LABELS["fi"]}
    settings: dict[str, Any] = {
        "catalogue": Catalogue(language),
        "quarter": Quarter(2025, 3),
        "as_of": date(2025, 9, 30),
        "region": "Päijät-Häme",
        "labels": labels,
        "breaks": (
            Break("2021-01", "Iitti", groups=frozenset({"older_people"})),
            Break("2023-01", "Hyvinvointialue aloittaa"),
        ),
        "links": {
            ("service_debt", "all"): "service_debt-all.html",
            ("service_debt", "older_people"): "service_debt-older_people.html",
            ("effectiveness", "all"): "effectiveness-all.html",
            ("data_quality", ""): "data_quality.html",
        },
        "person_years_per_contact": {"primary_care": 20 / 60 / 1600, "mental_health": 50 / 60 / 1600},
        "unit_cost_eur": {"primary_care": 65, "mental_health": 120, "emergency_contacts": 250},
        "interventions": {
            name: InterventionFacts(
                selected_on="prior_use" if name == "coaching" else "nothing",
                decision_months=("2024-12", "2025-12") if name == "team_model" else ("2025-06",),
                description=(("Miksi", "Asia hoidetaan yhdellä yhteydenotolla."),),
            )
            for name in VERDICTS
        },
        "area": "county:09",
        "meanings": {"contacts.need_assessed_at": "Hoidon tarpeen arvioinnin aika", "contacts.cost_eur": "Kustannus"},
        "owners": {"contacts": "Potilastietojärjestelmän pääkäyttäjä"},
    }
    return PageContext(**{**settings, **changes})


def debt_row(target_group: str, service: str, size: float, share: float = 0.04, **changes: Any) -> dict[str, Any]:
    """A row of `debt_summary`: `size` contacts are missing, a `share` of those expected."""
    row = {
        "target_group": target_group,
        "service": service,
        "debt_kind": "care",
        "status": "debt",
        "reason": "",
        "until": "2021-12",
        "expected": size / share,
        "observed": size / share - 1.5 * size,
        "substituted": 0.5 * size,
        "debt": size,
        "debt_lo80": 0.7 * size,
        "debt_hi80": 1.3 * size,
        "debt_lo95": 0.5 * size,
        "debt_hi95": 1.5 * size,
        "debt_share": share,
        "debt_weeks": 3.83,
        "gross": 1.1 * size,
        "returned": 0.1 * size,
        "visible": 0.3 * size,
        "not_in_queue": 0.7 * size,
        "structural": 0.05 * size,
        "now": 0.8 * size,
        "now_lo80": 0.4 * size,
        "now_hi80": 1.2 * size,
        "cost_eur": 80 * size,
        "fte": size / 3000,
        "noise_share": 0.012,
        "covered_share": 0.93,
        "n_persons": 9000,
    }
    return {**row, **changes}


def refused_row(target_group: str, service: str, reason: str) -> dict[str, Any]:
    keys = {"target_group": target_group, "service": service, "debt_kind": "care"}
    return {**keys, "status": "refused", "reason": reason, "covered_share": 0.5}


def debt_series(target_group: str, size: float, persons: int = 9000) -> pd.DataFrame:
    """`service_debt` of all services: up to `size` by 2021-12, then slowly down."""
    months = list(range(parse_month("2019-01"), parse_month("2025-09") + 1))
    start, end = parse_month("2020-03"), parse_month("2021-12")
    rows = []
    for month in months:
        grown = np.clip((month - start + 1) / (end - start + 1), 0, 1) * size
        debt = grown - max(month - end, 0) * size / 200
        width = 0.3 * size * np.clip((month - start + 1) / (end - start + 1), 0.05, 1.5)
        period = "baseline" if month < start else "window" if month <= end else "after"
        cumulated = {
            "debt": debt,
            "debt_lo80": debt - width,
            "debt_hi80": debt + width,
            "debt_lo95": debt - 1.6 * width,
            "debt_hi95": debt + 1.6 * width,
            "debt_weeks": 3.83 * debt / size,
        }
        rows.append(
            {
                "target_group": target_group,
                "service": "all",
                "month": month_text(month),
                "debt_kind": "mixed",
                "period": period,
                "expected": 1.1 * size,
                "observed": 1.05 * size,
                "substituted": 0.0,
                "gap": 0.05 * size,
                **(cumulated if period != "baseline" else {}),
                "unit": "contacts",
                "covered_share": 0.93,
                "n_persons": persons,
            }
        )
    return frame("service_debt", rows)


def debt_tables() -> dict[str, pd.DataFrame]:
    reason = message_json("There are fewer than 12 contacts in the baseline.", {})
    summary = [
        debt_row("all", "all", 110_400, lost=20_000, hidden=40_000, unexplained=17_280),
        debt_row("all", "primary_care", 60_000, debt_weeks=2.1, own_weight=1.0),
        debt_row("all", "mental_health", 30_000, share=0.11, debt_weeks=7.4, visible=np.nan, own_weight=0.62),
        debt_row("all", "kind:care", 90_000),
        debt_row("all", "kind:service", 20_400, share=0.09),
        refused_row("all", "outreach", reason),
        debt_row("older_people", "all", 25_300, share=0.1, debt_weeks=9.6),
        debt_row("older_people", "primary_care", 9_000),
        debt_row("small", "all", 40, n_persons=3),
        refused_row("heavy_users", "all", ""),
    ]
    checks = [
        ("baseline", "yes", message_json("The baseline has {months} months.", {"months": 36})),
        (
            "noise",
            "not_checked",
            message_json("Whether the difference is larger than chance cannot be told.", {}),
        ),
    ]
    return {
        "debt_summary": frame("debt_summary", summary),
        "service_debt": pd.concat([debt_series("all", 110_400), debt_series("small", 40, persons=3)]),
        "debt_checks": frame(
            "debt_checks",
            [
                {"target_group": "all", "service": "all", "check": name, "passed": passed, "message": message}
                for name, passed, message in checks
            ],
        ),
        **part_tables(),
    }


def group_tables() -> dict[str, pd.DataFrame]:
    rows = [
        ("all", "", "", 201_000),
        ("older_people", "", "", 24_000),
        ("small", "", "", 3),
        ("heavy_users", "yes", "", 4_000),
        ("unknown", "", message_json("The baseline has {months} months.", {"months": 2}), np.nan),
    ]
    groups = [
        {
            "target_group": code,
            "available_from": "2018-01" if code != "unknown" else "",
            "endogenous": endogenous,
            "missing": missing,
            "n_persons": persons,
            "share": persons / 201_000,
            "residents": 201_000 if persons == persons else np.nan,
        }
        for code, endogenous, missing, persons in rows
    ]
    overlap = [
        {"target_group": "heavy_users", "other": "older_people", "n_persons": 1_400},
        {"target_group": "older_people", "other": "heavy_users", "n_persons": 1_400},
        {"target_group": "all", "other": "older_people", "n_persons": 24_000},
    ]
    return {"target_groups": frame("target_groups", groups), "group_overlap": frame("group_overlap", overlap)}


def deviation_tables() -> dict[str, pd.DataFrame]:
    """A weekly series with the peak of 2020-W12 and a missing holiday week."""
    weeks = pd.date_range("2019-12-30", periods=60, freq="7D")
    rows = []
    for number, monday in enumerate(weeks):
        observed = 20_000 + 400 * (number % 4) + (9_000 if monday == pd.Timestamp("2020-03-16") else 0)
        missing = monday == pd.Timestamp("2020-12-21")
        rows.append(
            {
                "area": "county:09",
                "target_group": "all",
                "service": "all",
                "measure": "purchases",
                "period_start": monday.date().isoformat(),
                "frequency": "W",
                "observed": np.nan if missing else observed,
                "expected": np.nan if missing else 20_600,
                "expected_lo80": np.nan if missing else 19_800,
                "expected_hi80": np.nan if missing else 21_400,
                "deviation_share": np.nan if missing else observed / 20_600 - 1,
            }
        )
    return {"deviation": frame("deviation", rows)}


def released(*parts: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The tables as they leave the door."""
    return disclosure.release({name: table for part in parts for name, table in part.items()}, THL5)


def everything() -> dict[str, pd.DataFrame]:
    """Every table but `deviation`, which belongs to aggregate sources."""
    return released(debt_tables(), group_tables(), effect_tables(), quality_tables())
