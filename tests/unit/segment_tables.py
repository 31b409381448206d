"""Small unrounded result tables of segments: a scheme of four segments of 40,000 residents, a proxy, and classes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from quality_tables import frame

from ennakointi.text import message_json

RECORD, PROXY = "kanta_hame", "suuntima"
SIZES = {"continuous": 2_400, "foreseeable": 6_600, "occasional": 19_000, "none": 12_000}  # gravest first
COSTS = {"continuous": 21_000, "foreseeable": 5_200, "occasional": 900, "none": 0}
CONTACTS = {"continuous": 48, "foreseeable": 14, "occasional": 4, "none": 0}
PROXY_SIZES = {"network": 1_500, "community": 3_500, "cooperation": 9_000, "self_acting": 26_000}
CLASSES = {"class_1": 3_000, "class_2": 14_000, "class_3": 23_000}
RESIDENTS = sum(SIZES.values())
LABELS = {
    "scheme": {RECORD: "Kanta-Hämeen malli", PROXY: "Suuntima"},
    "scheme_about": {RECORD: "Lähde: Kanta-Hämeen hyvinvointialue.", PROXY: "Lähde: Pirkanmaa."},
    "scheme_proxy": {PROXY: "Arjessa pärjääminen on päätelty rekisteristä."},
    "segment": {
        f"{RECORD}.continuous": "Jatkuvaa tai monialaista tukea tarvitsevat",
        f"{RECORD}.foreseeable": "Palvelutarve ennakoitavissa",
        f"{RECORD}.occasional": "Satunnaista tukea tarvitsevat",
        f"{RECORD}.none": "Ei palvelujen käyttöä",
        f"{PROXY}.network": "Verkostoasiakkuus",
        f"{PROXY}.community": "Yhteisöasiakkuus",
        f"{PROXY}.cooperation": "Yhteistyöasiakkuus",
        f"{PROXY}.self_acting": "Omatoimiasiakkuus",
    },
    "segment_about": {f"{RECORD}.continuous": "Tarvitsee apua monesta palvelusta tai joka viikko."},
    "measure": {"coordinator": "asiakasvastaava", "plan": "yhteinen suunnitelma"},
    "item": {"contacts": "Käynnit", "bed_days": "Hoitopäivät"},
    "answer": {"contacts.2": "10 tai enemmän"},
    "reading": {
        "M1": "Kustannus ylimmässä kymmenesosassa",
        "M2": "Vähintään neljä palvelua",
        "M3": "Sote ja työllisyys",
    },
}


def segment_tables() -> dict[str, pd.DataFrame]:
    """Every table of `result_tables.segments`, as the methods leave them."""
    return {**size_tables(), **profile_tables(), **class_tables(), **move_tables(), **guidance_tables()}


def _all(sizes: dict[str, int]) -> dict[str, int]:
    return {**sizes, "all": sum(sizes.values())}


def _total(numbers: dict[str, int], segment: str, sizes: dict[str, int]) -> float:
    """Of a segment, or of all: persons times the number of one."""
    own = {code: size * numbers.get(code, 3) for code, size in sizes.items()}
    return float(own.get(segment, sum(own.values())))


def size_row(
    scheme: str, segment: str, sizes: dict[str, int], quarter: str = "2025Q3", **changes: Any
) -> dict[str, Any]:
    everyone = sum(sizes.values())
    persons = _all(sizes)[segment]
    contacts, euros = (_total(one, segment, sizes) for one in (CONTACTS, COSTS))
    contacts_all, euros_all = (_total(one, "all", sizes) for one in (CONTACTS, COSTS))
    row = {
        "scheme": scheme,
        "segment": segment,
        "quarter": quarter,
        "persons": persons,
        "share": persons / everyone,
        "contacts": contacts,
        "cost_eur": euros,
        "contacts_per_person": contacts / persons,
        "cost_eur_per_person": euros / persons,
        "contact_share": contacts / contacts_all,
        "cost_share": euros / euros_all,
        "stability": np.nan,
        "residents": everyone,
        "contacts_all": contacts_all,
        "cost_eur_all": euros_all,
        "n_persons": persons,
    }
    return {**row, **changes}


def size_tables() -> dict[str, pd.DataFrame]:
    """Sizes over five quarters, concentration, readings, agreement."""
    grown = {f"{2024 + (2 + k) // 4}Q{(2 + k) % 4 + 1}": k * 20 for k in range(5)}
    sizes = [
        size_row(RECORD, code, {**SIZES, "continuous": SIZES["continuous"] - 80 + more}, quarter)
        for quarter, more in grown.items()
        for code in _all(SIZES)
    ]
    sizes += [size_row(PROXY, code, PROXY_SIZES) for code in _all(PROXY_SIZES)]
    sizes += [size_row("latent", code, CLASSES) for code in _all(CLASSES)]
    tops = {"1": (0.28, 0.09), "5": (0.55, 0.27), "10": (0.71, 0.41), "20": (0.85, 0.62), "50": (0.985, 0.93)}
    concentration = [
        {"measure": measure, "top_share": top, "share": share[k], "n_persons": RESIDENTS * float(top) / 100}
        for k, measure in enumerate(("cost_eur", "contacts"))
        for top, share in tops.items()
    ]
    concentration += [{"measure": "cost_eur", "top_share": "gini", "share": 0.81, "n_persons": RESIDENTS}]
    readings = {"none": 34_000, "M1": 3_100, "M1+M2": 600, "M1+M2+M3": 150, "M2": 1_400, "M3": 748, "M2+M3": 2}
    multi = [
        {"readings": code, "contacts": 40.0 * n, "cost_eur": 9_000.0 * n, "contacts_per_person": 40, "n_persons": n}
        for code, n in {**readings, "all": sum(readings.values())}.items()
    ]
    agreement = [
        {"scheme": RECORD, "other": PROXY, "adjusted_rand": 0.46},
        {"scheme": PROXY, "other": RECORD, "adjusted_rand": 0.46},
        {"scheme": RECORD, "other": "latent", "adjusted_rand": 0.83},
        {"scheme": PROXY, "other": "latent", "adjusted_rand": 0.2},
    ]
    return {
        "segments": frame("segments", sizes),
        "concentration": frame("concentration", concentration),
        "multi_service": frame("multi_service", multi),
        "segment_agreement": frame("segment_agreement", agreement),
    }


def profile_tables() -> dict[str, pd.DataFrame]:
    """Who is in the segments of the scheme of record, what they use, and the order to look at them."""
    parts = {
        "age_band": {"0-17": 0.1, "18-64": 0.3, "65-74": 0.25, "75+": 0.35},
        "sex": {"female": 0.56, "male": 0.44},
        "language": {"fi": 0.93, "sv": 0.0001, "other": 0.0699},
        "municipality": {"398": 0.6, "576": 0.4},
    }
    groups = {"older_people": (0.42, 10_000), "small": (0.3, 15_000)}
    services = {"primary_care": (0.8, 9.0), "mental_health": (0.3, 5.0), "specialised_outpatient": (0.55, 3.0)}
    signs = {
        "remote": (0.4, 3.2), "urgent": (0.22, 2.5), "bed_days": (0.12, 14.0), "waiting": (0.09, 84.0),
        "unmet_need": (0.18, np.nan), "plan": (0.11, np.nan), "no_contact": (0.0, np.nan),
        "multi_service": (0.24, np.nan),
    }  # fmt: skip
    told: dict[str, list[dict[str, Any]]] = {name: [] for name in ("residents", "services", "groups", "signs")}
    for code, persons in _all(SIZES).items():
        keys = {"scheme": RECORD, "segment": code, "segment_persons": persons}
        for dimension, values in parts.items():
            for value, share in {**values, "all": 1.0}.items():
                told["residents"].append(
                    {
                        **keys,
                        "dimension": dimension,
                        "value": value,
                        "share": share,
                        "n_persons": round(share * persons),
                    }
                )
        for service, (share, contacts) in services.items():
            users = {"n_persons": share * persons, "users_share": share, "contacts_per_person": contacts}
            told["services"].append(
                {**keys, "service": service, "contacts": contacts * persons, "cost_eur": 90 * persons, **users}
            )
        for group, (share, members) in groups.items():
            own = {"share_of_segment": share, "share_of_group": share * persons / members, "group_persons": members}
            told["groups"].append({**keys, "target_group": group, "n_persons": share * persons, **own})
        for sign, (share, each) in signs.items():
            share = {"none": 1.0, "all": 0.3}.get(code, share) if sign == "no_contact" else share
            own = {"amount": each * share * persons, "share": share, "per_person": each, "n_persons": share * persons}
            told["signs"].append({**keys, "sign": sign, **own})
    ranks = {
        "continuous": (1, 0.31, 21_000, 95, 6.3, "coordinator;plan"),
        "foreseeable": (2, 0.2, 5_200, 60, 1.4, "plan"),
        "occasional": (3, 0.06, 900, 30, 0.05, ""),
        "none": (4, 0.02, 0, 1, 0.0, ""),
    }
    ranking = [
        {
            "scheme": RECORD, "segment": code, "place": place, "unmet_share": unmet, "cost_eur_per_person": cost,
            "delay_days": days, "score": score, "measures": measures, "n_persons": SIZES[code],
        }
        for code, (place, unmet, cost, days, score, measures) in ranks.items()
    ]  # fmt: skip
    return {
        **{f"segment_{name}": frame(f"segment_{name}", found) for name, found in told.items()},
        "segment_ranking": frame("segment_ranking", ranking),
    }


def class_tables() -> dict[str, pd.DataFrame]:
    """Three latent classes, how their number was chosen, and cards of stability."""
    refused = message_json("There are fewer than 12 contacts in the baseline.", {})
    choice = [
        ("latent", "1", 4.1, -2.1, 1.0, "no", ""),
        ("latent", "3", 3.4, -1.8, 0.075, "yes", ""),
        ("latent", "4", 3.39, -1.81, 0.004, "no", refused),
        ("kmeans", "3", np.nan, np.nan, 0.1, "no", ""),
    ]
    columns = ("method", "classes", "bic", "held_out", "smallest_share", "chosen", "reason")
    items = [
        {
            "scheme": "latent",
            "segment": code,
            "item": item,
            "answer": answer,
            "probability": p,
            "n_persons": CLASSES[code],
        }
        for code in CLASSES
        for item in ("contacts", "bed_days")
        for answer, p in (("0", 0.2), ("1", 0.5), ("2", 0.3))
    ]
    rules = {
        "class_1": '[["contacts", 2, 2], ["bed_days", 1, 2]]',
        "class_2": '[["contacts", 1, 1]]',
        "class_3": "[]",
    }
    described = [
        {
            "scheme": "latent", "segment": code, "place": "1", "rule": rule, "purity": 0.9, "reach": 0.8,
            "n_persons": CLASSES[code],
        }
        for code, rule in rules.items()
    ]  # fmt: skip
    well = message_json("The baseline has {months} months.", {"months": 36})
    cards = [(RECORD, "kept_year", 0.86, np.nan, np.nan, np.nan, "yes", well),
             (RECORD, "smallest_share", 0.06, np.nan, np.nan, 0.01, "yes", ""),
             ("latent", "bootstrap_ari", 0.93, 0.9, 0.96, 0.8, "yes", well),
             ("latent", "fidelity", 0.91, np.nan, np.nan, 0.8, "yes", ""),
             ("latent", "psi", 0.27, np.nan, np.nan, 0.2, "no", refused)]  # fmt: skip
    measured = ("scheme", "measure", "value", "lo", "hi", "limit", "passed", "message")
    return {
        "class_choice": frame("class_choice", [dict(zip(columns, row, strict=True)) for row in choice]),
        "class_items": frame("class_items", items),
        "class_rules": frame("class_rules", described),
        "segment_stability": frame("segment_stability", [dict(zip(measured, row, strict=True)) for row in cards]),
    }


def move_tables() -> dict[str, pd.DataFrame]:
    """A year's moves between the four segments, how long one stays, and three years ahead."""
    shares = {
        "continuous": (0.78, 0.09, 0.04, 0.00125, 0.08, 0.00875),
        "foreseeable": (0.06, 0.72, 0.14, 0.03, 0.03, 0.02),
        "occasional": (0.01, 0.08, 0.7, 0.18, 0.005, 0.025),
        "none": (0.002, 0.01, 0.25, 0.7, 0.003, 0.035),
    }
    ways = [
        {
            "scheme": RECORD, "span": "year", "from": start, "to": to, "persons": round(share * SIZES[start]),
            "probability": share, "from_persons": SIZES[start], "n_persons": round(share * SIZES[start]),
        }
        for start, own in shares.items()
        for to, share in zip((*SIZES, "died", "moved"), own, strict=True)
    ]  # fmt: skip
    stays = {"continuous": (4.1, np.nan, 0.13), "foreseeable": (3.2, 0.06, 0.17), "occasional": (3.0, 0.09, 0.18),
             "none": (2.9, 0.26, np.nan)}  # fmt: skip
    movement = [
        {
            "scheme": RECORD, "segment": code, "same_after_year": shares[code][list(SIZES).index(code)],
            "stay_years": years, "heavier_share": up, "lighter_share": down, "n_persons": SIZES[code],
        }
        for code, (years, up, down) in stays.items()
    ]  # fmt: skip
    yearly = {"continuous": 0.03, "foreseeable": 0.02, "occasional": 0.001, "none": -0.015}
    ahead = []
    for code, growth in yearly.items():
        for k in range(4):
            persons = SIZES[code] * (1 + growth) ** k
            half = 0.01 * k * persons
            ahead.append(
                {
                    "scheme": RECORD, "segment": code, "year": str(2025 + k), "basis": "moves", "persons": persons,
                    "persons_lo80": persons - half, "persons_hi80": persons + half,
                    "contacts": CONTACTS[code] * persons, "cost_eur": COSTS[code] * persons, "n_persons": SIZES[code],
                }
            )  # fmt: skip
    return {
        "segment_transitions": frame("segment_transitions", ways),
        "segment_movement": frame("segment_movement", movement),
        "segment_projection": frame("segment_projection", ahead),
    }


def guidance_tables() -> dict[str, pd.DataFrame]:
    shares = {
        "right_place": 0.81,
        "redirected": 0.11,
        "solved_at_once": 0.44,
        "repeat_7": 0.06,
        "repeat_30": 0.17,
        "plan": 0.09,
    }
    rows = [
        {
            "indicator": code, "service": service, "quarter": quarter, "part": share * 4_000, "whole": 4_000,
            "share": share, "n_persons": 3_000,
        }
        for code, share in shares.items()
        for service in ("all", "primary_care", "mental_health")
        for quarter in ("2024Q3", "2025Q3")
    ]  # fmt: skip
    return {"guidance": frame("guidance", rows)}
