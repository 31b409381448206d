"""Own and purchased production apart: who gave contacts before, in the window and lately, and who was expected to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ennakointi.debt.expected import Floats
from ennakointi.debt.ledger import Ledger
from ennakointi.disclosure import supplier_rules
from ennakointi.panel import breaks as known_breaks
from ennakointi.panel.production import BOUGHT, NAMES
from ennakointi.periods import month_text
from ennakointi.result_tables import RESULT_TABLES
from ennakointi.text import N_, message_json

if TYPE_CHECKING:
    from ennakointi.panel import Panel
    from ennakointi.parameters.documents import Break, SupplierLimits

ALL = "all"
YEAR = 12
_MOVED = N_(
    "A known change of providers in {break_month} moves contacts from one row to another; what is expected follows "
    "the division after it."
)
_MOVED_OFTEN = N_(
    "Known changes of providers from {break_month} to {last_month} move contacts from one row to another; what is "
    "expected follows the division after them."
)


@dataclass(frozen=True, eq=False)
class Divided:
    """One service by provider (r,): contacts a month `before`, in the `window`, `latest`, and `expected` in the window;
    `persons` behind the row; `moved`: months of known changes of providers; `bought`: span (what the row tells),
    provider, unit, contacts."""

    before: Floats
    window: Floats
    latest: Floats
    expected: Floats
    persons: Floats
    moved: tuple[int, ...]
    bought: pd.DataFrame


def table(panel: Panel, ledgers: Mapping[str, Ledger], limits: SupplierLimits) -> pd.DataFrame:
    """`debt_production` of a target group: services, and `all` as their sum, by provider; contacts a month.

    `before` is the baseline's last year, `latest` the last twelve months of the data (empty when an account ends
    earlier). Expected contacts are divided as they were in that year in each municipality; from a declared change of
    providers on (`breaks.yml`, kind `provider`), the municipalities that it touches are divided as in the twelve months
    after it: who gives a contact says nothing of whether it was given. Rows add up to the account's expected and
    observed contacts.

    Parameters
    ----------
    ledgers : accounts of the group; sums of services among them are left out, and services without a contact
    limits : rows of fewer suppliers, or with a larger one, are marked in `suppliers`: they are not shown
    """
    known = set(panel.production["service"])
    found = {s: divided(panel, one) for s, one in ledgers.items() if s in known}
    rows = [row for s, one in {**_together(list(found.values())), **found}.items() for row in _rows(s, one, limits)]
    columns = list(RESULT_TABLES["debt_production"].names)
    return pd.DataFrame(rows, columns=columns[1:]).assign(target_group=panel.target_group).reindex(columns=columns)


def divided(panel: Panel, ledger: Ledger) -> Divided:
    """One service's account by provider."""
    series, account = ledger.series, ledger.series.account
    first = account.baseline_end - YEAR + 1
    areas = series.municipalities
    contacts = _cube(panel, series.service, areas, "contacts", first)  # (areas, providers, months)
    year, window = contacts[:, :, :YEAR], slice(account.window_start - first, account.window_end - first + 1)
    before = year.sum(axis=2)
    weight = before.sum(axis=1) / before.sum() if before.sum() > 0 else np.full(len(areas), 1.0 / len(areas))
    moves = _provider_breaks(panel, series.service, areas, first)
    months = np.arange(account.window_start, account.window_end + 1)
    share = np.repeat(_shares(before, before.sum(axis=0))[:, :, None], len(months), axis=2)
    for known in moves:
        after = contacts[:, :, known.month - first : known.month - first + YEAR].sum(axis=2)
        touched = np.isin(areas, known.municipalities or areas)
        later = months >= known.month
        share[np.ix_(touched, np.ones(len(NAMES), bool), later)] = _shares(after, after.sum(axis=0))[touched][
            :, :, None
        ]
    expected = np.einsum("t,m,mrt->r", ledger.expected[: len(months)], weight, share) / len(months)
    ended = account.last < panel.last_month
    latest = np.full(len(NAMES), np.nan) if ended else contacts[:, :, -YEAR:].sum(axis=(0, 2)) / YEAR
    persons = _cube(panel, series.service, areas, "persons", first).sum(axis=0)
    spans = [persons[:, :YEAR], persons[:, window], persons[:, -YEAR:]]
    return Divided(
        before.sum(axis=0) / YEAR,
        contacts[:, :, window].sum(axis=(0, 2)) / len(months),
        latest,
        expected,
        _fewest(spans),
        tuple(sorted({known.month for known in moves})),
        _bought(panel, ledger, [known.month for known in moves]),
    )


