"""Unrounded tables of the quality of a made-up county's data, for tests of pages.

The service debt can be used with care (a unit's records break off), access is refused, costs lack their column; a
yearly total is 5 % under the published one, and fewer rows than the threshold were rejected of one table.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ennakointi.result_tables import RESULT_TABLES

CONTACTS = 4_310_220


def frame(table: str, rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows with every declared column; what is not given is absent."""
    return pd.DataFrame(rows).reindex(columns=list(RESULT_TABLES[table].names))


def of(table: str, *rows: tuple[Any, ...]) -> pd.DataFrame:
    """Rows given in the declared order of the columns; what is left out at the end is absent."""
    names = RESULT_TABLES[table].names
    return frame(table, [dict(zip(names, row, strict=False)) for row in rows])


def check(
    table: str,
    name: str,
    column: str = "",
    category: str = "conformance",
    severity: str = "warning",
    status: str = "failed",
    rows: float = CONTACTS,
    failed: float = np.nan,
    **more: Any,
) -> dict[str, Any]:
    """A row of `data_quality`; the limits are 100 rows and 1 %."""
    row = {"table": table, "check": name, "column": column, "category": category, "severity": severity}
    row |= {"status": status, "rows": rows, "failed": failed, "share": failed / rows}
    limits = {"limit_rows": 100, "limit_share": 0.01} if status in ("passed", "failed") else {}
    return {**row, **limits, "detail": "", "affects": "service_debt;effects", **more}


def checks() -> pd.DataFrame:
    complete, plausible = {"category": "completeness"}, {"category": "plausibility"}
    noted = {"severity": "info", "status": "info"}
    return frame(
        "data_quality",
        [
            check("persons", "accepted", rows=201_000, failed=0, **noted),
            check("contacts", "accepted", failed=862, **noted),
            check("contacts", "unknown_code", "service", failed=862, status="passed"),
            check("contacts", "extra_column", "remark", failed=np.nan, affects="", **noted),
            check("referrals", "missing_table", rows=np.nan, **complete, severity="info", status="not_computed"),
            check(
                "contacts",
                "missing_column",
                "cost_eur",
                **complete,
                severity="info",
                status="not_computed",
                affects="costs",
            ),
            check(
                "contacts",
                "assessment_stamp",
                "need_assessed_at",
                **complete,
                severity="error",
                rows=900_000,
                failed=612_000,
                affects="access",
            ),
            check("contacts", "duplicate_event", failed=3, status="passed", **plausible),
            check("stays", "overlapping_stays", rows=np.nan, status="not_computed", **plausible),
            check("contacts", "volume_break", rows=3_400, failed=44, **plausible, affects="service_debt;volumes"),
        ],
    )


def trust() -> pd.DataFrame:
    broken = "contacts.volume_break"
    return of(
        "trust",
        ("service_debt", "care", broken),
        ("effects", "usable", ""),
        ("target_groups", "usable", ""),
        ("volumes", "usable", ""),
        ("remote_share", "usable", ""),
        ("access", "refused", "contacts.assessment_stamp.need_assessed_at"),
        ("costs", "missing", "contacts.missing_column.cost_eur"),
    )


def volumes() -> pd.DataFrame:
    rows = [
        (service, str(year), 50_000 + 1_000 * year % 7, np.nan, share, persons)
        for service, share, persons in (
            ("primary_care", 0.91, 9000),
            ("mental_health", 1.0, 4000),
            ("outreach", 1.0, 3),
        )
        for year in (2023, 2024, 2025)
    ]
    return of("volumes", *rows)


def attrition() -> pd.DataFrame:
    """The contacts from 4,310,220 delivered rows to 3,900,000 counted ones; 3 bed stays were rejected."""
    steps = [
        ("contacts", "unreadable", "unreadable_line", 30),
        ("contacts", "rejected", "unknown_code", 832),
        ("contacts", "stored", "", 0),
        ("analysis", "not_attended", "no_show", 109_358),
        ("analysis", "without_client", "administrative", 200_000),
        ("analysis", "uncovered", "", 100_000),
        ("analysis", "counted", "", 0),
    ]
    rows, before = [], CONTACTS
    for place, (table, step, reason, left) in enumerate(steps):
        rows.append((table, step, reason, place, before, left, before - left))
        before -= left
    rows.append(("persons", "stored", "", 1, 201_000, 0, 201_000))
    rows.append(("stays", "rejected", "order", 1, 8_963, 3, 8_960))
    rows.append(("stays", "stored", "", 2, 8_960, 0, 8_960))
    return of("attrition", *rows)


def reconciliation() -> pd.DataFrame:
    figure = ("primary_care", "THL", "contacts")
    indicator = "primary_care_contacts"
    return of(
        "reconciliation",
        (indicator, "2023", *figure, 500_000, 498_000, 1.004, "agrees", "", 9000),
        (indicator, "2024", *figure, 475_000, 500_000, 0.95, "differs", "coverage;unexplained", 9000),
        (indicator, "2025", *figure, 300_000, 510_000, np.nan, "not_comparable", "part_of_year", 9000),
    )


def quality_tables() -> dict[str, pd.DataFrame]:
    """Every table of the page but those of the target groups."""
    fields = [
        ("contacts", "started_at", "timestamp", "yes", "yes", "Main user", CONTACTS, CONTACTS, 1.0),
        ("contacts", "cost_eur", "number", "no", "no", "Main user", CONTACTS, 0, 0.0),
        ("referrals", "received_on", "date", "yes", "no", "Person in charge"),
    ]
    return {
        "data_quality": checks(),
        "trust": trust(),
        "data_fields": of("data_fields", *fields),
        "volume_breaks": of(
            "volume_breaks",
            ("T101", "primary_care", "2024-03", "register", 20, 900, 20 / 900, "", 800),
            ("T102", "mental_health", "2020-04", "real", 300, 900, 300 / 900, "", 700),
            ("T103", "outreach", "2022-05", "unclear", 2, 30, 2 / 30, "", 3),
        ),
        "attrition": attrition(),
        "reconciliation": reconciliation(),
        "quality_trend": of(
            "quality_trend",
            ("2025Q2", "all", 80, 9, 0.0004, 0.011),
            ("2025Q3", "all", 84, 7, 0.0002, 0.008),
            ("2025Q3", "plausibility", 40, 5, np.nan, np.nan),
        ),
        "volumes": volumes(),
    }
