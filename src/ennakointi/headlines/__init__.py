"""Headline figures of a quarter, what they are compared with, and why they changed since the last quarter.

Reads the unrounded results that other methods made, and what earlier quarters remembered; estimates nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ennakointi import __version__
from ennakointi.headlines import memory, splitting
from ennakointi.headlines.figures import CELLS, UNITS, Figure, Register, read
from ennakointi.headlines.memory import Told
from ennakointi.parameters import Parameters
from ennakointi.parameters.documents import Document
from ennakointi.parameters.indicator_documents import ExternalFigure, Indicator
from ennakointi.periods import Quarter
from ennakointi.result_tables import RESULT_TABLES
from ennakointi.store import Store
from ennakointi.text import message_json
from ennakointi.workspace import fingerprint

__all__ = ["Register", "Told", "given", "remember", "status", "tables", "told"]

OWN = "ennakointi"
SHAPING = (  # documents that change the figures of one and the same period; the others only judge or show them
    "breaks.yml",
    "debt.yml",
    "effects.yml",
    "forecast.yml",
    "interventions.yml",
    "panel.yml",
    "regions.yml",
    "scenarios.yml",
    "services.yml",
    "target_groups.yml",
)


def told(quarter: Quarter, register: Register, parameters: Parameters, results: Mapping[str, pd.DataFrame]) -> Told:
    """What a quarter tells.

    Parameters
    ----------
    results : unrounded result tables by name; a headline whose result is missing is left out
    """
    headlines, debt = parameters.indicators.headlines, parameters.debt
    digests = {name: digest[:16] for name, digest in parameters.digests.items() if name in SHAPING}
    digests |= {"mode": register.mode, "version": __version__}
    found = read(headlines, results, parameters.services, quarter, register)
    rows = [row for one in found for row in _rows(one, headlines[one.indicator], quarter, digests)]
    calendar = (debt.baseline_first, debt.baseline_last, debt.window_first, debt.window_last)
    months, need = memory.months(results), memory.need(results)
    return Told(quarter, register.source, calendar, tuple(found), tuple(rows), months, need, digests)


def given(opened: Store) -> pd.DataFrame | None:
    """The source's own table `indicators`: indicator, region, period, value, source; None without it."""
    if "indicators" not in opened.tables:
        return None
    rows: pd.DataFrame = opened.frame("indicators").collect("pandas").to_native()
    codes = {name: np.array(opened.codes("indicators", name)) for name in ("indicator", "region")}
    return rows.assign(**{name: known[rows[name].to_numpy(np.int64)] for name, known in codes.items()})


def remember(history: Path, now: Told, released: pd.DataFrame) -> None:
    """Keep what a quarter tells for later ones, for this user only; see `memory`.

    Parameters
    ----------
    released : `indicators` as published: later quarters repeat these numbers, and a figure that was hidden is not
        remembered, so that no later change tells it
    """
    shown = released[released["value"].notna() & (released["period"] == str(now.quarter)) & (released["source"] == OWN)]
    rows = shown[list(RESULT_TABLES["indicators"].names)].astype(object).to_dict("records")
    told = {(row["indicator"], row["target_group"]) for row in rows}
    figures = tuple(one for one in now.figures if (one.indicator, one.target_group) in told)
    kept = replace(now, figures=figures, rows=tuple({str(name): row[name] for name in row} for row in rows))
    if kept.figures:
        memory.remember(history, kept)


def tables(
    history: Path, now: Told, parameters: Parameters, external: pd.DataFrame | None, persons: float
) -> dict[str, pd.DataFrame]:
    """The result tables `indicators` (this quarter's figures, external ones, those that earlier quarters of the same
    source remembered) and `changes`, unrounded; one without rows is left out.

    Parameters
    ----------
    external : the source's table `indicators`: indicator, region, period, value, source; None without it
    persons : persons of the source, who stand behind external figures
    """
    earlier = memory.earlier(history, now.quarter)
    same = [one for one in earlier if one.source == now.source]
    rows = [dict(row) for one in (*same, now) for row in one.rows]
    rows += list(_external(external, parameters.indicators.external, persons))
    changes = [_change(one, now, same, earlier) for one in now.figures]
    return {name: _table(name, found) for name, found in (("indicators", rows), ("changes", changes)) if found}


def status(value: float, lo80: float, hi80: float, target: float | None, better: str) -> str:
    """met, not_met, unsure (the target is inside the 80 % interval, or none is known), not_measured or no_target.

    Hand check: 5 (3–8) with the target 4, less is better: unsure; with 9: met; with 2: not_met.
    """
    if target is None or not np.isfinite(target):
        return "no_target"
    if not np.isfinite(value):
        return "not_measured"
    if not (np.isfinite(lo80) and np.isfinite(hi80)):
        return "unsure"
    low, high = (lo80, hi80) if better == "less" else (-hi80, -lo80)
    limit = target if better == "less" else -target
    return "met" if high <= limit else "not_met" if low > limit else "unsure"