def _bought(panel: Panel, ledger: Ledger, moved: Sequence[int]) -> pd.DataFrame:
    """Bought contacts in the months that each number is made of, by provider and unit; `moved`: months of changes,
    whose next twelve months divide what is expected."""
    rows, account, last = panel.suppliers, ledger.series.account, panel.last_month
    told = {
        "before": (account.baseline_end - YEAR + 1, account.baseline_end),
        "window": (account.window_start, account.window_end),
        **({} if account.last < last else {"latest": (last - YEAR + 1, last)}),
        **{f"expected {month}": (month, month + YEAR - 1) for month in moved},
    }
    own = rows[(rows["service"] == ledger.series.service) & rows["municipality"].isin(ledger.series.municipalities)]
    spans = [own[own["month"].between(*months)].assign(span=name) for name, months in told.items()]
    return pd.concat(spans)[["span", "provider", "unit", "contacts"]]


def _suppliers(bought: pd.DataFrame, limits: SupplierLimits) -> dict[str, str]:
    """Whether each bought provider's contacts come from enough suppliers in every span it gave any in."""
    units = bought.groupby(["provider", "span", "unit"], observed=True)["contacts"].sum()
    spans = units.groupby(level=["provider", "span"], observed=True)
    few = spans.apply(lambda one: supplier_rules.few_suppliers(one.droplevel(["provider", "span"]), limits))
    found = {provider: bool(ever) for provider, ever in few.groupby(level="provider", observed=True).any().items()}
    return {name: supplier_rules.FEW if found.get(name, True) else supplier_rules.ENOUGH for name in BOUGHT}


def _provider_breaks(panel: Panel, service: str, areas: Sequence[str], first: int) -> list[Break]:
    """Declared changes of providers after month `first` that touch the areas, in order of time."""
    touching = known_breaks.touching(panel.breaks, panel.target_group, service, first, panel.last_month)
    hit = [b for b in touching if b.kind == "provider" and (not b.municipalities or set(b.municipalities) & set(areas))]
    return sorted(hit, key=lambda known: known.month)


def _cube(panel: Panel, service: str, areas: Sequence[str], values: str, first: int) -> Floats:
    """Sums (areas, providers, months) from month `first` to the panel's last."""
    rows = panel.production[
        (panel.production["service"] == service)
        & panel.production["municipality"].isin(areas)
        & (panel.production["month"] >= first)
    ]
    place = [
        pd.Categorical(rows[key], categories=pd.Index(known)).codes.astype(np.int64)
        for key, known in (("municipality", areas), ("provider", NAMES))
    ]
    sums = np.zeros((len(areas), len(NAMES), panel.last_month - first + 1))
    np.add.at(sums, (*place, rows["month"].to_numpy(np.int64) - first), rows[values].to_numpy(float))
    return sums


def _shares(contacts: Floats, everywhere: Floats) -> Floats:
    """Each municipality's division (areas, providers); without contacts that of all of them together."""
    total = contacts.sum(axis=1, keepdims=True)
    common = everywhere / everywhere.sum() if everywhere.sum() > 0 else np.eye(len(everywhere))[-1]
    return np.divide(contacts, total, out=np.tile(common, (len(contacts), 1)), where=total > 0)


def _fewest(spans: Sequence[Floats]) -> Floats:
    """Persons behind each provider's row (r,): of the spans in which it gave contacts, the one with fewest in its
    largest month."""
    largest = np.array([span.max(axis=1) for span in spans])
    fewest = np.where(largest > 0, largest, np.inf).min(axis=0)
    return np.where(np.isfinite(fewest), fewest, 0.0)


def _together(services: Sequence[Divided]) -> dict[str, Divided]:
    """All services as their sum; persons are those of the largest service, a lower bound."""
    if not services:
        return {}
    before, window, latest, expected = (
        np.nansum([getattr(one, name) for one in services], axis=0)
        for name in ("before", "window", "latest", "expected")
    )
    persons = np.max([one.persons for one in services], axis=0)
    moved = tuple(sorted({month for one in services for month in one.moved}))
    bought = pd.concat([one.bought for one in services])
    return {ALL: Divided(before, window, latest, expected, persons, moved, bought)}


def _rows(service: str, one: Divided, limits: SupplierLimits) -> list[tuple[object, ...]]:
    """One row a provider that gave contacts, in the order of the result table's columns after the group."""
    suppliers = _suppliers(one.bought, limits)
    used = one.before + one.window + np.nan_to_num(one.latest) + one.expected > 0
    return [
        (
            service,
            provider,
            one.before[i],
            one.window[i],
            one.latest[i],
            one.expected[i],
            one.expected[i] - one.window[i],
            _reason(one.moved),
            suppliers.get(provider, ""),
            one.persons[i],
        )
        for i, provider in enumerate(NAMES)
        if used[i]
    ]


def _reason(moved: Sequence[int]) -> str:
    """The sentence on known changes of providers; empty without any."""
    if not moved:
        return ""
    first, last = month_text(moved[0]), month_text(moved[-1])
    return message_json(
        _MOVED if first == last else _MOVED_OFTEN,
        {"break_month": first, **({} if first == last else {"last_month": last})},
    )
