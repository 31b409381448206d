"""What a unit recorded in a month, and what else tells that it worked: capacity, free appointments, referrals."""

from __future__ import annotations

import duckdb
import pandas as pd

from ennakointi.panel.production import BOUGHT
from ennakointi.schema import MODES, MODES_WITHOUT_CLIENT, PROVIDERS, TABLES
from ennakointi.store import Store

SUMS = ("rows", "persons", "duration_minutes", "profession", "guaranteed", "assessed", "met", "cost_eur", "bought")
VOLUMES = ("unit", "service", "month", *SUMS)
ACTIVITY = ("unit", "service", "month", "kind", "amount")
COVERAGE_FALLS = "coverage_falls"
_KINDS = {  # kind: (table, SQL of the amount)
    "fte": ("capacity", "sum(fte)"),
    "slots": ("capacity", "sum(slots)"),
    "appointments": ("slots", "count(*)"),
    "referrals": ("referrals", "count(*)"),
}


def unit_column(opened: Store) -> str | None:
    """The column that tells who gave a contact: `unit`, or `provider` where units are not recorded."""
    return next((c for c in ("unit", "provider") if c in opened.columns("contacts")), None)


def volumes_query(opened: Store) -> str:
    """SQL of `quality_volumes` for the view `contacts`, codes as places.

    `rows`, `persons` (distinct); rows with `duration_minutes` and `profession`; `met`: attended contacts with the
    client, of which `cost_eur` have a cost; `guaranteed`: non-urgent ones among them, of which `assessed` carry the
    time when the need was assessed; `bought`: rows of purchased and third-sector services.
    """
    unit = unit_column(opened) or "NULL"
    urgency = TABLES["contacts"]["urgency"].codes.index("non_urgent")
    attended = TABLES["contacts"]["attendance"].codes.index("attended")
    behind = ", ".join(str(MODES.index(mode)) for mode in MODES_WITHOUT_CLIENT)
    bought = ", ".join(str(PROVIDERS.index(name)) for name in BOUGHT)
    met = f"mode NOT IN ({behind}) AND coalesce(attendance, {attended}) = {attended}"
    due = f"urgency = {urgency} AND {met}"
    sums = ", ".join(f"sum({c})::BIGINT AS {name_of}" for name_of, c in zip(SUMS[2:], "dpgamcb", strict=True))
    return (
        f"SELECT unit, service, month, sum(n)::BIGINT AS rows, count(*) AS persons, {sums} FROM ("
        f"SELECT person, {unit} AS unit, service, month, count(*) AS n, count(duration_minutes) AS d, "
        f"count(profession) AS p, count(*) FILTER ({due}) AS g, count(need_assessed_day) FILTER ({due}) AS a, "
        f"count(*) FILTER ({met}) AS m, count(cost_eur) FILTER ({met}) AS c, "
        f"count(*) FILTER (provider IN ({bought})) AS b FROM contacts GROUP BY ALL) GROUP BY ALL"
    )


def decoded(opened: Store, parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Volumes of all buckets added up, with words for places; unit is empty where it is not recorded."""
    if not parts:
        return pd.DataFrame(columns=list(VOLUMES))
    keys = list(VOLUMES[:3])
    whole = pd.concat(parts, ignore_index=True)
    added = whole.groupby(keys, as_index=False, dropna=False, sort=True)[list(SUMS)].sum()
    return _worded(opened, "contacts", unit_column(opened) or "unit", added)


def of_store(opened: Store, connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Other traces of work by unit, service and month, and the months in which a municipality's coverage fell.

    Returns
    -------
    unit (empty for coverage), service, month, kind (fte, slots, appointments, referrals or coverage_falls), amount
    """
    parts = [_traced(opened, connection, kind) for kind in _KINDS]
    parts.append(_coverage(opened, connection))
    kept = [part for part in parts if len(part)]
    return pd.concat(kept, ignore_index=True) if kept else pd.DataFrame(columns=list(ACTIVITY))


def _traced(opened: Store, connection: duckdb.DuckDBPyConnection, kind: str) -> pd.DataFrame:
    table, amount = _KINDS[kind]
    if not {"unit", "service"} <= opened.columns(table) or (table == "capacity" and kind not in opened.columns(table)):
        return pd.DataFrame(columns=list(ACTIVITY))
    rows = opened.frame(table, connection=connection).to_native()
    query = (
        f"SELECT unit, service, month, {amount}::DOUBLE AS amount FROM rows WHERE unit IS NOT NULL GROUP BY ALL "
        "ORDER BY ALL"
    )
    return _worded(opened, table, "unit", rows.query("rows", query).df()).assign(kind=kind)[list(ACTIVITY)]


def _coverage(opened: Store, connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Municipalities whose coverage of a service is worse than the month before."""
    if "coverage" not in opened.tables:
        return pd.DataFrame(columns=list(ACTIVITY))
    query = (
        "SELECT NULL AS unit, service, month, sum((status > before)::INTEGER)::DOUBLE AS amount FROM (SELECT *, "
        "lag(status) OVER (PARTITION BY municipality, service, provider ORDER BY month) AS before FROM rows) "
        "WHERE status > before GROUP BY ALL ORDER BY ALL"
    )
    rows = opened.frame("coverage", connection=connection).to_native()
    found = _worded(opened, "coverage", "unit", rows.query("rows", query).df())
    return found.assign(kind=COVERAGE_FALLS)[list(ACTIVITY)]


def _worded(opened: Store, table: str, unit: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Words for the places in `unit` and `service`."""
    units = opened.codes(table, unit) if unit in TABLES[table].names else []
    services = opened.codes(table, "service")
    return frame.assign(
        unit=["" if pd.isna(place) else units[int(place)] for place in frame["unit"]],
        service=[services[int(place)] for place in frame["service"]],
    )
