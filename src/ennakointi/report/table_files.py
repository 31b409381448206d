"""The result tables of a release as files that other programs read, and the description of every column.

A spreadsheet takes a text that begins with `=`, `+`, `-` or `@` for a formula and runs it. Such texts get an apostrophe
before them (OWASP, CSV Injection); numbers stay as they are.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ennakointi.disclosure import EUROS_PER_BASE, SHARE_DIGITS, Preset
from ennakointi.result_tables import COUNT, ESTIMATE, EUROS, FACT, PERSONS, RESULT_TABLES, SHARE
from ennakointi.text import N_, Catalogue

NUMBERS = (PERSONS, COUNT, EUROS, ESTIMATE, SHARE, FACT)  # kinds of columns that hold numbers
TABLE_NAMES = {
    "service_debt": N_("Service debt by month"),
    "debt_summary": N_("Service debt, summary"),
    "debt_parts": N_("What became of the missing contacts"),
    "hidden_persons": N_("Persons whose need is not seen"),
    "queue_pressure": N_("Queues and their pressure"),
    "debt_clearance": N_("What clearing the debt takes"),
    "clearance_curve": N_("Chance of clearing the debt by added capacity"),
    "debt_views": N_("Staff's views beside the estimate from data"),
    "debt_equity": N_("How the debt is shared"),
    "debt_sensitivity": N_("The debt with other choices"),
    "debt_production": N_("Own and purchased production"),
    "debt_checks": N_("Checks of the service debt"),
    "effects": N_("Effects of interventions"),
    "effect_checks": N_("Checks of the effects"),
    "effect_series": N_("Treated and comparison by quarter"),
    "effect_time": N_("Effects by time since the start"),
    "effect_designs": N_("Designs of the effects and their use"),
    "cost_effectiveness": N_("Costs beside the effects"),
    "cost_curve": N_("Chance of a benefit by the worth of an improvement"),
    "cost_plane": N_("Draws of costs and effects"),
    "intervention_ranking": N_("Interventions beside each other"),
    "target_groups": N_("Target groups"),
    "group_overlap": N_("Overlap of the target groups"),
    "volumes": N_("Contacts by service and year"),
    "data_quality": N_("Quality of the data"),
    "trust": N_("Trust in the results"),
    "data_fields": N_("Data dictionary"),
    "volume_breaks": N_("Months in which a unit's contacts fall away"),
    "attrition": N_("Rows left out, step by step"),
    "reconciliation": N_("Totals beside published figures"),
    "quality_trend": N_("Quality of the data by quarter"),
    "deviation": N_("Deviation from the baseline"),
    "forecast": N_("Forecast of need by month"),
    "forecast_history": N_("Contacts by month before the forecast"),
    "forecast_scores": N_("Tests of the forecast on earlier months"),
    "forecast_ledger": N_("Earlier forecasts beside what took place"),
    "forecast_checks": N_("Checks of the forecast"),
    "demand_outlook": N_("Need by year"),
    "demand_drivers": N_("What changes the need"),
    "demand_resources": N_("What the need takes"),
    "indicators": N_("Headline figures by quarter"),
    "changes": N_("What changed since the last quarter"),
    "segments": N_("Sizes and costs of client segments"),
    "segment_residents": N_("Who is in the segments"),
    "segment_services": N_("What the segments use"),
    "segment_groups": N_("Target groups in the segments"),
    "segment_signs": N_("Waits, remote contacts and unmet need by segment"),
    "concentration": N_("How use and cost are concentrated"),
    "multi_service": N_("Readings of a multi-service client"),
    "segment_agreement": N_("How alike the segmentations are"),
    "segment_stability": N_("How reliable the segmentations are"),
    "class_choice": N_("Choice of the number of latent classes"),
    "class_items": N_("Answers in the latent classes"),
    "class_rules": N_("Latent classes as rules"),
    "segment_transitions": N_("Moves between segments"),
    "segment_movement": N_("How long persons stay in a segment"),
    "segment_projection": N_("Segments in the coming years"),
    "guidance": N_("Client guidance: the right place at once"),
    "segment_ranking": N_("Segments to look at first"),
    "need_models": N_("How good the predictions of need are"),
    "need_calibration": N_("Predicted and actual need by group"),
    "need_curve": N_("Curves of the predictions"),
    "need_importance": N_("What the predictions rest on"),
    "need_demand": N_("New need to come by area and group"),
    "early_identification": N_("Need that was known in time"),
    "need_checks": N_("Checks of the predictions"),
}


@dataclass(frozen=True)
class TableFile:
    """A published table: its name in `result_tables`, its address from the first page, and its rows."""

    name: str
    href: str
    rows: int


def write_tables(
    folder: Path, released: Mapping[str, pd.DataFrame], preset: Preset, synthetic: bool
) -> list[TableFile]:
    """Write `tables/*.csv` and their description `tables/tables.json`.

    Parameters
    ----------
    folder : Path
        Folder of the quarter's site.
    released : mapping of table name to DataFrame
        What `disclosure.release` gave. Missing cells are empty; decimal point, comma between columns, UTF-8, texts
        neutralised.
    preset : Preset
        The rule they were released by; it is written into the description.
    synthetic : bool
        Each row of synthetic data says so in a column `note`.
    """
    target = folder / "tables"
    target.mkdir(parents=True, exist_ok=True)
    files = []
    for name in sorted(released):
        (target / f"{name}.csv").write_text(csv(name, released[name], synthetic), encoding="utf-8")
        files.append(TableFile(name, f"tables/{name}.csv", len(released[name])))
    write_document(target / "tables.json", describe(files, preset, synthetic))
    return files


def csv(name: str, released: pd.DataFrame, synthetic: bool) -> str:
    """A released table as CSV; whole numbers without decimals, others with at most six digits."""
    frame = released.copy()
    numbers = RESULT_TABLES[name].of_kind(*NUMBERS)
    for column in frame:
        frame[column] = each(frame[column], _number if column in numbers else neutral)
    if synthetic:
        frame["note"] = Catalogue("fi").synthetic
    return frame.to_csv(index=False, lineterminator="\n")


_FORMULA = re.compile(r"(?:^|(?<=[;\t\r\n]))(?=[\s\u00a0\u200b\ufeff]*[=+\-@'＝＋－＠])|^(?=[\t\r\n])")
_PLAIN_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?([eE][+-]?\d+)?")
NEUTRALISED = (
    "where a text, or a part of it after ; or a line break, begins with = + - @, a tab, a line break or an apostrophe, "
    "one apostrophe stands before it, so that no spreadsheet runs it; a program takes it away. Numbers are untouched"
)


def neutral(value: object) -> object:
    """A text that no spreadsheet takes for a formula; numbers, also negative ones, and other values as they are."""
    if isinstance(value, str) and not _PLAIN_NUMBER.fullmatch(value):
        return _FORMULA.sub("'", value)
    return value


def each(cells: pd.Series, change: Callable[[object], object]) -> pd.Series:
    """A function of every cell, called once for each different value; what is missing is None."""
    codes, different = pd.factorize(cells)
    changed = np.array([*(change(value) for value in different), None], dtype=object)
    return pd.Series(changed[codes], index=cells.index)  # −1, missing, reads the last place


def _number(value: object) -> str:
    if not isinstance(value, int | float) or not math.isfinite(value):
        return "" if value is None or pd.isna(value) else str(value)  # type: ignore[call-overload]
    return str(int(value)) if value == int(value) else f"{value:.6g}"


def describe(files: Sequence[TableFile], preset: Preset, synthetic: bool) -> dict[str, Any]:
    """Every column of the published tables: its unit, its meaning and the rule it was released by."""
    rules = disclosure_rules(preset)
    tables = {}
    for file in files:
        columns = [
            {
                "name": column.name,
                "unit": column.unit,
                "meaning": column.meaning,
                "kind": column.kind,
                "disclosure": rules.get(column.kind, "as it is"),
            }
            for column in RESULT_TABLES[file.name].columns
        ]
        tables[file.name] = {
            "file": f"{file.name}.csv",
            "rows": file.rows,
            "columns": [*columns, _SUPPRESSED],
        }
    rule = {"preset": preset.name, "threshold_persons": preset.threshold, "base": preset.base}
    note = {"note": Catalogue("fi").synthetic} if synthetic else {}
    return {"disclosure": rule, "synthetic": synthetic, **note, "texts": NEUTRALISED, "tables": tables}


def disclosure_rules(preset: Preset) -> dict[str, str]:
    """What the door does with a column, by its kind; columns of other kinds leave as they are."""
    return {
        PERSONS: f"hidden below {preset.threshold} persons, rounded to {preset.base}",
        COUNT: f"hidden with its row, rounded to {preset.base}",
        ESTIMATE: f"hidden with its row, rounded to {preset.base}",
        EUROS: f"hidden with its row, rounded to {preset.base * EUROS_PER_BASE}",
        SHARE: f"hidden with its row, {SHARE_DIGITS} significant digits",
    }


_SUPPRESSED = {
    "name": "suppressed",
    "unit": "text",
    "meaning": "columns of the row that are hidden for privacy, separated by ;",
    "kind": "label",
    "disclosure": "as it is",
}


def write_document(path: Path, content: Mapping[str, Any]) -> None:
    """One JSON document in a fixed order."""
    text = json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8")
