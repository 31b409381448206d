"""Measures against the thresholds of quality.yml: which checks failed, and which results may still be believed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import pandas as pd

from ennakointi.panel.axes import UNKNOWN_MUNICIPALITY
from ennakointi.parameters import Parameters
from ennakointi.parameters.quality_documents import Check, QualitySettings
from ennakointi.periods import month_of
from ennakointi.quality import residents, volume_breaks
from ennakointi.quality.contract import Finding, commonest
from ennakointi.quality.residents import Counted
from ennakointi.quality.volume_breaks import Breaks

_NAMED = 5  # places named in a detail


@dataclass(frozen=True)
class Found:
    """What a check found in one column: rows looked at, rows that failed, and what in words of codes and counts."""

    column: str
    rows: int
    failed: int
    detail: str = ""


@dataclass(frozen=True, eq=False)
class Evidence:
    """Everything that a check may look at: `measures`, the store's `manifest` and the parameters."""

    measures: Mapping[str, pd.DataFrame]
    manifest: Mapping[str, Any]
    parameters: Parameters

    @property
    def settings(self) -> QualitySettings:
        return self.parameters.quality

    def rows(self, table: str) -> int:
        """Rows of a table that could be split into columns."""
        about = self.manifest["tables"].get(table, {"read": 0})
        return int(about["read"] - sum(about.get("unreadable", {}).values()))

    @cached_property
    def counted(self) -> Counted:
        return residents.judge(self.measures["quality_residents"], self.settings)

    @cached_property
    def breaks(self) -> Breaks:
        """Months after the last whole month of the data are not looked at."""
        tomorrow = date.fromisoformat(self.manifest["as_of"]) + timedelta(days=1)
        last = min(month_of(tomorrow) - 1, self.manifest["last_month"] or 0)
        return volume_breaks.find(
            self.measures["quality_volumes"],
            self.measures["quality_activity"],
            self.settings.volume_breaks,
            self.parameters.breaks,
            last,
        )


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Every check of quality.yml, column by column; one whose table or column is missing is not computed."""
    for check in evidence.settings.checks:
        found = {one.column: one for one in _MEASURES[check.measure](check, evidence)}
        for column in check.columns or tuple(found) or ("",):
            yield _judged(check, column, found.get(column))


def _judged(check: Check, column: str, found: Found | None) -> Finding:
    computed = found is not None and found.rows > 0
    return Finding(
        table=check.table,
        check=check.id,
        column=column,
        category=check.category,
        severity=check.severity,
        status=check.status(found.failed, found.rows) if found and computed else "not_computed",
        rows=found.rows if found and computed else None,
        failed=found.failed if found and computed else None,
        limits=check,
        detail=found.detail if found and computed else "",
        affects=check.affects,
        care=check.care,
    )


def _missing(check: Check, evidence: Evidence) -> Iterator[Found]:
    filled = evidence.manifest["tables"].get(check.table, {}).get("filled", {})
    rows = evidence.rows(check.table)
    yield from (Found(column, rows, rows - filled[column]) for column in check.columns if column in filled)


def _codes(check: Check, evidence: Evidence) -> Iterator[Found]:
    for column, mine in _code_rows(check, evidence):
        yield _among(column, mine, mine[mine["code"].isin(check.codes)])


def _outside(check: Check, evidence: Evidence) -> Iterator[Found]:
    """Persons who have not left, in municipalities that are not the region's."""
    inside = {*evidence.parameters.region.municipalities, UNKNOWN_MUNICIPALITY}
    for column, mine in _code_rows(check, evidence):
        here = mine[mine["period"] == 0]
        yield _among(column, here, here[~here["code"].isin(inside)])


def _interventions(check: Check, evidence: Evidence) -> Iterator[Found]:
    codes = evidence.measures["quality_codes"]
    mine = codes[(codes["table"] == check.table) & (codes["column"] == "intervention")]
    yield _among("", mine, mine[~mine["code"].isin(evidence.parameters.interventions)])


def _among(column: str, looked_at: pd.DataFrame, hit: pd.DataFrame) -> Found:
    """Rows of `quality_codes` that hit, with their codes, among those looked at."""
    detail = commonest(hit.groupby("code")["rows"].sum())
    return Found(column, int(looked_at["rows"].sum()), int(hit["rows"].sum()), detail)


def _code_rows(check: Check, evidence: Evidence) -> Iterator[tuple[str, pd.DataFrame]]:
    codes = evidence.measures["quality_codes"]
    codes = codes[codes["table"] == check.table]
    if check.services:
        codes = codes[codes["service"].isin(check.services)]
    for column in check.columns:
        mine = codes[codes["column"] == column]
        if len(mine):
            yield column, mine


