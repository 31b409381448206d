"""What the store's manifest tells of the data: rows accepted and rejected, what is missing, and what hangs on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from ennakointi.result_tables import RESULT_TABLES
from ennakointi.store import Store

AFFECTED = {
    "persons": ("service_debt", "effects", "target_groups", "volumes"),
    "contacts": ("service_debt", "effects", "target_groups", "volumes"),
    "diagnoses": ("target_groups",),
    "medicines": ("target_groups",),
    "measurements": ("target_groups",),
    "statuses": ("target_groups", "effects"),
    "referrals": ("service_debt", "target_groups"),
    "enrolments": ("effects",),
    "coverage": ("service_debt", "volumes"),
    "panel": ("deviation",),
}
_Row = dict[str, Any]


def assess(store: Store) -> pd.DataFrame:
    """The result table `data_quality` of a stored source.

    One row `accepted` per delivered table (rows delivered, rows rejected), one per rule that rows broke, per table or
    optional column that is missing, per ignored column, and per set of rows that lie after the as-of date.
    """
    rows = [row for table, about in store.manifest["tables"].items() for row in _of_table(table, about)]
    rows += [
        _finding(f["table"], f["rule"], f["column"], "warning", _read(store, f), f["rows"]) for f in _faults(store)
    ]
    rows += [_finding(table, "missing_table", None, "info", None, None) for table in store.manifest["missing_tables"]]
    names = list(RESULT_TABLES["data_quality"].names)
    return pd.DataFrame(rows, columns=names).sort_values(names[:3], ignore_index=True, na_position="first")


def _of_table(table: str, about: dict[str, Any]) -> Iterator[_Row]:
    yield _finding(table, "accepted", None, "info", about["read"], about["quarantined"])
    if about["after_as_of"]:
        yield _finding(table, "after_cut", None, "info", about["read"], about["after_as_of"])
    for column in about["missing_columns"]:
        yield _finding(table, "missing_column", column, "info", about["read"], None)
    for column in about["extra_columns"]:
        yield _finding(table, "extra_column", column, "info", about["read"], None)


def _faults(store: Store) -> list[dict[str, Any]]:
    return list(store.manifest["faults"])


def _read(store: Store, fault: dict[str, Any]) -> int:
    return int(store.manifest["tables"][fault["table"]]["read"])


def _finding(table: str, check: str, column: str | None, severity: str, rows: int | None, failed: int | None) -> _Row:
    return {
        "table": table,
        "check": check,
        "column": column or "",
        "severity": severity,
        "rows": rows,
        "failed": failed,
        "share": failed / rows if rows and failed is not None else None,
        "affects": ";".join(AFFECTED.get(table, ())),
    }
