"""What other defensible choices would say: the debt again under each of them, and which choice moves it most."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ennakointi.debt import Accounts, accounts, lost
from ennakointi.debt.expected import Floats
from ennakointi.periods import month_index, month_text
from ennakointi.result_tables import RESULT_TABLES

if TYPE_CHECKING:
    from ennakointi.debt.ledger import Ledger
    from ennakointi.panel import Panel
    from ennakointi.parameters import TargetGroup
    from ennakointi.parameters.debt_documents import DebtSettings, Likely
    from ennakointi.parameters.documents import Service

RECORD = "record"
SAME_QUANTITY = ("trend", "baseline_year", "window")  # all speak of the debt at the window's end
TRENDS = ("damped", "none", "linear")
COEFFICIENTS = (0.0, 0.5, 1.0)
SPRING_2021 = month_index(2021, 5)  # the third wave's restrictions ended
QUARTER = 3
N_PATHS = 200  # the change of a variant from the record is told on the same random numbers


@dataclass(frozen=True)
class Variant:
    """A number under one variant of a choice, with its 80 % interval; NaN where it cannot be told."""

    choice: str
    variant: str
    value: float
    lo80: float
    hi80: float


def table(
    panel: Panel,
    settings: DebtSettings,
    services: Mapping[str, Service],
    seed: int,
    *,
    group: TargetGroup | None,
    record: Accounts,
    to_clear: Mapping[str, float],
) -> pd.DataFrame:
    """`debt_sensitivity`: all services together, one row a variant, and first of each choice the number of record.

    The quantity is the debt of all services at the window's end. For `substitution` it is that of the services in debt
    that have declared substitutes (in the total, contacts only move between services); for `lost` what is left of the
    debt at the window's end when ended needs are taken off (debt − lost); for `return` what is left to clear at the
    data's end, without an interval: `to_clear`, by return scenario from the least share to the largest.

    trend : the other two forms of expected use
    baseline_year : each year left out: the first or last by a shorter baseline, one between by filling its months with
        the mean of the same month a year before and after
    window : ending in May 2021, a quarter earlier or later, or beginning a month later
    substitution : 0, ½ or 1 contact replaced by every excess contact of a declared substitute
    lost : the low and the high shares of debt.yml for all needs
    return : the shares of debt.yml; of record is the middle one

    A choice of modelling hits a group and all residents alike. So what it changes is told on the group's own series,
    without borrowing: the same few paths and the record's calibration under both settings. The difference is added to
    the record, and the record's interval is stretched by the ratio of the two widths, except where months are filled,
    which are smoother than real ones. `moves_most`: yes for the choice with the largest |change| among
    `SAME_QUANTITY`, empty for choices that speak of another number.

    Measured: 3–4 s for 28 services on one core. Points do not depend on the seed; widths vary by some per cent.
    """
    columns = list(RESULT_TABLES["debt_sensitivity"].names)
    if "all" not in record.ledgers:
        return pd.DataFrame(columns=columns)
    total = record.ledgers["all"]
    rows = [
        *_refitted(panel, settings, services, seed, group, record),
        *_windows(total),
        *_lost(record, settings),
        *_returned(to_clear),
    ]
    frame = pd.DataFrame([vars(row) for row in rows])
    records = frame[frame["variant"] == RECORD].set_index("choice")["value"]
    frame["change"] = frame["value"] - frame["choice"].map(records)
    compared = frame["choice"].isin(SAME_QUANTITY)
    largest = frame["change"].abs().where(compared).groupby(frame["choice"]).max()
    most = largest.idxmax() if (largest > 0).any() else None
    frame["moves_most"] = np.where(frame["choice"] == most, "yes", np.where(compared, "no", ""))
    account = total.series.account
    persons = total.series.between(total.series.persons, account.window_start, account.window_end)
    return frame.assign(target_group=panel.target_group, n_persons=persons.max()).reindex(columns=columns)


def _refitted(
    panel: Panel,
    settings: DebtSettings,
    services: Mapping[str, Service],
    seed: int,
    group: TargetGroup | None,
    record: Accounts,
) -> Iterator[Variant]:
    """Variants that need the accounts again: the record moved by what the same paths say of the two settings."""
    quiet = replace(panel, queue=panel.queue.iloc[:0])  # the debt does not depend on its queues

    def of(changed: Panel, with_settings: DebtSettings, with_services: Mapping[str, Service]) -> Accounts:
        few = with_settings.model_copy(update={"n_paths": min(N_PATHS, settings.n_paths)})
        return accounts(changed, few, with_services, seed, group=group, calibrated=record.factors)

    same, previous = of(quiet, settings, services), ""
    replaced = _replaced(record, services)
    for choice, name, changed in _changed(quiet, settings, services, record):
        summed = replaced if choice == "substitution" else ("all",)
        if summed and choice != previous:
            yield _at_end(choice, RECORD, record, summed)
        if summed:
            reported, before, after = (_at_end(choice, name, found, summed) for found in (record, same, of(*changed)))
            yield _moved(reported, before, after, widened=changed[0] is quiet)
        previous = choice


def _changed(
    panel: Panel, settings: DebtSettings, services: Mapping[str, Service], record: Accounts
) -> Iterator[tuple[str, str, tuple[Panel, DebtSettings, Mapping[str, Service]]]]:
    """Choice, variant, and what the accounts are kept of: panel, settings, services."""
    for trend in TRENDS:
        if trend != settings.trend:
            yield "trend", trend, (panel, settings.model_copy(update={"trend": trend}), services)
    account = record.ledgers["all"].series.account
    first, last = account.baseline_start // 12, account.baseline_end // 12
    for year in range(first, last + 1):
        changes = {first: {"baseline_first": 12 * (year + 1)}, last: {"baseline_last": 12 * year - 1}}.get(year, {})
        of_year = panel if changes else filled(panel, year)
        yield "baseline_year", f"without_{year}", (of_year, settings.model_copy(update=changes), services)
    for coefficient in COEFFICIENTS:
        other = _substituted(record, services, coefficient)
        if any(other[code].substitutes != one.substitutes for code, one in services.items()):
            yield "substitution", f"coefficient_{coefficient:g}", (panel, settings, other)


def _replaced(record: Accounts, services: Mapping[str, Service]) -> tuple[str, ...]:
    """Services in debt at the window's end that have declared substitutes."""
    return tuple(
        s for s, one in record.services.items() if services[s].substitutes and one.debt[one.window_months - 1] > 0
    )


