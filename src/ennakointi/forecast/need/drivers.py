"""What changes need: numbers of residents, their ages, healthier ageing, and the trend of use at a given age.

Functions of arrays. B age bands, A single ages, K strata (sex × band), n months, p draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize

from ennakointi.forecast.series import Floats

SMOOTHNESS = 1.0  # weight of the squared second differences of log rates
SHARED_DF = 4.0  # years of evidence that other services lend about a service's year-to-year noise
LEAST_TREND_SD = 0.004  # a year, log scale: trends are never taken to be known to be nothing
FIRST_TREND_SD = 0.02  # where no service tells how much trends differ
LEAST_BLOCKS = 3  # whole years that a trend of its own needs
STEEPEST = 0.10  # a year, log scale
DAMPING = (0.85, 1.0)  # a year; the trend's share that goes on to the next one, drawn evenly


def ungrouped(events: Floats, residents: Floats, bounds: Sequence[int]) -> Floats:
    """Events per person-year at single ages from counts in age bands, (A,).

    The penalised composite link model: counts of bands are Poisson with mean Σ residents · exp(η) over their ages, and
    η has small second differences; every band's rates are then scaled so that its own count comes back exactly.
    Rizzi, Gampe & Eilers 2015, 10.1093/aje/kwv020; Eilers 2007, 10.1177/1471082X0700700302.

    Parameters
    ----------
    events : (B,) events of a year by band; residents : (A,) person-years by single age (nobody: every rate is
        0); bounds : lowest ages of bands

    Witness: a Gompertz curve over ages 0–100 grouped to ten bands comes back within 10 % at every age with a tenth of
    its peak (`tests/unit/test_drivers.py`).
    """
    band = np.searchsorted(bounds, np.arange(len(residents)), side="right") - 1
    compose = (band[None, :] == np.arange(len(bounds))[:, None]) * residents
    counts = np.maximum(events, 0.5)
    known = compose.sum(axis=1) > 0
    if not known.any():
        return np.zeros(len(residents))
    penalty = SMOOTHNESS * np.diff(np.eye(len(residents)), 2, axis=0).T @ np.diff(np.eye(len(residents)), 2, axis=0)
    eta = np.full(len(residents), np.log(counts[known].sum() / max(residents.sum(), 1e-9)))
    for _ in range(60):
        link = compose[known] * np.exp(np.clip(eta, -25, 8))
        mean = link.sum(axis=1)
        weighted = link / np.maximum(mean, 1e-9)[:, None]
        step = weighted.T @ (counts[known] - mean) - penalty @ eta
        change = np.linalg.solve(weighted.T @ link + penalty + 1e-6 * np.eye(len(eta)), step)
        eta = np.clip(eta + np.clip(change, -1.0, 1.0), -25, 8)
        if np.abs(change).max() < 1e-6:
            break
    rates = np.exp(eta)
    made = compose @ rates
    return np.asarray(rates * np.divide(events, made, out=np.zeros_like(made), where=made > 0)[band])


def strata(rates: Floats, residents: Floats, bounds: Sequence[int]) -> Floats:
    """Expected events by stratum and month at the given rates, (K, n).

    Parameters
    ----------
    rates : (sexes, A) events per person-year; residents : (sexes, A, n) persons
    """
    expected = rates[:, :, None] * residents / 12
    return np.concatenate([np.add.reduceat(one, np.asarray(bounds, dtype=int), axis=0) for one in expected])


def younger(rates: Floats, years: float, from_age: int) -> Floats:
    """Rates (sexes, A) at which people of `from_age` and over use care as people `years` younger do now.

    Witness: rates equal to the age, 0.5 years: 79.5 at 80, 40 at 40 when `from_age` is 50.
    """
    ages = np.arange(rates.shape[1], dtype=float)
    source = np.where(ages >= from_age, ages - years, ages)
    return np.stack([np.interp(source, ages, one) for one in rates])


def dispersion(events: Floats, expected: Floats) -> float:
    """Variance per mean of counts in stratum × place (or year) cells around what the margins tell, at least 1.

    Pearson χ² over its degrees of freedom (McCullagh & Nelder 1989, §4.5.2), in cells where at least one event is
    expected. Few persons with many contacts make it large: places hold different persons, so that it tells what years,
    which hold the same ones, cannot.

    Parameters
    ----------
    events, expected : (K, cells); expected at the strata's own rates, scaled here to each column's total

    Witness: 10 20 / 20 10 with 15 expected everywhere: χ² 4·25/15 = 6.67 on 1 degree of freedom.
    """
    total = expected.sum(axis=0)
    kept = total > 0
    if kept.sum() < 2:
        return 1.0
    mean = expected[:, kept] * events[:, kept].sum(axis=0) / total[kept]
    known = mean >= 1
    if not known.any():
        return 1.0
    chi = ((events[:, kept] - mean)[known] ** 2 / mean[known]).sum()
    freedom = known.sum() - known.any(axis=0).sum() - known.any(axis=1).sum() + 1
    return max(float(chi / max(freedom, 1)), 1.0)


def stratum_errors(events: Floats, spread: float, n: int, rng: np.random.Generator) -> Floats:
    """Draws (n, K) with mean 1 of how far each stratum's rate may be from the observed one: gamma with the variance
    `spread` / events."""
    shape = np.maximum(events, 0.5) / spread
    return np.asarray(rng.gamma(shape, 1 / shape, (n, len(events))))


@dataclass(frozen=True, eq=False)
class Blocks:
    """Whole years of one service outside the disruption.

    `years` (y,): years before the last block, ≤ 0; `log_index` (y,): log of contacts per contacts expected at fixed
    age-sex rates; `yearly`: contacts of a usual year now.
    """

    years: Floats
    log_index: Floats
    yearly: float


@dataclass(frozen=True)
class Trend:
    """`slope`: a year, log scale, shrunk; `sd`: its standard error, with `df` degrees of freedom; `noise`: standard
    deviation of one year's log level; `blocks`: years behind it."""

    slope: float
    sd: float
    df: float
    noise: float
    blocks: int

    def draws(self, n: int, rng: np.random.Generator) -> Floats:
        """Slopes (n,), Student t around the estimate."""
        drawn = self.slope + self.sd * rng.standard_t(self.df, n)
        return np.clip(drawn, -STEEPEST, STEEPEST)


