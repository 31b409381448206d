"""Which features the data and the law allow: why one is missing, and from which quarter on another can be told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from ennakointi.features.reading import Span
from ennakointi.groups import DATA_MISSING, NO_LEGAL_BASIS, GroupIndex
from ennakointi.parameters import Parameters
from ennakointi.parameters.feature_documents import ALL, STATUS_WINDOWS
from ennakointi.rules.feature_conditions import WINDOWS
from ennakointi.rules.words import CONTROLLERS, COUNTY
from ennakointi.store import Store
from ennakointi.text import N_, message_json

NO_STATUS = N_("The data hold no rows with the status {status}.")
NOT_FORMED = N_("The target group was not formed in this run.")
NO_TIME = N_("The contacts carry no time of day.")
TOO_EARLY = N_("The data begin too late for the look-back.")
_TABLES = {
    "stays": ("bed_days", "stays"),
    "medicines": ("medicines", "medicine_cost_eur"),
    "requests": ("requests", "requests_redirected", "requests_unsolved"),
}
_COLUMNS = {
    ("contacts", "attendance"): ("no_shows",),
    ("contacts", "unit"): ("units",),
    ("contacts", "urgency"): (f"{ALL}_urgent",),
    ("medicines", "cost_eur"): ("medicine_cost_eur",),
    ("requests", "outcome"): ("requests_redirected", "requests_unsolved"),
}
_ONE_WINDOW = {
    ("contacts", "urgency"): ("urgent_share_12m",),
    ("contacts", "professional_id"): ("continuity_24m",),
    ("plans", "kind"): ("plan_24m",),
    ("referrals", "service"): ("waiting", "waiting_days"),
    ("persons", "language"): ("language",),
}


def controllers(store: Store, parameters: Parameters) -> frozenset[str]:
    """Whose statuses may be used: the county's, and others' with a legal basis; nobody stands behind synthetic rows."""
    return frozenset(CONTROLLERS if store.synthetic else (COUNTY, *parameters.legal_basis))


def missing(store: Store, index: GroupIndex | None, parameters: Parameters) -> dict[str, str]:
    """Why features are missing, as `text.message_json`; the others can be told."""
    found: dict[str, str] = {}
    for table, names in _TABLES.items():
        if table not in store.tables:
            _add(found, _over(names), table)
    for (table, column), names in _COLUMNS.items():
        if column not in store.columns(table):
            _add(found, _over(names), f"{table}.{column}")
    for (table, column), names in _ONE_WINDOW.items():
        if column not in store.columns(table):
            _add(found, names, table if table not in store.tables else f"{table}.{column}")
    for name, kind in parameters.features.counts.items():
        lacking = [column for column in kind.where if column not in store.columns("contacts")]
        if lacking:
            _add(found, _over((f"{ALL}_{name}",)), *(f"contacts.{column}" for column in lacking))
        elif kind.outside_hours is not None and not _timed(store):
            found |= dict.fromkeys(_over((f"{ALL}_{name}",)), message_json(NO_TIME, {}))
    if "diagnoses" not in store.tables and not {"diagnosis", "diagnosis_system"} <= store.columns("contacts"):
        _add(found, [*(f"condition_{name}" for name in parameters.features.conditions), "conditions"], "diagnoses")
    return found | _statuses(store, parameters, controllers(store, parameters)) | _groups(index, parameters)


def first_told(span: Span, first_month: int, parameters: Parameters) -> dict[str, int]:
    """The first told quarter (place) of each feature with a look-back: its whole window must lie in the data."""
    begins = -(-first_month // 3) - span.first  # the first whole quarter of the data
    widths = {f"_{months}m": months // 3 for months in WINDOWS}
    told = {suffix: begins + width - 1 for suffix, width in widths.items()}
    settings = parameters.features
    looks = {
        f"condition_{name}": begins + (group.within_months or 3) // 3 - 1 for name, group in settings.conditions.items()
    }
    chronic = [looks[f"condition_{name}"] for name in settings.chronic]
    return told | looks | ({"conditions": max(chronic)} if chronic else {})


def untold(name: str, first: Mapping[str, int]) -> int:
    """How many of the first told quarters a feature is missing in."""
    if name.startswith("status_") or name == "days_resident_12m":
        return 0
    suffix = next((end for end in first if end.startswith("_") and name.endswith(end)), "")
    return max(first.get(name, first.get(suffix, 0)), 0)


def group_quarters(index: GroupIndex | None, span: Span) -> dict[str, int]:
    """The first told quarter (place) of each target group."""
    if index is None:
        return {}
    return {f"group_{name}": month // 3 - span.first for name, month in index.available_from.items()}


def _timed(store: Store) -> bool:
    """Whether contacts carry times: where only days are delivered, every contact begins at midnight."""
    latest = store.frame("contacts").select(nw.col("started_minute").max()).collect("pyarrow").to_native()
    return bool(latest["started_minute"][0].as_py())


def _over(names: Iterable[str]) -> list[str]:
    return [f"{name}_{months}m" for name in names for months in WINDOWS]


def _add(found: dict[str, str], names: Iterable[str], *tables: str) -> None:
    for name in names:
        found.setdefault(name, message_json(DATA_MISSING, {"tables": ", ".join(tables)}))


def _statuses(store: Store, parameters: Parameters, allowed: frozenset[str]) -> dict[str, str]:
    settings = parameters.features
    held = _status_controllers(store)
    reasons: dict[str, str] = {}
    for code in settings.statuses:
        if "statuses" not in store.tables:
            reasons[code] = message_json(DATA_MISSING, {"tables": "statuses"})
        elif code not in held:
            reasons[code] = message_json(NO_STATUS, {"status": code})
        elif not held[code] & allowed:
            reasons[code] = message_json(NO_LEGAL_BASIS, {"controllers": ", ".join(sorted(held[code]))})
    found = {f"status_{code}": reason for code, reason in reasons.items()}
    found |= {f"status_{code}_{m}m": reason for code, reason in reasons.items() for m in STATUS_WINDOWS}
    benefits = [code for code in settings.benefit_statuses if code in reasons]
    if benefits and len(benefits) == len(settings.benefit_statuses):
        found["sectors_12m"] = reasons[benefits[0]]
    return found


def _status_controllers(store: Store) -> dict[str, set[str]]:
    """The registers that each status in the data comes from."""
    if "statuses" not in store.tables:
        return {}
    rows: Any = store.frame("statuses").select("status", "controller").unique().collect("pandas").to_native()
    statuses, registers = store.codes("statuses", "status"), store.codes("statuses", "controller")
    names: dict[str, set[str]] = {}
    for status, controller in zip(rows["status"], rows["controller"]):
        names.setdefault(statuses[int(status)], set()).add(
            COUNTY if np.isnan(controller) else registers[int(controller)]
        )
    return names


def _groups(index: GroupIndex | None, parameters: Parameters) -> dict[str, str]:
    known: Mapping[str, str] = {} if index is None else index.missing
    formed = () if index is None else index.ids
    unformed = [name for name in parameters.target_groups if name not in formed]
    return {f"group_{name}": known.get(name, message_json(NOT_FORMED, {})) for name in unformed}
