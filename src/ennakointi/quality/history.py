"""What earlier quarters knew of the data: the trend of their quality, and contacts that came in late.

`work/history/quality/<quarter>.json` keeps what one quarter's run knew: its checks, and the contacts of each service
and month. A run of the same quarter replaces its own file only; quarters of another source are not compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from ennakointi.periods import Quarter, month_of, month_text, parse_month
from ennakointi.result_tables import RESULT_TABLES
from ennakointi.store import Store
from ennakointi.workspace import read_json, write_json

LATE = "late_arrival"
CATEGORIES = ("all", "conformance", "completeness", "plausibility")
LAGS = 12  # months before the end of an earlier quarter that are looked at
_MONTHS = 3  # of them, those of the quarter itself
_NAMED = 3  # services whose late share is told with the check


def remember(history: Path, quarter: Quarter, opened: Store, volumes: pd.DataFrame, data_quality: pd.DataFrame) -> None:
    """Keep what this quarter knows, for this user only.

    Parameters
    ----------
    history : `work/history`, kept for at least five quarters; nothing in it is ever deleted here
    volumes : `quality_volumes`, as measured
    data_quality : the scored result table
    """
    contacts = monthly(volumes)
    by_service = {
        str(service): {month_text(month): n for month, n in zip(rows["month"], rows["contacts"].tolist(), strict=True)}
        for service, rows in contacts.groupby("service")
    }
    until = month_text(month_of(opened.as_of + timedelta(days=1)) - 1)
    entry = {**_summary(opened, data_quality), "source": opened.source_name, "until": until, "contacts": by_service}
    path = _file(history, quarter)
    for folder in (history, path.parent):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    write_json(path, entry)
    path.chmod(0o600)


def trend(history: Path, quarter: Quarter, opened: Store, data_quality: pd.DataFrame) -> pd.DataFrame:
    """The result table `quality_trend`: the earlier quarters of the same source, and this one."""
    entries = {**_earlier(history, quarter, opened), quarter: _summary(opened, data_quality)}
    rows = [
        {
            "quarter": str(known),
            "category": category,
            **entry["checks"][category],
            **(entry["rows"] if category == "all" else {}),
        }
        for known, entry in sorted(entries.items())
        for category in CATEGORIES
    ]
    table = pd.DataFrame(rows, columns=list(RESULT_TABLES["quality_trend"].names))
    table = table.astype(dict.fromkeys(("read", "rejected", "contacts", "late"), float))
    return table.assign(rejected_share=table["rejected"] / table["read"], late_share=table["late"] / table["contacts"])


def late(history: Path, quarter: Quarter, opened: Store, volumes: pd.DataFrame) -> pd.DataFrame | None:
    """The measure of the check `late_arrival`: contacts of the last remembered quarter, and those it did not have.

    Returns
    -------
    check, table, column, detail (services with the largest late share), rows (contacts of that quarter's three months
    as they are known now), failed (those that its own run did not know); None without an earlier quarter of the same
    source, or without contacts in it.
    """
    earlier = _earlier(history, quarter, opened)
    found = late_arrival(earlier[max(earlier)], monthly(volumes)) if earlier else None
    if found is None or not found.loc[found["lag"] < _MONTHS, "now"].any():
        return None
    by_service = found[found["lag"] < _MONTHS].groupby("service")[["then", "now"]].sum()
    then, now = by_service.sum()
    shares = _late_share(by_service).sort_values(ascending=False, kind="stable").head(_NAMED)
    named = "; ".join(f"{service} {share:.3f}" for service, share in shares[shares > 0].items())
    row = {"check": LATE, "table": "contacts", "column": "", "detail": named, "rows": now, "failed": max(now - then, 0)}
    return pd.DataFrame([row])


def late_arrival(entry: Mapping[str, Any], now: pd.DataFrame) -> pd.DataFrame:
    """How many contacts of a month came in after the run of an earlier quarter, by months of lag.

    Parameters
    ----------
    entry : what the earlier quarter remembered
    now : `monthly`, at present

    Returns
    -------
    service, month, lag (months from the month to the last one that had ended then, 0 … 11), then, now (contacts),
    late_share = (now − then) / now, and 0 where contacts were taken out since.
    """
    known = [
        {"service": service, "month": parse_month(month), "then": n}
        for service, months in entry["contacts"].items()
        for month, n in months.items()
    ]
    then = pd.DataFrame(known, columns=["service", "month", "then"]).astype({"month": int, "then": int})
    both = then.merge(now.rename(columns={"contacts": "now"}), on=["service", "month"], how="outer")
    both = both.fillna({"then": 0, "now": 0}).astype({"then": int, "now": int})
    both["lag"] = parse_month(entry["until"]) - both["month"]
    return both[both["lag"].between(0, LAGS - 1)].assign(late_share=_late_share).reset_index(drop=True)


def monthly(volumes: pd.DataFrame) -> pd.DataFrame:
    """Stored contacts of all units, attended or not: service, month, contacts."""
    counted = volumes.groupby(["service", "month"], as_index=False)[["rows"]].sum()
    return counted.rename(columns={"rows": "contacts"}).astype({"month": int, "contacts": int})


def _summary(opened: Store, data_quality: pd.DataFrame) -> dict[str, Any]:
    """Checks that were computed and that failed, by category; rows rejected and contacts late, with their totals."""
    computed = data_quality[data_quality["status"].isin(["passed", "failed"])]
    of_category = {name: computed if name == "all" else computed[computed["category"] == name] for name in CATEGORIES}
    tables = opened.manifest["tables"].values()
    came_late = computed.loc[computed["check"] == LATE, ["rows", "failed"]].astype(float)
    contacts, late_rows = came_late.iloc[0] if len(came_late) else (None, None)
    return {
        "checks": {
            name: {"checks": len(rows), "failed": int((rows["status"] == "failed").sum())}
            for name, rows in of_category.items()
        },
        "rows": {
            "read": sum(t["read"] for t in tables),
            "rejected": sum(t["quarantined"] for t in tables),
            "contacts": contacts,
            "late": late_rows,
        },
    }


def _earlier(history: Path, quarter: Quarter, opened: Store) -> dict[Quarter, dict[str, Any]]:
    """What earlier quarters of the same source remembered."""
    files = sorted((history / "quality").glob("*.json"))
    entries = {Quarter.parse(file.stem): read_json(file) for file in files}
    return {
        known: entry for known, entry in entries.items() if known < quarter and entry["source"] == opened.source_name
    }


def _file(history: Path, quarter: Quarter) -> Path:
    return history / "quality" / f"{quarter}.json"


def _late_share(counts: pd.DataFrame) -> pd.Series:
    return ((counts["now"] - counts["then"]) / counts["now"].where(counts["now"] > 0)).fillna(0.0).clip(lower=0.0)