def trends(services: Sequence[Blocks]) -> list[Trend]:
    """The trend of each service from least squares on its whole years, with what the services tell of each other.

    The residual variance s² is squeezed towards the services' common curve c² + φ/contacts with `SHARED_DF` degrees of
    freedom (Smyth 2004, 10.2202/1544-6115.1027), and the slope towards zero by b · τ²/(τ² + se²), where τ² is the
    variance of trends between services by the method of moments (DerSimonian & Laird 1986,
    10.1016/0197-2456(86)90046-2; Efron & Morris 1975, 10.1080/01621459.1975.10479864).

    A service with fewer than three whole years has no slope of its own: zero with the spread τ.
    """
    fits = [_line(blocks) for blocks in services]
    prior = _variance_curve(services, fits)
    noise2 = [(SHARED_DF * p + f[2] * f[3]) / (SHARED_DF + f[3]) for p, f in zip(prior, fits, strict=True)]
    se2 = np.array([v / f[1] if f[3] > 0 else np.inf for v, f in zip(noise2, fits, strict=True)])
    slopes = np.array([f[0] for f in fits])
    tau2 = _between(slopes, se2)
    found = []
    for i, blocks in enumerate(services):
        kept = tau2 / (tau2 + se2[i]) if np.isfinite(se2[i]) else 0.0
        variance = kept * se2[i] if kept > 0 else tau2
        df = SHARED_DF + fits[i][3]
        found.append(
            Trend(float(slopes[i] * kept), float(np.sqrt(variance)), df, float(np.sqrt(noise2[i])), len(blocks.years))
        )
    return found


def _line(blocks: Blocks) -> tuple[float, float, float, float]:
    """Slope, sum of squares of the years, residual variance and its degrees of freedom; without three years, no
    slope."""
    n = len(blocks.years)
    if n < LEAST_BLOCKS:
        return 0.0, 0.0, 0.0, 0.0
    x, y = blocks.years - blocks.years.mean(), blocks.log_index - blocks.log_index.mean()
    squares = float(x @ x)
    slope = float(x @ y) / squares
    rest = y - slope * x
    return slope, squares, float(rest @ rest) / (n - 2), float(n - 2)


def _variance_curve(services: Sequence[Blocks], fits: Sequence[tuple[float, float, float, float]]) -> Floats:
    """c² + φ/contacts of a year by service, both not negative, by weighted least squares on the services' s²."""
    size = np.array([max(b.yearly, 1.0) for b in services])
    known = np.array([f[3] > 0 for f in fits])
    if not known.any():
        return 0.015**2 + 2.0 / size
    design = np.column_stack([np.ones(len(size)), 1 / size])
    found = np.array([f[2] for f in fits])
    curve = 0.015**2 + 2.0 / size
    for _ in range(5):
        weight = np.sqrt(np.array([f[3] for f in fits]))[known] / curve[known]
        parts, _ = optimize.nnls(design[known] * weight[:, None], found[known] * weight)
        curve = np.maximum(design @ parts, 1 / size)
    return np.asarray(curve)


def _between(slopes: Floats, se2: Floats) -> float:
    """Variance of trends between services around zero, by the method of moments."""
    known = np.isfinite(se2)
    if known.sum() < 2:
        return FIRST_TREND_SD**2
    w = 1 / se2[known]
    q = float(w @ slopes[known] ** 2)
    return max((q - known.sum()) / float(w.sum()), LEAST_TREND_SD**2)


def damped_years(years: Floats, damping: Floats) -> Floats:
    """Σ φ^k for k = 1…years, continued between whole years: (φ − φ^(years + 1)) / (1 − φ), shape (p, n).

    Before the origin the same curve runs on, below zero, so that a month and the same one a year later differ by a
    year's trend. Gardner & McKenzie 1985, 10.1287/mnsc.31.10.1237. Witness: two years at .9 → .9 + .81 = 1.71; at 1 →
    2; a year before at .9 → −1.
    """
    phi, h = damping[:, None], years[None, :]
    even = np.isclose(phi, 1.0)
    safe = np.where(even, 0.5, phi)
    return np.where(even, h, (safe - safe ** (h + 1)) / (1 - safe))


def bars(start: Floats, factors: dict[str, Floats], added: dict[str, Floats], end: Floats) -> dict[str, Floats]:
    """The bars of a waterfall, all (p,), that add up from start to end in every draw.

    Each factor is applied to the start alone: start · (factor − 1); `added` are changes that are no factors, such as
    scenarios, at the start's level. What the factors do together is the interaction: end − start − Σ bars. Kitagawa
    1955, 10.1080/01621459.1955.10501299; Das Gupta 1993, P23-186, who shares the interaction out instead.

    Witness (two strata, 100 and 100 residents → 90 and 150, rates 1 and 3 → 1.1 and 3.3): start 400, size ×1.2 = +80,
    structure 2.25/2 = +50, rates ×1.1 = +40, interaction 594 − 570 = +24, end 594.
    """
    made = {name: start * (factor - 1) for name, factor in factors.items()}
    made.update(added)
    rest = end - start - sum(made.values(), np.zeros_like(start))
    return {"start": start, **made, "interaction": rest, "end": end}