def _drift(check: Check, evidence: Evidence) -> Iterator[Found]:
    """Rows of the last year that would need another code for the mix of the year before: the total variation
    distance of each service, times its rows. Services that a known break touches in these years are left out."""
    least = evidence.settings.drift.minimum_rows
    for column, mine in _code_rows(check, evidence):
        now, before = (_mix(mine[mine["period"] == period]) for period in (0, 1))
        now, before = now.align(before, fill_value=0)
        n, m = now.groupby("service").sum(), before.groupby("service").sum()
        enough = (n >= least) & (m >= least) & ~n.index.isin(_touched(evidence))
        apart = ((now / n - before / m).abs().groupby("service").sum() / 2)[enough]
        largest = apart.nlargest(_NAMED)
        detail = "; ".join(f"{service} {share:.2f}" for service, share in largest.items())
        yield Found(column, int(n[enough].sum()), round(float((apart * n[enough]).sum())), detail)


def _mix(rows: pd.DataFrame) -> pd.Series:
    """Rows by service and code."""
    added: pd.Series = rows.groupby(["service", "code"])["rows"].sum()
    return added


def _touched(evidence: Evidence) -> set[str]:
    """Services with a known change of codes, of record system or of who gives the care in the last two years."""
    first = evidence.manifest["last_month"] - 23
    kinds = ("coding", "record_system", "provider", "organiser", "reform")
    hit = [one for one in evidence.parameters.breaks.values() if one.kind in kinds and one.month > first]
    return {service for one in hit for service in one.services or evidence.parameters.services}


def _counts(check: Check, evidence: Evidence) -> Iterator[Found]:
    """Rows that `measures` counted for the check's measure, those of the check's services together."""
    counts = evidence.measures["quality_counts"]
    mine = counts[(counts["check"] == check.measure) & (counts["table"] == check.table)]
    if check.services:
        mine = mine[mine["detail"].isin(check.services)].assign(detail="")
    for key, rows in mine.groupby(["column", "detail"]):
        column, detail = map(str, key)
        if column in check.columns or not check.columns:
            yield Found(column, int(rows["rows"].sum()), int(rows["failed"].sum()), detail)


def _volumes(check: Check, evidence: Evidence) -> pd.DataFrame:
    volumes = evidence.measures["quality_volumes"]
    return volumes[volumes["service"].isin(check.services)] if check.services else volumes


def _assessment_stamp(check: Check, evidence: Evidence) -> Iterator[Found]:
    """Contacts with a duty to assess, without the stamp; how many units stay below `unit_share`."""
    volumes, limits = _volumes(check, evidence), evidence.settings.assessment_stamp
    if check.columns[0] not in evidence.manifest["tables"].get(check.table, {}).get("columns", ()):
        return
    rows, stamped = int(volumes["guaranteed"].sum()), int(volumes["assessed"].sum())
    units = volumes[volumes["unit"] != ""].groupby("unit")[["guaranteed", "assessed"]].sum()
    units = units[units["guaranteed"] >= limits.unit_rows]
    below = int((units["assessed"] < limits.unit_share * units["guaranteed"]).sum())
    yield Found(check.columns[0], rows, rows - stamped, f"units_below {below}/{len(units)}" if len(units) else "")


def _recording(check: Check, evidence: Evidence) -> Iterator[Found]:
    """Contacts without a value in each column."""
    volumes = _volumes(check, evidence)
    rows = int(volumes["rows"].sum())
    for column in check.columns:
        if column in evidence.manifest["tables"].get(check.table, {}).get("columns", ()):
            filled = volumes.loc[volumes["unit"] != "", "rows"] if column == "unit" else volumes[column]
            yield Found(column, rows, rows - int(filled.sum()))


def _breaks(check: Check, evidence: Evidence) -> Iterator[Found]:
    found = evidence.breaks
    register = found.table["verdict"] == volume_breaks.REGISTER
    detail = volume_breaks.named(found.table, volume_breaks.REGISTER, _NAMED)
    yield Found("", found.tested, int(register.sum()), detail)


def _residents(check: Check, evidence: Evidence) -> Iterator[Found]:
    counted = evidence.counted
    if counted.difference_share is not None:
        detail = f"{counted.who} {counted.difference_share:+.3f} {counted.place}"
        yield Found("", counted.population, abs(counted.persons - counted.population), detail)


def _orphans(check: Check, evidence: Evidence) -> Iterator[Found]:
    about = evidence.manifest["tables"].get(check.table, {})
    for column, lost in about.get("unmatched", {}).items():
        yield Found(column, int(about.get("filled", {}).get(column, about["stored"])), int(lost))


_MEASURES: Mapping[str, Callable[[Check, Evidence], Iterator[Found]]] = {
    "missing": _missing,
    "codes": _codes,
    "drift": _drift,
    "duplicates": _counts,
    "midnight": _counts,
    "order": _counts,
    "overlap": _counts,
    "during_stay": _counts,
    "assessment_stamp": _assessment_stamp,
    "recording": _recording,
    "clients_without_contact": _counts,
    "contacts_without_status": _counts,
    "volume_breaks": _breaks,
    "residents": _residents,
    "outside_region": _outside,
    "unknown_intervention": _interventions,
    "orphans": _orphans,
    "gaps": _counts,
    "late_arrival": _counts,
}