def _substituted(record: Accounts, services: Mapping[str, Service], coefficient: float) -> dict[str, Service]:
    """Services whose substitutes replace `coefficient` contacts each, in all: a substitute of several services in debt
    is divided between them by their expected contacts."""
    sizes = {s: float(record.ledgers[s].expected.sum()) for s in _replaced(record, services)}
    changed = dict(services)
    for code, size in sizes.items():
        shares = {
            other: coefficient * size / sum(sizes[s] for s in sizes if other in services[s].substitutes)
            for other in services[code].substitutes
        }
        changed[code] = services[code].model_copy(update={"substitutes": shares})
    return changed


def filled(panel: Panel, year: int) -> Panel:
    """The panel with the counts of a year replaced: each month the mean of the same month a year before and after."""
    counts = panel.counts
    inside = counts["month"] // 12 == year
    around = []
    for step in (-1, 1):
        near = counts[counts["month"] // 12 == year + step]
        around.append(near.assign(month=near["month"] - 12 * step, contacts=near["contacts"] / 2))
    return replace(panel, counts=pd.concat([counts[~inside], *around], ignore_index=True))


def _at_end(choice: str, variant: str, found: Accounts, summed: tuple[str, ...]) -> Variant:
    """Debt of some accounts together at the window's end; NaN where one of them is not kept."""
    ledgers = [found.ledgers[s] for s in summed if s in found.ledgers]
    if len(ledgers) < len(summed):
        return Variant(choice, variant, np.nan, np.nan, np.nan)
    draws = np.sum([one.terms.debt[:, one.window_months - 1] for one in ledgers], axis=0)
    return _told(choice, variant, draws, all(_has_interval(one) for one in ledgers))


def _has_interval(ledger: Ledger) -> bool:
    return bool(np.isfinite(ledger.debt_lo80[ledger.window_months - 1]))


def _moved(record: Variant, before: Variant, after: Variant, widened: bool) -> Variant:
    """The record plus what the variant changes on the same paths; `widened`: its interval as much wider as theirs."""
    value = record.value + after.value - before.value
    stretch = (after.hi80 - after.lo80) / (before.hi80 - before.lo80) if widened else 1.0
    ends = (value + stretch * (end - record.value) for end in (record.lo80, record.hi80))
    return Variant(after.choice, after.variant, value, *ends)


def _windows(total: Ledger) -> Iterator[Variant]:
    """The record's own draws between other months; expected use does not depend on the window."""
    draws, first = total.terms.debt, total.series.account.window_start
    end = first + total.window_months - 1
    yield _told("window", RECORD, draws[:, end - first], _has_interval(total))
    for other in sorted({SPRING_2021, end - QUARTER, end + QUARTER} - {end}):
        if first <= other < first + draws.shape[1]:
            k = other - first
            yield _told("window", f"ends_{month_text(other)}", draws[:, k], bool(np.isfinite(total.debt_lo80[k])))
    later = draws[:, end - first] - draws[:, 0]
    yield _told("window", f"begins_{month_text(first + 1)}", later, _has_interval(total))


def _lost(record: Accounts, settings: DebtSettings) -> Iterator[Variant]:
    """Debt − lost at the window's end, with the low and the high shares of debt.yml instead of their draws."""
    total = record.ledgers["all"]
    known, k = _has_interval(total), total.window_months - 1
    yield _told("lost", RECORD, total.terms.debt[:, k] - total.terms.lost[:, k], known)
    for end in ("low", "high"):
        left = [_left(service, ledger, record, settings, end) for service, ledger in record.services.items()]
        yield _told("lost", end, np.sum(left, axis=0), known)


def _left(service: str, ledger: Ledger, record: Accounts, settings: DebtSettings, end: str) -> Floats:
    """What is left of a service's debt at the window's end, (p,), when needs end at the low or high shares."""
    told: tuple[Likely, Likely] = (
        settings.lost.services.get(service, settings.lost.at_once),
        settings.lost.per_month,
    )
    fade = record.fading[service]
    at_once, passes = (np.full_like(fade.passes, getattr(one, end)) for one in told)
    debt = ledger.terms.debt[:, : ledger.window_months]
    ended = lost.means(debt, replace(fade, at_once=at_once, passes=passes))
    return np.asarray(debt[:, -1] - ended.sum(axis=0)[:, -1])


def _returned(to_clear: Mapping[str, float]) -> Iterator[Variant]:
    """Left to clear in each return scenario, as the clearing tells it; of record is the middle one."""
    told = list(to_clear.items())
    if told:
        record = (RECORD, told[len(told) // 2][1])
        yield from (Variant("return", name, value, np.nan, np.nan) for name, value in (record, *told))


def _told(choice: str, variant: str, draws: Floats, known: bool) -> Variant:
    low, high = np.quantile(draws, [0.1, 0.9]) if known else (np.nan, np.nan)
    return Variant(choice, variant, float(draws.mean()), float(low), float(high))
