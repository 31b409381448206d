"""For whom care was missing: a group's debt against the rest of the residents, and by age, sex and area inside it.

p is the number of draws, s of services added together, g of parts compared, j of age-sex strata, k of cells.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ennakointi.debt import strata
from ennakointi.debt.expected import Floats, season
from ennakointi.debt.ledger import Ledger
from ennakointi.debt.strata import Cells
from ennakointi.debt.terms import normal_scores, ranks
from ennakointi.result_tables import RESULT_TABLES

if TYPE_CHECKING:
    from ennakointi.panel import Panel

ALL = "all"
MEMBERS, NON_MEMBERS, DIFFERENCE = "members", "non_members", "difference"
CELL = ["municipality", "age_band", "sex", "month"]
MINIMUM_PERSON_YEARS = 10.0  # of a stratum over the window; with fewer its rate says nothing
MINIMUM_STANDARD = 0.9  # share of the standard's person-years that a part's strata must hold
LARGEST_CORRELATION = 0.95


@dataclass(frozen=True, eq=False)
class Measured:
    """What was found of parts: `expected` contacts (g,), and draws (p, g) about their centres in the last row.

    `debt` in contacts, `rate` per 1,000 person-years, `standardised` the same, age-sex standardised; NaN where a part's
    strata hold too little of the standard.
    """

    expected: Floats
    debt: Floats
    rate: Floats
    standardised: Floats


@dataclass(frozen=True, eq=False)
class Residents:
    """A population with its accounts, and the cells of every single service."""

    panel: Panel
    ledgers: Mapping[str, Ledger]
    cells: Mapping[str, Cells]

    @classmethod
    def of(cls, panel: Panel, ledgers: Mapping[str, Ledger], uses_care: bool) -> Residents:
        """The population with the cells of its services, sums of services left out."""
        single = {s: one for s, one in ledgers.items() if s in panel.services}
        return cls(panel, ledgers, {s: strata.of(panel, one, uses_care) for s, one in single.items()})

    def measure(
        self,
        service: str,
        inside: Floats,
        weights: Floats,
        rng: np.random.Generator,
        among: Sequence[str] | None = None,
    ) -> Measured:
        """Parts (g, k) measured; `all` adds up the services, or those `among`."""
        chosen = [s for s in self.cells if among is None or s in among] if service == ALL else [service]
        draws = np.array([_window_end(self.ledgers[s]) for s in chosen])
        return measured([self.cells[s] for s in chosen], draws, inside, by_stratum(self.panel), weights, rng)

    def persons(self, service: str) -> Floats:
        """Distinct persons with contacts in each cell and month of the window (k, m)."""
        series = self.ledgers[service].series
        rows = self.panel.totals if service == ALL else self.panel.counts[self.panel.counts["service"] == service]
        first, last = series.account.window_start, series.account.window_end
        rows = rows[rows["month"].between(first, last) & rows["municipality"].isin(series.municipalities)]
        return strata.cube(rows, "persons", self.panel, first, last - first + 1)


def others(group: Panel, everyone: Panel) -> Panel:
    """The panel of the residents outside a group: all residents' contacts, persons and person-years less the group's.

    Months before the group can be told are left out. Queues and providers are not told apart.
    """
    since, measures = group.available_from, ["contacts", "persons", "cost_eur"]
    time = _less(everyone.person_time, group.person_time, CELL, ["member_py"], since)
    residents = everyone.person_time[[*CELL, "resident_py"]]
    counts = _less(everyone.counts, group.counts, ["service", *CELL], measures, since)
    totals = _less(everyone.totals, group.totals, CELL, measures, since)
    return replace(
        everyone,
        target_group=NON_MEMBERS,
        available_from=max(since, everyone.available_from),
        counts=counts[counts["contacts"] > 0],
        totals=totals[totals["contacts"] > 0],
        person_time=time.merge(residents, on=CELL, how="left"),
        queue=everyone.queue.iloc[:0],
        queue_flows=everyone.queue_flows.iloc[:0],
        production=everyone.production.iloc[:0],
    )


def table(
    group: Panel,
    everyone: Panel,
    ledgers: Mapping[str, Ledger],
    others_ledgers: Mapping[str, Ledger],
    *,
    uses_care: bool,
    seed: int,
) -> pd.DataFrame:
    """`debt_equity` of a target group: services and `all` together, at the end of the window.

    Axes: `members` (the group, the residents outside it, and the difference), `age`, `sex` and `area` inside the group.
    A part's expectation is its own baseline rate with the service's common trend and season (`strata.of`), so parts add
    up to the whole. Its interval joins the whole's draws, shared by expected contacts, with the part's own noise, which
    is as wide as placebo windows before the disruption show (`strata.dispersion`). Standardised rates are directly
    standardised by age band and sex to all residents' person-years of the window, over strata in which the group lives
    (Breslow & Day 1987, Statistical Methods in Cancer Research II, ch. 2). In the row `difference` the debt is what the
    group lacks beyond the others' share of expected use.

    Parameters
    ----------
    ledgers, others_ledgers : accounts by service, `all` among them, of the group and of `others(group, everyone)`, of
        the same settings and number of draws; empty when there is no debt, or nobody else
    uses_care : membership depends on care (`TargetGroup.uses_care`)

    Measured on four synthetic counties of 20,000 residents (seeds 2–5), planted debts of municipality × service with 20
    expected contacts or more, all residents: 79 % of 700 inside the 80 % interval.
    """
    own = Residents.of(group, ledgers, uses_care)
    rest = Residents.of(others(group, everyone), others_ledgers, uses_care) if others_ledgers else None
    rows = []
    for service in [ALL, *own.cells] if own.cells else ():
        weights = _standard(everyone, own, service)
        rng = np.random.default_rng(seed ^ zlib.crc32(f"equity {service}".encode()))
        monthly = own.persons(service)
        for axis, labels, inside in axes(group):
            found = own.measure(service, inside, weights, rng)
            persons = (inside @ monthly).max(axis=1)  # of the largest month: a lower bound
            rows += _rows(service, axis, labels, found, persons, _known(ledgers[service]))
            if axis == MEMBERS and rest is not None and (service in rest.cells or (service == ALL and rest.cells)):
                rows += _beside(service, own, rest, found, persons, weights, rng)
    columns = list(RESULT_TABLES["debt_equity"].names)
    return pd.DataFrame(rows).assign(target_group=group.target_group).reindex(columns=columns)


def measured(
    cells: Sequence[Cells], draws: Floats, inside: Floats, stratum: Floats, weights: Floats, rng: np.random.Generator
) -> Measured:
    """Parts of services added together.

    What an account knows beyond expected − observed (substitution, pooling) is shared by expected contacts.

    Parameters
    ----------
    cells : of each service. draws : (s, p) the services' debts at the end of the window, row by row the same draw
    inside : (g, k) the parts. stratum : (j, k) the age-sex strata. weights : (j,) the standard's person-years
    """
    expected, observed, baseline = (
        np.array([_split(getattr(c, name), inside, stratum) for c in cells])
        for name in ("expected", "observed", "baseline")
    )
    whole = np.array([c.expected.sum() for c in cells])
    share = expected / np.where(whole > 0, whole, 1.0)[:, None, None]
    beyond = draws.mean(axis=1) - np.array([(c.expected - c.observed).sum() for c in cells])
    debt = (expected - observed + share * beyond[:, None, None]).sum(axis=0)
    common = np.einsum("sp,sgj->pgj", draws - draws.mean(axis=1, keepdims=True), share)
    variance = strata.noise_variance(expected, baseline).sum(axis=0) * _dispersion(cells, inside, stratum)
    noise = rng.standard_normal(common.shape) * np.sqrt(variance)
    split = expected.sum(axis=0)
    noise = noise - noise.sum(axis=(1, 2), keepdims=True) * split / max(whole.sum(), 1e-9)
    every = np.concatenate([debt + common + noise, debt[None]])
    person_years = np.array([_split(c.person_years, inside, stratum) for c in cells])
    summed = person_years_together(expected.sum(axis=2), person_years.sum(axis=2))
    years = person_years_together(expected, person_years)
    return Measured(
        expected=split.sum(axis=1),
        debt=every.sum(axis=2),
        rate=1000 * every.sum(axis=2) / np.where(summed > 0, summed, np.nan),
        standardised=1000 * standardised(every, years, weights, (inside @ stratum.T) > 0),
    )


def standardised(debt: Floats, person_years: Floats, weights: Floats, held: np.ndarray) -> Floats:
    """Directly standardised debt per person-year (…, g) from the debt (…, g, j) by age-sex stratum.

    Parameters
    ----------
    person_years : (g, j). weights : (j,) the standard's person-years, 0 = a stratum that is left out
    held : (g, j) strata that a part could hold; one that has them all is standardised to all of the standard. Strata
        of few person-years are left out; NaN where the others hold under nine tenths of the standard

    Witness: Breslow & Day 1987, ch. 2: strata of 10 in 1,000 and 60 in 2,000, standard 3 : 1 →
    ¾ · .01 + ¼ · .03 = .015.
    """
    wanted = np.where(held, weights, 0.0)
    kept = np.where(person_years >= MINIMUM_PERSON_YEARS, wanted, 0.0)
    total = kept.sum(axis=1)
    enough = (total > 0) & (total >= MINIMUM_STANDARD * wanted.sum(axis=1))
    per_year = np.divide(kept, person_years, out=np.zeros_like(kept), where=kept > 0)
    return np.asarray((debt * per_year).sum(axis=-1) / np.where(enough, total, np.nan))


def person_years_together(expected: Floats, person_years: Floats) -> Floats:
    """Person-years of services added together, (s, …) → (…): their harmonic mean by expected contacts, so that rates of
    services in different areas add up; without expected contacts the largest."""
    rate = np.divide(expected, person_years, out=np.zeros_like(expected), where=person_years > 0).sum(axis=0)
    return np.divide(expected.sum(axis=0), rate, out=person_years.max(axis=0), where=rate > 0)


def in_order(values: Floats, r: float, rng: np.random.Generator) -> np.ndarray:
    """Places (p,) in which other draws, sorted, have the rank correlation of a Gaussian copula r with `values`
    (Iman & Conover 1982, 10.1080/03610918208812265)."""
    score = r * normal_scores(values) + np.sqrt(1 - r**2) * rng.standard_normal(len(values))
    return ranks(score)


def axes(panel: Panel) -> list[tuple[str, tuple[str, ...], Floats]]:
    """The axes with the labels of their parts and the cells (g, k) inside each."""
    areas, bands, sexes = panel.municipalities, panel.age_bands, panel.sexes
    place = np.indices((len(areas), len(bands), len(sexes))).reshape(3, -1)
    found: list[tuple[str, tuple[str, ...], Floats]] = [(MEMBERS, (MEMBERS,), np.ones((1, place.shape[1])))]
    for axis, labels, codes in zip(("area", "age", "sex"), (areas, bands, sexes), place, strict=True):
        found.append((axis, labels, (codes == np.arange(len(labels))[:, None]).astype(float)))
    return found


def by_stratum(panel: Panel) -> Floats:
    """The age-sex strata (j, k)."""
    n = len(panel.age_bands) * len(panel.sexes)
    return np.tile(np.eye(n), len(panel.municipalities))


def _split(values: Floats, inside: Floats, stratum: Floats) -> Floats:
    """Cells (…, k) added up by part and stratum (…, g, j)."""
    both = (inside[:, None, :] * stratum[None]).reshape(-1, inside.shape[1])
    return np.asarray(values @ both.T).reshape(*values.shape[:-1], len(inside), len(stratum))


def _dispersion(cells: Sequence[Cells], inside: Floats, stratum: Floats) -> float:
    """Of parts, or of age-sex strata where that is more: few parts tell little of it."""
    origins = np.unique(np.concatenate([c.origins for c in cells]))
    found = [1.0]
    for parts, within in ((inside, stratum), (stratum, np.ones((1, stratum.shape[1])))):
        sums = np.zeros((3, len(origins), len(parts)))
        for c in cells:
            at = np.searchsorted(origins, c.origins)
            expected, observed, baseline = np.moveaxis(_split(c.tried, parts, within), 1, 0)
            sums[0][at] += expected.sum(axis=2)
            sums[1][at] += observed.sum(axis=2)
            sums[2][at] += strata.noise_variance(expected, baseline).sum(axis=2)
        found.append(strata.dispersion(*sums))
    return max(found)


def _window_end(ledger: Ledger) -> Floats:
    """Draws (p,) of the debt at the end of the window."""
    return np.asarray(ledger.terms.debt[:, ledger.window_months - 1])


def _known(ledger: Ledger) -> bool:
    """Whether the interval at the end of the window is calibrated."""
    return bool(np.isfinite(ledger.debt_lo80[ledger.window_months - 1]))


def _standard(everyone: Panel, own: Residents, service: str) -> Floats:
    """All residents' person-years (j,) of the window; 0 in strata in which the group hardly lives."""
    account = own.ledgers[service].series.account
    n = account.window_end - account.window_start + 1
    stratum = by_stratum(everyone)
    lived = strata.cube(everyone.person_time, "resident_py", everyone, account.window_start, n).sum(axis=1)
    chosen = list(own.cells.values()) if service == ALL else [own.cells[service]]
    members = stratum @ np.max([c.person_years for c in chosen], axis=0)
    return np.where(members >= MINIMUM_PERSON_YEARS, stratum @ lived, 0.0)


