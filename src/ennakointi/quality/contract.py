"""What the store's manifest tells of the data: rows accepted and rejected, what is missing, what a mapping guessed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import pandas as pd

from ennakointi.parameters.quality_documents import Limits, QualitySettings
from ennakointi.schema import AGGREGATE_TABLE

_NAMED, _OFTEN = 5, 10  # codes named in a detail, each in at least this many rows


@dataclass(frozen=True)
class Finding:
    """One row of `data_quality`. `care`: results that stay usable, with care, when an error-severity check fails."""

    table: str
    check: str
    column: str
    category: str
    severity: str
    status: str
    rows: int | None = None
    failed: int | None = None
    limits: Limits | None = None
    detail: str = ""
    affects: tuple[str, ...] = ()
    care: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """`table.check` or `table.check.column`, as `trust` names its reasons."""
        return ".".join(filter(None, (self.table, self.check, self.column)))

    def row(self) -> dict[str, Any]:
        """The finding as the columns of the result table."""
        return {
            "table": self.table,
            "check": self.check,
            "column": self.column,
            "category": self.category,
            "severity": self.severity,
            "status": self.status,
            "rows": self.rows,
            "failed": self.failed,
            "share": self.failed / self.rows if self.rows and self.failed is not None else None,
            "limit_rows": self.limits.limit_rows if self.limits else None,
            "limit_share": self.limits.limit_share if self.limits else None,
            "detail": self.detail,
            "affects": ";".join((*self.affects, *self.care)),
        }


def commonest(counts: pd.Series) -> str:
    """`code rows` of the commonest codes, separated by `; `, rows to the nearest ten.

    A code in fewer than ten rows is not named: it may be a slip that tells of one person.
    """
    often = counts[counts >= _OFTEN].nlargest(_NAMED)
    return "; ".join(f"{code} {round(rows, -1)}" for code, rows in often.items())


def findings(manifest: Mapping[str, Any], settings: QualitySettings) -> Iterator[Finding]:
    """Findings of the contract's door and of the mapping.

    One `accepted` per delivered table (rows delivered, rows rejected), one per rule that rows broke, per table or
    optional column that is missing, per ignored column, per set of rows after the as-of date, per column with codes
    that the mapping does not know, and per value that it had to guess.
    """
    for table, about in manifest["tables"].items():
        yield from _of_table(table, about, settings)
    for fault in manifest["faults"]:
        rows = manifest["tables"][fault["table"]]["read"]
        yield _limited(fault["table"], fault["rule"], fault["column"] or "", rows, fault["rows"], "", settings)
    for table in _missing_tables(manifest):
        affects = settings.tables.get(table, ())
        yield Finding(table, "missing_table", "", "completeness", "info", "not_computed", affects=affects)
    yield from _mapped(manifest, settings)


def _missing_tables(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Tables that are not there; counts and persons stand for each other, one of them is enough."""
    for table in manifest["missing_tables"]:
        if table != AGGREGATE_TABLE or "persons" in manifest["missing_tables"]:
            yield table


def _of_table(table: str, about: Mapping[str, Any], settings: QualitySettings) -> Iterator[Finding]:
    affects = settings.tables.get(table, ())
    read = about["read"]
    yield Finding(table, "accepted", "", "conformance", "info", "info", read, about["quarantined"], affects=affects)
    if about["after_as_of"]:
        yield Finding(
            table, "after_cut", "", "completeness", "info", "info", read, about["after_as_of"], affects=affects
        )
    if about["stored"]:
        for column in about["missing_columns"]:
            yield Finding(
                table, "missing_column", column, "completeness", "info", "not_computed", read, affects=affects
            )
    for column in about["extra_columns"]:
        yield Finding(table, "extra_column", column, "conformance", "info", "info", read)


def _limited(
    table: str, check: str, column: str, rows: int, failed: int, detail: str, settings: QualitySettings
) -> Finding:
    limits = settings.contract
    status = limits.status(failed, rows)
    affects = settings.tables.get(table, ())
    return Finding(table, check, column, "conformance", limits.severity, status, rows, failed, limits, detail, affects)


def _mapped(manifest: Mapping[str, Any], settings: QualitySettings) -> Iterator[Finding]:
    """Codes that the mapping does not know, and values that it guessed: these refuse what its `limits` name."""
    unmapped = sorted(manifest.get("unmapped", ()), key=lambda one: (one["table"], one["column"], -one["rows"]))
    for (table, column), codes in groupby(unmapped, key=lambda one: (one["table"], one["column"])):
        of_column = pd.DataFrame(codes)
        counts = of_column.groupby("code")["rows"].sum()  # without those of codes that are not told
        rows, failed = manifest["tables"][table]["read"], int(of_column["rows"].sum())
        yield _limited(table, "unmapped_code", column, rows, failed, commonest(counts), settings)
    flagged = sorted(manifest.get("flagged", ()), key=lambda one: (one["place"], one["flag"]))
    for place, raised in groupby(flagged, key=lambda one: one["place"]):
        yield _guessed(manifest, place, list(raised))


def _guessed(manifest: Mapping[str, Any], place: str, flags: list[dict[str, Any]]) -> Finding:
    """Values of one column that the mapping guessed; `detail` names the flags."""
    table, _, column = place.partition(".")
    limits = tuple(dict.fromkeys(limit for one in flags for limit in one["limits"]))
    severity, status = ("error", "failed") if limits else ("info", "info")
    read = manifest["tables"].get(table, {"read": None})["read"]
    rows, named = sum(one["rows"] for one in flags), "; ".join(one["flag"] for one in flags)
    return Finding(
        table, "mapping_flag", column, "conformance", severity, status, read, rows, detail=named, affects=limits
    )
