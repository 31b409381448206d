"""How far an effect could be explained without the intervention: confounding and regression to the mean."""

from __future__ import annotations

import numpy as np


def e_value(risk_ratio: float) -> float:
    """Strength of an unmeasured confounder, as a risk ratio with both intervention and outcome, that would
    explain the observed ratio away: r + √(r(r − 1)), r = max(ratio, 1/ratio).

    VanderWeele & Ding 2017, Annals of Internal Medicine 167:268–274, 10.7326/M16-2607; witness: 3.9 → 7.26.
    """
    ratio = max(risk_ratio, 1 / risk_ratio)
    return float(ratio + np.sqrt(ratio * (ratio - 1)))


def expected_change_of_selected(correlation: float, mean_selected: float, mean_population: float) -> float:
    """Relative change of the mean use of persons selected for high use, with no intervention at all.

    −(1 − ρ)(mean of the selected − mean of the population) per mean of the selected; ρ is the year-to-year
    correlation in the whole population. Exact for gamma-Poisson counts (James 1973, Biometrics 29:121–130,
    for the normal case).
    """
    return -(1 - correlation) * (mean_selected - mean_population) / mean_selected