def _rows(
    figure: Figure, indicator: Indicator, quarter: Quarter, digests: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    """The rows of `indicators` of a figure: one for each of its targets, or one without a target."""
    wanted: dict[str, float | None] = {kind: float(target.value) for kind, target in indicator.targets.items()}
    values = {name: value for name, value in asdict(figure).items() if name != "kind"}
    for kind, target in (wanted or {"": None}).items():
        yield {
            **values,
            "period": str(quarter),
            "target_kind": kind,
            "unit": UNITS[figure.kind],
            "target": target,
            "better": indicator.better,
            "status": status(figure.value, figure.lo80, figure.hi80, target, indicator.better),
            "definition": _hash(indicator, digests),
            "cell": CELLS.get(figure.kind, ""),
            "source": OWN,
        }


def _hash(document: Document, digests: Mapping[str, str]) -> str:
    """Of what shapes a figure: its kind and the documents; labels and targets do not."""
    return fingerprint(document.model_dump(include={"kind"}), dict(digests))


def _external(
    external: pd.DataFrame | None, known: Mapping[str, ExternalFigure], persons: float
) -> Iterator[dict[str, Any]]:
    """Figures of the source's own list, as they are given."""
    for row in [] if external is None else external.sort_values(["indicator", "period"]).to_dict("records"):
        about = known.get(str(row["indicator"]))
        kind = about.target if about is not None and about.target else ""
        value = float(row["value"])
        given = {"value": np.nan, "target": value} if kind else {"value": value, "target": None}
        yield {
            "indicator": str(row["indicator"]),
            "target_group": "all",
            "period": str(row["period"]),
            "target_kind": kind,
            "unit": about.unit if about is not None else "",
            **given,
            "better": "",
            "status": "not_measured" if kind else "no_target",
            "definition": "",
            "cell": "",
            "source": str(row["source"]),
            "n_persons": persons,
        }


def _change(after: Figure, now: Told, same: Sequence[Told], earlier: Sequence[Told]) -> dict[str, Any]:
    """The row of `changes` of one figure."""
    row = {
        "indicator": after.indicator,
        "target_group": after.target_group,
        "since": str(same[-1].quarter) if same else "",
        "unit": UNITS[after.kind],
        "after": after.value,
        "n_persons": after.n_persons,
        "within_uncertainty": "unknown",
        "pace_within": "",
    }
    before = same[-1].figure(after.indicator, after.target_group) if same else None
    if before is None:
        why = splitting.NOT_TOLD if same else splitting.OTHER_SOURCE if earlier else splitting.FIRST
        return {**row, "reason": _messages(message_json(why, {}))}
    return row | _compared(same[-1], now, before, after)


def _compared(then: Told, now: Told, before: Figure, after: Figure) -> dict[str, Any]:
    """Parts and intervals of a change that can be told; see `splitting`."""
    parts = splitting.split(then, now, before, after)
    total, reasons = after.value - before.value, list(parts.reasons)
    low, high = splitting.total_interval(before, after)
    within = _holds_zero(low, high)
    if within == "unknown" and np.isfinite(parts.noise_total):
        reasons.append(message_json(splitting.FROM_MONTHS, {}))
        within = "yes" if abs(total) <= parts.noise_total else "unknown"
    elif within == "unknown":
        reasons.append(message_json(splitting.NO_INTERVAL, {}))
    ends = (parts.real - parts.noise_real, parts.real + parts.noise_real)
    return {
        "before": before.value,
        **{name: getattr(parts, name) for name in ("late", "definitions", "new_events", "real")},
        "real_lo80": ends[0],
        "real_hi80": ends[1],
        "total": total,
        "total_lo80": low,
        "total_hi80": high,
        "within_uncertainty": within,
        "pace_within": _holds_zero(*ends) if np.isfinite(parts.noise_real) else "",
        "reason": _messages(*reasons),
        "n_persons": float(np.nanmin([before.n_persons, after.n_persons])),
    }


def _holds_zero(low: float, high: float) -> str:
    if not (np.isfinite(low) and np.isfinite(high)):
        return "unknown"
    return "yes" if low <= 0 <= high else "no"


def _messages(*messages: str) -> str:
    return f"[{', '.join(messages)}]" if messages else ""


def _table(name: str, rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows).reindex(columns=list(RESULT_TABLES[name].names))
