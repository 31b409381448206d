"""Checks of designs that weigh donors: synthetic control and synthetic difference-in-differences."""

from __future__ import annotations

import numpy as np

from ennakointi.causal.areas import LEVEL, Floats
from ennakointi.results import Check
from ennakointi.text import N_

WORST_FIT = 0.25  # error before the start, in standard deviations between units
FEWEST_BEFORE = 4  # periods before the start that are needed to judge the fit
MOST_OUTSIDE = 0.25  # share of periods in which the treated unit may lie outside its donors


def fit(gap: Floats, before: Floats, critical: bool = True) -> Check:
    """Root mean squared gap before the start (T0,) in standard deviations between the units (N, T0). A
    comparison that does not follow the past says nothing of the future (Abadie 2021, 10.1257/jel.20191450)."""
    between = float(np.sqrt(before.var(axis=0).mean()))
    error = float(np.sqrt((gap**2).mean()))
    if between == 0:
        return Check("fit", None, "All units had the same outcome before the start.", critical=critical)
    values = {"error_share": error / between}
    if len(gap) < FEWEST_BEFORE and error <= WORST_FIT * between:
        message = N_("With {periods} periods before the start it cannot be judged how well the comparison fits.")
        return Check("fit", None, message, {"periods": len(gap)}, critical=critical)
    if error <= WORST_FIT * between:
        message = N_("Before the start the comparison follows the treated unit: error {error_share} of their spread.")
        return Check("fit", True, message, values, critical=critical)
    message = N_("Before the start the comparison misses the treated unit: error {error_share} of their spread.")
    return Check("fit", False, message, values, critical=critical)


def hull(treated: Floats, donors: Floats) -> Check:
    """Whether the treated series (T0,) lies between the lowest and the highest donor (n, T0) before the start."""
    outside = float(((treated < donors.min(axis=0)) | (treated > donors.max(axis=0))).mean())
    values = {"outside_share": outside}
    if outside <= MOST_OUTSIDE:
        message = N_(
            "Before the start the treated unit lay outside the range of its donors in {outside_share} of periods."
        )
        return Check("hull", True, message, values)
    message = N_(
        "Before the start the treated unit lay outside the range of its donors in {outside_share} of periods: no "
        "weighted mean of them can follow it."
    )
    return Check("hull", False, message, values)


def placebo_in_time(moved: tuple[float, float, float] | None) -> Check:
    """Estimate, p-value and smallest possible p-value with the start moved back into the time before it."""
    if moved is None:
        return Check("placebo_time", None, "There are too few periods before the start to try an earlier one.")
    effect, p, smallest = moved
    values = {"effect": effect, "p": p}
    if smallest > LEVEL:
        message = N_("With the start moved back the effect would be {effect}; the donors are too few to judge it.")
        return Check("placebo_time", None, message, values)
    if p > LEVEL:
        message = N_("With the start moved back no effect shows: {effect} (p = {p}).")
        return Check("placebo_time", True, message, values)
    message = N_("With the start moved back an effect shows where there can be none: {effect} (p = {p}).")
    return Check("placebo_time", False, message, values)


def leave_one_out(effect: float, effects: Floats) -> Check:
    """Whether the effect keeps its sign and half its size without any one donor that holds weight."""
    if not len(effects):
        return Check("leave_one_out", None, "There is one donor only, so none can be left out.")
    values = {"low": float(effects.min()), "high": float(effects.max())}
    if (effects * np.sign(effect) >= abs(effect) / 2).all():
        message = N_("Without any one donor the effect is {low} … {high}.")
        return Check("leave_one_out", True, message, values)
    message = N_("The effect rests on one donor: without any one of them it is {low} … {high}.")
    return Check("leave_one_out", False, message, values)


def smallest_p(smallest: float, n_placebos: int) -> Check:
    """Whether the rank test can reach 5 %."""
    values = {"smallest": smallest, "placebos": n_placebos}
    if smallest <= LEVEL:
        message = N_("The rank test has {placebos} placebos; its p-value can be as small as {smallest}.")
        return Check("smallest_p", True, message, values)
    message = N_(
        "The rank test has {placebos} placebos, so its p-value cannot be smaller than {smallest}: 5% cannot be "
        "reached, and no interval of 95% exists."
    )
    return Check("smallest_p", False, message, values)


def dropped(donors: int, periods: int) -> Check:
    """Donors and periods that were left out because cells were missing."""
    values = {"donors": donors, "periods": periods}
    if donors or periods:
        message = N_("Missing cells: {donors} donors and {periods} periods were left out.")
        return Check("missing_cells", False, message, values)
    return Check("missing_cells", True, "No donor and no period was left out.")


def spill_over() -> Check:
    """What no number can check."""
    message = N_(
        "Nothing in the data shows whether the intervention reached the donors too, or whether another change met "
        "them: leave out donors of which it is known."
    )
    return Check("spill_over", None, message)
