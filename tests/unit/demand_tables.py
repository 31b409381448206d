"""Unrounded tables of a made-up county's forecast of need, for tests of pages.

The need of all services is about 1,340,000 contacts in 2025, growing by ageing and held back by fewer people, healthier
ageing and two assumed scenarios. Two services are too small to be shown, together enough to hide no other, and a group.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from quality_tables import frame

from ennakointi.periods import month_text, parse_month
from ennakointi.text import message_json

FIRST, LAST, HORIZON = parse_month("2017-10"), parse_month("2025-09"), 24
QUANTILES = {
    0.025: -1.96, 0.05: -1.645, 0.1: -1.282, 0.2: -0.842, 0.3: -0.524, 0.4: -0.253, 0.5: 0.0,
    0.6: 0.253, 0.7: 0.524, 0.8: 0.842, 0.9: 1.282, 0.95: 1.645, 0.975: 1.96,
}  # fmt: skip
SERVICES = {  # contacts a month in 2025-09, growth a year, relative error of a month ahead
    "home_care": (41_000, 0.021, 0.012),
    "primary_care": (25_000, 0.004, 0.03),
    "specialised_outpatient": (18_500, 0.011, 0.025),
    "oral_health": (13_800, -0.006, 0.035),
    "mental_health": (9_100, 0.034, 0.03),
    "emergency": (4_400, -0.012, 0.04),
    "outreach": (6, 0.0, 0.4),
    "street_work": (6, 0.0, 0.4),
}
SHARES = {"398": 0.57, "111": 0.095, "098": 0.11, "560": 0.08, "016": 0.045, "142": 0.03, "081": 0.02, "576": 0.018}
GROWS = {"398": 0.004, "576": -0.011, "081": -0.014}  # a year, on top of the service's own
SEASON = (1.02, 0.99, 1.06, 1.0, 1.02, 0.97, 0.78, 0.98, 1.05, 1.07, 1.06, 1.0)
COVERED = "The forecast covers the areas of {covered_share} of residents."
DRIVERS = (  # factor, change, half of the 80 % interval
    ("population", -38_000, 14_000),
    ("ageing", 151_000, 17_000),
    ("healthy_ageing", -46_000, 21_000),
    ("trend", 60_000, 57_000),
    ("digital_shift", -52_000, 24_000),
    ("prevention", -21_000, 15_000),
    ("interaction", -6_000, 5_000),
)
ESTIMATED = tuple(part for part in DRIVERS if part[0] in ("population", "ageing", "trend", "interaction"))
BASE, SCENARIOS = "projection_2024", "projection_2024+healthy_ageing+digital_shift+prevention"


def level(service: str, month: int) -> float:
    """Contacts of a month without error."""
    size, growth, _ = SERVICES[service]
    dent = 0.72 if parse_month("2020-03") <= month <= parse_month("2021-04") else 1.0
    return size * SEASON[month % 12] * (1 + growth * (month - LAST) / 12) * dent


def history(target_group: str, share: float = 1.0, persons: int = 9_000) -> list[dict[str, Any]]:
    """Monthly contacts of every service and of all together, with the disruption marked, and of municipalities."""
    rng, rows = np.random.default_rng(4), []
    for month in range(FIRST, LAST + 1):
        disrupted = parse_month("2020-03") <= month <= parse_month("2021-04")
        counts = {
            s: share * level(s, month) * (1 + (0 if s == "street_work" else rng.normal(0, 0.02))) for s in SERVICES
        }
        for service, observed in {"all": sum(counts.values()), **counts}.items():
            places = {"all": 1.0} if service == "all" or month <= LAST - 12 else {"all": 1.0, **SHARES}
            rows += [
                {
                    "target_group": target_group,
                    "service": service,
                    "municipality": code,
                    "month": month_text(month),
                    "frequency": "M",
                    "period": "disrupted" if disrupted else "used",
                    "observed": observed * part,
                    "n_persons": _persons(service, code, persons),
                }
                for code, part in places.items()
            ]
    return rows


def _persons(service: str, code: str, persons: int) -> int:
    return 3 if service in ("outreach", "street_work") or (code == "576" and service == "mental_health") else persons


def ahead(target_group: str, share: float = 1.0, persons: int = 9_000) -> list[dict[str, Any]]:
    """Forecasts: 13 quantiles for the county, three for municipalities."""
    rows = []
    for step, month in enumerate(range(LAST + 1, LAST + 1 + HORIZON), 1):
        means = {s: share * level(s, month) for s in SERVICES}
        errors = {s: SERVICES[s][2] * (1 + step / 24) for s in SERVICES}
        for service, mean in {"all": sum(means.values()), **means}.items():
            error = 0.018 * (1 + step / 24) if service == "all" else errors[service]
            for code in ["all"] if service == "all" else ["all", *SHARES]:
                part = 1.0 if code == "all" else SHARES[code] * (1 + GROWS.get(code, 0.0) * (month - LAST) / 12)
                wider = error * (1.0 if code == "all" else 1.5)
                for quantile, z in QUANTILES.items():
                    if code == "all" or quantile in (0.1, 0.5, 0.9):
                        rows.append(
                            {
                                "target_group": target_group,
                                "service": service,
                                "municipality": code,
                                "month": month_text(month),
                                "frequency": "M",
                                "origin": month_text(LAST),
                                "quantile": quantile,
                                "value": max(0.0, mean * part * (1 + z * wider)),
                                "mean": mean * part,
                                "method": "theta" if service == "outreach" else "ensemble",
                                "n_persons": _persons(service, code, persons),
                            }
                        )
    return rows


def outlook(target_group: str, share: float = 1.0, persons: int = 9_000) -> list[dict[str, Any]]:
    """Years 2018–2040 of all services and of each, without and with the scenarios."""
    rows = []
    yearly = {s: 12 * size for s, (size, *_) in SERVICES.items()}
    for service, size in {"all": sum(yearly.values()), **yearly}.items():
        growth = 0.006 if service == "all" else SERVICES[service][1] * 0.5
        for year in range(2018, 2041):
            basis = "observed" if year < 2025 else "model" if year < 2028 else "demography"
            dent = {2020: 0.78, 2021: 0.9}.get(year, 1.0)
            for variant in [BASE] if basis == "observed" else [BASE, SCENARIOS]:
                lower = 0.0 if variant == BASE or year < 2027 else 0.0042 * (year - 2026)
                contacts = share * size * (1 + growth * (year - 2025) - lower) * dent
                half = 0.004 if year == 2025 else 0.016 + 0.0035 * (year - 2026)
                rows.append(
                    {
                        "target_group": target_group,
                        "service": service,
                        "year": year,
                        "variant": variant,
                        "basis": basis,
                        "contacts": contacts,
                        "lo80": np.nan if basis == "observed" else contacts * (1 - half),
                        "hi80": np.nan if basis == "observed" else contacts * (1 + half),
                        "n_persons": _persons(service, "all", persons),
                    }
                )
    return rows


def drivers(target_group: str, share: float = 1.0, persons: int = 9_000) -> list[dict[str, Any]]:
    """The waterfall without and with the scenarios."""
    return [
        row
        for variant, parts in ((BASE, ESTIMATED), (SCENARIOS, DRIVERS))
        for row in _bars(target_group, variant, parts, share, persons)
    ]


def _bars(
    target_group: str, variant: str, parts: tuple[tuple[str, int, int], ...], share: float, persons: int
) -> list[dict[str, Any]]:
    start = 12 * sum(size for size, *_ in SERVICES.values())
    end = start + sum(change for _, change, _ in parts)
    bars = [("start", start, np.nan), *parts, ("end", end, 72_000)]
    return [
        {
            "target_group": target_group,
            "service": "all",
            "variant": variant,
            "factor": factor,
            "place": place,
            "from_year": 2024,
            "to_year": 2040,
            "change": share * change,
            "lo80": share * (change - half),
            "hi80": share * (change + half),
            "n_persons": persons,
        }
        for place, (factor, change, half) in enumerate(bars)
    ]


def resources(target_group: str, share: float = 1.0, persons: int = 9_000) -> list[dict[str, Any]]:
    """Person-years, euros, rooms and beds by year of all services, and the work of home care, which grows most."""
    keys = {"target_group": target_group, "variant": BASE, "n_persons": persons}
    needs = {"fte": 612.0, "cost_eur": 118_400_000.0, "rooms": 402.0, "beds": 231.0}
    kinds = [("all", resource, amount, 0.006) for resource, amount in needs.items()]
    kinds += [("home_care", "fte", 190.0, 0.03), ("home_care", "cost_eur", 14_000_000.0, 0.03)]
    kinds += [("primary_care", "fte", 120.0, 0.004)]
    rows = []
    for service, resource, amount, growth in kinds:
        for year in range(2024, 2041):
            half = 0.0 if year == 2024 else 0.004 if year == 2025 else 0.016 + 0.0035 * (year - 2026)
            value = share * amount * (1 + growth * (year - 2025))
            ends = {"amount": value, "lo80": value * (1 - half), "hi80": value * (1 + half)}
            price = {"price_year": "2025" if resource == "cost_eur" else ""}
            rows.append({**keys, "service": service, "year": year, "resource": resource, **ends, **price})
    return rows


def scores(target_group: str, persons: int = 9_000) -> list[dict[str, Any]]:
    keys = {"target_group": target_group, "n_origins": 6, "n_persons": persons}
    errors = {"all": (0.61, 0.83), "primary_care": (0.72, 0.9), "home_care": (0.55, 0.98), "oral_health": (0.95, 0.91)}
    rows = []
    for service, (own, naive) in errors.items():
        tested = {"coverage80": 0.81, "coverage95": 0.94, "bias": 0.012}
        rows.append({**keys, "service": service, "model": "engine", "mase": own, "wql": own / 18, **tested})
        rows.append({**keys, "service": service, "model": "seasonal_naive", "mase": naive, "wql": naive / 15})
    return rows


def ledger(target_group: str, persons: int = 9_000) -> list[dict[str, Any]]:
    """The forecast of the quarter before, one quarter later: of six shown services five were inside at last."""
    inside = {"all": 3, "home_care": 3, "primary_care": 3, "specialised_outpatient": 3, "oral_health": 3}
    inside |= {"mental_health": 3, "emergency": 2, "outreach": 1}
    return [
        {
            "made": made,
            "target_group": target_group,
            "service": service,
            "months": months,
            "inside80": min(hits, months),
            "inside95": months,
            "inside80_latest": int(hits >= 3),
            "error_share": 0.013,
            "wql": 0.021,
            "naive_wql": 0.034,
            "n_persons": _persons(service, "all", persons),
        }
        for made, months in (("2025Q1", 6), ("2025Q2", 3))
        for service, hits in inside.items()
    ]


def checks(target_group: str) -> list[dict[str, Any]]:
    told = [
        ("all", "baseline", "yes", message_json("The baseline has {months} months.", {"months": 96})),
        ("all", "coverage", "yes", message_json(COVERED, {"covered_share": 1.0})),
        ("all", "below_all", "no", message_json("Data missing: {table}.", {"table": "x"})),
        ("outreach", "baseline", "not_checked", message_json("The baseline has {months} months.", {"months": 5})),
    ]
    return [
        {"target_group": target_group, "service": service, "check": name, "passed": passed, "message": message}
        for service, name, passed, message in told
    ]


def demand_tables() -> dict[str, pd.DataFrame]:
    """Everything of `all` and `older_people`; of `small` rows that may not be shown."""
    sizes = {"all": (1.0, 9_000), "older_people": (0.46, 5_000), "small": (0.0005, 3)}
    made: dict[str, list[dict[str, Any]]] = {}
    for group, (share, persons) in sizes.items():
        for name, rows in {
            "forecast": ahead(group, share, persons),
            "forecast_history": history(group, share, persons),
            "forecast_scores": scores(group, persons),
            "demand_outlook": outlook(group, share, persons),
            "demand_drivers": drivers(group, share, persons),
            "demand_resources": resources(group, share, persons),
            "forecast_ledger": ledger(group, persons),
            "forecast_checks": checks(group),
        }.items():
            made.setdefault(name, []).extend(rows)
    return {name: frame(name, rows) for name, rows in made.items()}