def _beside(
    service: str,
    own: Residents,
    rest: Residents,
    members: Measured,
    persons: Floats,
    weights: Floats,
    rng: np.random.Generator,
) -> list[dict[str, object]]:
    """The rows of the other residents and of the difference.

    Errors of both go together (a mild winter): their draws are paired with the correlation of their months before the
    window, which hold chance too, so that it is rather too small.
    """
    inside = axes(rest.panel)[0][2]
    found = rest.measure(service, inside, weights, rng, among=list(own.cells))
    behind = (inside @ rest.persons(service)).max(axis=1)
    known = _known(own.ledgers[service]) and _known(rest.ledgers[service])
    order = np.argsort(found.debt[:-1, 0])[in_order(members.debt[:-1, 0], _correlation(service, own, rest), rng)]
    placed = [np.concatenate([m[:-1][order], m[-1:]]) for m in (found.debt, found.rate, found.standardised)]
    share = placed[0] / np.where(found.expected > 0, found.expected, np.nan)
    gap = Measured(
        members.expected,
        members.debt - share * members.expected,
        members.rate - placed[1],
        members.standardised - placed[2],
    )
    fewest = np.minimum(persons, behind)
    return [
        *_rows(service, MEMBERS, (NON_MEMBERS,), found, behind, _known(rest.ledgers[service])),
        *_rows(service, MEMBERS, (DIFFERENCE,), gap, fewest, known),
    ]


