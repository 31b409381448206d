"""How far an effect could be explained without the intervention: confounding and regression to the mean."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ennakointi.causal.estimates import Numbers

RATIO_PER_DEVIATION = 0.91  # log risk ratio of one standard deviation


class EValues(NamedTuple):
    """Of the estimate, and of the end of its interval that is nearer to no effect (1 when the interval holds it)."""

    estimate: float
    nearer: float


def e_value(risk_ratio: float) -> float:
    """Strength of an unmeasured confounder, as a risk ratio with both intervention and outcome, that would
    explain the observed ratio away: r + √(r(r − 1)), r = max(ratio, 1/ratio).

    VanderWeele & Ding 2017, Annals of Internal Medicine 167:268–274, 10.7326/M16-2607; witness: 3.9 → 7.26.
    """
    ratio = max(risk_ratio, 1 / risk_ratio)
    return float(ratio + np.sqrt(ratio * (ratio - 1)))


def e_values(log_ratio: Numbers) -> EValues:
    """E-values of a log ratio and its interval."""
    estimate, low, high = log_ratio
    nearer = 0.0 if low <= 0 <= high else low if low > 0 else high
    return EValues(e_value(float(np.exp(estimate))), e_value(float(np.exp(nearer))))


def log_ratio_of_difference(difference: Numbers, deviation: float) -> Numbers:
    """Log risk ratio that is about worth a difference of means, given the outcome's standard deviation.

    Chinn 2000, Statistics in Medicine 19:3127–3131, as used by VanderWeele & Ding 2017 (0.91 per deviation).
    """
    return difference.scaled(RATIO_PER_DEVIATION / deviation)


def expected_change_of_selected(correlation: float, mean_selected: float, mean_population: float) -> float:
    """Relative change of the mean use of persons selected for high use, with no intervention at all.

    −(1 − ρ)(mean of the selected − mean of the population) per mean of the selected; ρ is the year-to-year
    correlation in the whole population. Exact for gamma-Poisson counts (James 1973, Biometrics 29:121–130,
    for the normal case).
    """
    return -(1 - correlation) * (mean_selected - mean_population) / mean_selected
