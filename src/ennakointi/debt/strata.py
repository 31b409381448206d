"""A service's expected and observed contacts in cells of municipality, age band and sex, and how far cells go astray
by chance.

k is the number of cells (all combinations of the panel's keys), o of placebo origins, j of age-sex strata. Cells of
areas outside the account hold zeros.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ennakointi.debt.expected import Floats
from ennakointi.debt.ledger import Ledger
from ennakointi.debt.service_series import Account

if TYPE_CHECKING:
    from ennakointi.panel import Panel

PRIOR_PERSON_YEARS = 1.0  # lived at the area's rate of the age and sex, added to each cell's baseline
MINIMUM_TRAINING, MINIMUM_TRIED, STEP = 12, 12, 6  # months of a placebo: before it, in it, between two


@dataclass(frozen=True, eq=False)
class Cells:
    """Sizes over the window, (k,) each: contacts `expected`, `observed`, and `baseline` = contacts behind the level;
    `person_years` lived. `tried` (o, 3, k): the same first three of placebo windows, those of `origins` (o,)."""

    expected: Floats
    observed: Floats
    baseline: Floats
    person_years: Floats
    origins: np.ndarray
    tried: Floats


def of(panel: Panel, ledger: Ledger, uses_care: bool) -> Cells:
    """The cells of one service's account.

    A cell's level is its own rate of the baseline, and every month's cells together are what the account expects of
    the month: the service's trend and season are common to its cells, and cells add up to the account exactly.

    Parameters
    ----------
    uses_care : membership depends on care: rates are per resident person-year, and the person-years are those that
        the group would have lived at its share of residents in the baseline
    """
    account, months = ledger.series.account, ledger.series.months
    first = int(months[0])
    area = ledger.series.municipalities
    counts = panel.counts[(panel.counts["service"] == ledger.series.service) & panel.counts["municipality"].isin(area)]
    time = panel.person_time[panel.person_time["municipality"].isin(area)]
    contacts = cube(counts, "contacts", panel, first, len(months))
    member = cube(time, "member_py", panel, first, len(months))
    lived = cube(time, "resident_py", panel, first, len(months)) if uses_care else member
    base = slice(account.baseline_start - first, account.baseline_end - first + 1)
    window = slice(account.window_start - first, account.window_end - first + 1)
    strata = len(panel.age_bands) * len(panel.sexes)
    rate = rates(contacts[:, base].sum(axis=1), lived[:, base].sum(axis=1), strata)
    expected = shared(ledger.expected[: ledger.window_months], rate, lived[:, window])
    years = member[:, window].sum(axis=1)
    if uses_care:
        before = lived[:, base].sum(axis=1)
        share = np.divide(member[:, base].sum(axis=1), before, out=np.zeros(len(before)), where=before > 0)
        years = share * lived[:, window].sum(axis=1)
    origins, tried = placebos(contacts, lived, account, first, strata)
    return Cells(expected, contacts[:, window].sum(axis=1), rate * lived[:, base].sum(axis=1), years, origins, tried)


def cube(rows: pd.DataFrame, values: str, panel: Panel, first_month: int, n: int) -> Floats:
    """Sums (k, n) by cell, in the order municipality, age band, sex, and month."""
    keys = {"municipality": panel.municipalities, "age_band": panel.age_bands, "sex": panel.sexes}
    place = [pd.Categorical(rows[key], categories=pd.Index(known)).codes for key, known in keys.items()]
    month = rows["month"].to_numpy(np.int64) - first_month
    inside = (month >= 0) & (month < n)
    sums = np.zeros((*(len(known) for known in keys.values()), n))
    where = tuple(codes[inside].astype(np.int64) for codes in place)
    np.add.at(sums, (*where, month[inside]), rows[values].to_numpy(float)[inside])
    return sums.reshape(-1, n)


def rates(contacts: Floats, person_years: Floats, strata: int) -> Floats:
    """Contacts per person-year (k,) of each cell: its own, steadied by one person-year at the rate of its age and sex
    in the whole area (a Poisson-gamma mean, Clayton & Kaldor 1987, 10.2307/2532003). Cells run through the `strata` of
    one municipality after another."""
    used, lived = contacts.reshape(-1, strata).sum(axis=0), person_years.reshape(-1, strata).sum(axis=0)
    crude = used.sum() / max(lived.sum(), 1e-9)
    common = np.divide(used, lived, out=np.full(strata, crude), where=lived > 0)
    prior = np.tile(common, len(contacts) // strata)
    return np.asarray((contacts + PRIOR_PERSON_YEARS * prior) / (person_years + PRIOR_PERSON_YEARS))


def shared(total: Floats, rate: Floats, person_years: Floats) -> Floats:
    """A total of each month (m,) shared among cells by rate × person-years (k, m), summed over months: (k,)."""
    weights = rate[:, None] * person_years
    every = weights.sum(axis=0)
    return np.asarray((weights * np.divide(total, every, out=np.zeros(len(total)), where=every > 0)).sum(axis=1))


def placebos(
    contacts: Floats, person_years: Floats, account: Account, first_month: int, strata: int
) -> tuple[np.ndarray, Floats]:
    """Cells in undisturbed windows before the disruption, as expected from the months before each: origins (o,) as
    month indices and (o, 3, k) expected, observed and baseline contacts. A window's total is taken as it came."""
    end = account.window_start - first_month
    length = account.window_end - account.window_start + 1
    train = account.baseline_end - account.baseline_start + 1
    origins, tried = [], []
    for origin in range(end - account.skip - MINIMUM_TRIED, MINIMUM_TRAINING - 1, -STEP):
        past = slice(max(origin - train, 0), origin)
        ahead = slice(origin + account.skip, min(origin + account.skip + length, end))
        lived = person_years[:, past].sum(axis=1)
        if not lived.any() or not contacts[:, past].any():
            continue
        rate = rates(contacts[:, past].sum(axis=1), lived, strata)
        expected = shared(contacts[:, ahead].sum(axis=0), rate, person_years[:, ahead])
        origins.append(origin + first_month)
        tried.append([expected, contacts[:, ahead].sum(axis=1), rate * lived])
    return np.array(origins, int), np.array(tried).reshape(len(origins), 3, len(contacts))


def noise_variance(expected: Floats, baseline: Floats) -> Floats:
    """Poisson variance of a part's contacts about a level learned from `baseline` contacts: E + E² / B."""
    return np.asarray(expected + expected**2 / np.maximum(baseline, 1.0))


def dispersion(expected: Floats, observed: Floats, variance: Floats) -> float:
    """How much wider than Poisson the parts of placebo windows went astray, at least 1.

    Pearson χ² over degrees of freedom (McCullagh & Nelder 1989, § 4.5), pooled over windows; a part with the share w of
    a window that is right in total strays by (1 − w) of its variance. Parts of under 5 expected contacts do not count.

    Parameters
    ----------
    expected, observed, variance : (o, parts)

    Witness: parts of 100 and 300 expected, Poisson variance, 110 and 290 seen: 10² / (100 · ¾) = 1.33 and
    10² / (300 · ¼) = 1.33.
    """
    whole = expected.sum(axis=1, keepdims=True)
    free = 1.0 - np.divide(expected, whole, out=np.ones_like(expected), where=whole > 0)
    used = (expected >= 5.0) & (free > 1e-9)
    if not used.any():
        return 1.0
    return max(float(((observed - expected)[used] ** 2 / (variance * free)[used]).mean()), 1.0)