def _correlation(service: str, own: Residents, rest: Residents) -> float:
    """Of the months before the window that both have, without season and working days."""
    sides = [side.ledgers[service].series for side in (own, rest)]
    first, last = max(int(one.months[0]) for one in sides), sides[0].account.window_start - 1
    months, left = np.arange(first, last + 1), []
    for one in sides:
        observed, expected = one.between(one.observed, first, last), one.between(one.expected, first, last)
        if observed.sum() <= 0 or not (expected > 0).all():
            return 0.0
        left.append(observed / (expected * season(observed, expected, months).factors(months)))
    if min(np.ptp(ratio) for ratio in left) <= 0:
        return 0.0
    return float(np.clip(np.asarray(np.corrcoef(*np.array(left)))[0, 1], 0.0, LARGEST_CORRELATION))


def _rows(
    service: str, axis: str, labels: Sequence[str], found: Measured, persons: Floats, known: bool
) -> list[dict[str, object]]:
    """One row a part that has expected contacts or persons."""
    share = found.debt / np.where(found.expected > 0, found.expected, np.nan)
    measures = {"share": share, "per_1000": found.rate, "standardised": found.standardised}
    centres = {"standardised": "standardised_per_1000"}
    values = {"expected": found.expected, "debt": found.debt[-1], "n_persons": persons}
    for name, draws in measures.items():
        low, high = np.quantile(draws[:-1], [0.1, 0.9], axis=0) if known else np.full((2, len(labels)), np.nan)
        values |= {centres.get(name, name): draws[-1], f"{name}_lo80": low, f"{name}_hi80": high}
    return [
        {"service": service, "axis": axis, "part": label, **{name: column[g] for name, column in values.items()}}
        for g, label in enumerate(labels)
        if found.expected[g] > 0 or persons[g] > 0
    ]


def _less(whole: pd.DataFrame, part: pd.DataFrame, keys: list[str], values: list[str], since: int) -> pd.DataFrame:
    """Rows of a whole less those of a part, by key, from month `since` on; not below zero."""
    both = pd.concat([whole[[*keys, *values]], part[[*keys, *values]].assign(**{v: -part[v] for v in values})])
    rest = both[both["month"] >= since].groupby(keys, observed=True, as_index=False)[values].sum()
    rest[values] = rest[values].clip(lower=0)
    return rest
