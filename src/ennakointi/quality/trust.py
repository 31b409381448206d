"""Which results may be believed: what failed, what is missing, and what that means for each of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

from ennakointi.parameters.quality_documents import QualitySettings
from ennakointi.quality.contract import Finding
from ennakointi.result_tables import RESULT_TABLES
from ennakointi.schema import AGGREGATE_TABLE

USABLE, CARE, REFUSED, MISSING = "usable", "care", "refused", "missing"


def table(found: Iterable[Finding], manifest: Mapping[str, Any], settings: QualitySettings) -> pd.DataFrame:
    """The result table `trust`: one row per result of quality.yml.

    A result is missing when a table or column that it needs is; refused when an error-severity check that affects
    it failed; usable with care when a warning failed; else usable. A source with persons has no row for what only
    counts by area give, and one of counts only has none for what needs persons.
    """
    failed = [one for one in found if one.status == "failed"]
    of_counts = not manifest["tables"].get("persons", {"stored": 0})["stored"]
    rows = [
        (result, *_level(result, needs, failed, manifest))
        for result, needs in settings.results.items()
        if of_counts == (AGGREGATE_TABLE in needs)
    ]
    return pd.DataFrame(rows, columns=list(RESULT_TABLES["trust"].names))


def _level(result: str, needs: Iterable[str], failed: list[Finding], manifest: Mapping[str, Any]) -> tuple[str, str]:
    lacking = list(_lacking(needs, manifest))
    refusing = [one.place for one in failed if one.severity == "error" and result in one.affects]
    doubted = [
        one.place
        for one in failed
        if (one.severity == "warning" and result in one.affects) or (one.severity == "error" and result in one.care)
    ]
    for level, reasons in ((MISSING, lacking), (REFUSED, refusing), (CARE, doubted)):
        if reasons:
            return level, ";".join(dict.fromkeys(reasons))
    return USABLE, ""


def _lacking(needs: Iterable[str], manifest: Mapping[str, Any]) -> Iterator[str]:
    """Reasons for what is needed and not there: `table.missing_table` or `table.missing_column.column`."""
    for need in needs:
        name, _, column = need.partition(".")
        about = manifest["tables"].get(name, {"stored": 0})
        if not about["stored"]:
            yield f"{name}.missing_table"
        elif column and column not in about["columns"]:
            yield f"{name}.missing_column.{column}"
