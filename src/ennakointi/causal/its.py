"""Interrupted time series of an analyst's own table: segmented regression, other models beside it, and its checks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import chi2, norm

from ennakointi.causal import discontinuity, segmented
from ennakointi.causal.areas import LEVEL, Floats
from ennakointi.causal.estimates import Estimate
from ennakointi.causal.frames import OneSeries, series
from ennakointi.causal.interrupted import (
    FEWEST_AFTER,
    FEWEST_BEFORE,
    PAIRS,
    Found,
    Interrupted,
    design,
    estimable,
    estimate,
    expected,
    prepare,
)
from ennakointi.causal.segmented import INDEPENDENT, Judged
from ennakointi.errors import ParameterError
from ennakointi.results import Check
from ennakointi.text import N_

DRAWS_BESIDE, DRAWS_PLACEBO = 400, 200  # of the bootstrap of other models and of placebo dates
MOST_PLACEBOS = 5
NO_COMPARISON = N_("There is no comparison: anything else that changed at the same time counts as effect.")


def its(
    frame: pd.DataFrame,
    *,
    outcome: str,
    time: str,
    start: Any,
    offset: str | None = None,
    season: int | None = None,
    covariates: Sequence[str] = (),
    washout: int = 0,
    phase_in: int = 0,
    seed: int = 0,
) -> Estimate:
    """Step at the start of an intervention in one series without a comparison, by segmented regression.

    Counts (non-negative whole numbers, or any non-negative values with an offset) by quasi-Poisson regression with
    log link, other outcomes by a line; level, trend, two pairs of harmonics, covariates and the step. The interval
    and p-value are averaged over autocorrelations and judged by a bootstrap without a step (`segmented`).

    Parameters
    ----------
    frame : one row a period; periods without a value are left out.
    outcome, time, offset, covariates : columns; the offset is a population or person-time.
    start : first period of the intervention, written as in `time`.
    season : periods of a season, 1 for none; by default what the periods suggest (12 months, 52 weeks, 4 quarters,
        7 days; none of years and plain numbers). Needs two seasons of data, one of them before the start.
    washout : periods from the start on that are left out.
    phase_in : periods over which the effect grows to its full size.

    Returns
    -------
    Estimate
        `effect`: mean over the periods after the start of the fitted level minus the counterfactual one, in the
        outcome's units per period, per unit of the offset where one was given; `relative`: the rate ratio − 1.
        Parts: `path` (lo95 and hi95 are of the counterfactual), `models` (the same step by other models, among them
        the plain regression of published tables), `placebos`.

    Raises
    ------
    ParameterError
        Unknown columns, a negative washout or phase-in, a season that the data are too short for.
    DataError
        Fewer than 8 periods before or 3 after the start, no events on a side, a constant outcome before the start.
    """
    _require(season, washout, phase_in)
    one = series(frame, outcome, time, start, offset, covariates)
    periods = one.season if season is None else season
    data = prepare(one, periods, washout, phase_in)
    if season is not None and season >= 4 and not data.waves.shape[1]:
        raise ParameterError(f"season {season}: two seasons of data are needed, one of them before the start")
    if phase_in and data.ramp.max() < 1:
        raise ParameterError(f"phase_in {phase_in}: the effect must reach its full size within the data")
    found = estimate(data, design(data), seed)
    models = _models(data, found, seed, periods, washout)
    placebos = _placebos(data, seed, one.times)
    return Estimate(
        design="its",
        outcome=outcome,
        effect=found.effect,
        p_value=found.judged.p_value,
        relative=found.relative,
        n=len(data.values),
        checks=tuple(_checks(data, found, models, placebos, seed)),
        settings=_settings(data, found, one)
        | {"season": periods, "offset": offset, "covariates": list(covariates)}
        | {"washout": washout, "phase_in": phase_in, "seed": seed},
        parts={"path": _path(data, found, one.times), "models": models, "placebos": placebos},
    )


def _require(season: int | None, washout: int, phase_in: int) -> None:
    for name, value, least in (("season", season, 1), ("washout", washout, 0), ("phase_in", phase_in, 0)):
        if value is not None and value < least:
            raise ParameterError(f"{name}: {value} is less than {least}")


def _settings(data: Interrupted, found: Found, one: OneSeries) -> dict[str, Any]:
    n_after = int(data.after.sum())
    detectable = (found.judged.critical + norm.ppf(0.8)) * found.fit.error
    return {
        "n_units": 1,
        "n_treated": 1,
        "n_comparison": 0,
        "n_periods": len(one.values),
        "start": one.times[one.start],
        "n_before": len(data.values) - n_after,
        "n_after": n_after,
        "family": "quasi-Poisson, log link" if data.counts else "Gaussian, identity link",
        "family_rule": "counts: non-negative whole numbers, or non-negative values with an offset",
        "harmonics": PAIRS if data.waves.shape[1] else 0,
        "errors": "autocorrelations averaged by their restricted likelihood; bootstrap without a step",
        "autocorrelation": found.fit.autocorrelation,
        "dispersion": found.fit.dispersion,
        "standard_error": found.fit.error,
        "draws": segmented.DRAWS,
        "detectable_relative": float(-np.expm1(-detectable)) if data.counts else np.nan,
        "detectable": float(-np.expm1(-detectable) * _level(data)) if data.counts else float(detectable),
    }


def _level(data: Interrupted) -> float:
    """Outcome per unit of exposure before the start."""
    before = ~data.after
    return float(data.values[before].sum() / data.exposure[before].sum())


def _path(data: Interrupted, found: Found, times: tuple[str, ...]) -> pd.DataFrame:
    """Periods used: observed, fitted and counterfactual level, per unit of exposure."""
    fitted, counterfactual, lo95, hi95 = expected(data, found)
    return pd.DataFrame(
        {
            "time": [times[place] for place in data.position],
            "observed": data.rates,
            "fitted": fitted,
            "counterfactual": counterfactual,
            "lo95": lo95,
            "hi95": hi95,
        }
    )


def _models(data: Interrupted, found: Found, seed: int, season: int, washout: int) -> pd.DataFrame:
    """The step by other models: rate ratios of counts, changes in units of other outcomes."""
    rows = [_row(data, "record", "step", found)]
    for waves in (True, False) if data.waves.shape[1] else (False,):
        harmonics = "_harmonics" if waves else ""
        for term, columns in _terms(data, waves):
            if len(columns) < columns.shape[1] + 2 or np.linalg.matrix_rank(columns) < columns.shape[1]:
                continue
            plain = estimate(data, columns, seed, models=INDEPENDENT)
            if term != "step" or waves < bool(data.waves.shape[1]):
                beside = estimate(data, columns, seed, DRAWS_BESIDE)
                rows.append(_row(data, f"averaged_autocorrelation{harmonics}", term, beside))
            rows.append(_row(data, f"independent{harmonics}", term, plain))
            if data.counts and term == "step":
                rows.append(_row(data, f"independent_poisson{harmonics}", term, _without_dispersion(plain)))
    width = discontinuity.bandwidth(data, season)
    jump = discontinuity.discontinuity(data, width, washout, seed)
    if jump is not None:
        rows.append(_row(data, f"discontinuity_within_{width}_periods", "jump", jump))
    return pd.DataFrame(rows)


def _without_dispersion(plain: Found) -> Found:
    """The same with the variance of Poisson counts."""
    error = plain.fit.error / np.sqrt(plain.fit.dispersion)
    half, critical = norm.ppf(0.975) * error, float(norm.ppf(0.975))
    p_value = float(2 * norm.sf(abs(plain.fit.step) / error))
    return plain._replace(judged=Judged(plain.fit.step - half, plain.fit.step + half, p_value, critical))


def _terms(data: Interrupted, waves: bool) -> Iterator[tuple[str, Floats]]:
    """The step alone; with a change of slope the step at the start, the change per period, and the mean of both."""
    yield "step", design(data, waves)
    if waves == bool(data.waves.shape[1]):
        both = design(data, waves, slope=True)
        yield "step_beside_slope", both
        yield "slope_beside_step", np.column_stack([both[:, :-2], both[:, -1], both[:, -2]])
        centred = both[:, -2] - both[data.after, -2].mean() * data.after
        yield "mean_beside_slope", np.column_stack([both[:, :-2], centred, both[:, -1]])


def _row(data: Interrupted, model: str, term: str, found: Found) -> dict[str, Any]:
    ends = [float(np.exp(one)) if data.counts else one for one in found.step]
    return {
        "model": model,
        "term": term,
        "measure": "rate_ratio" if data.counts else "difference",
        **dict(zip(("estimate", "lo95", "hi95"), ends)),
        "p_value": found.judged.p_value,
        "n": len(found.fit.mean),
    }


def _placebos(data: Interrupted, seed: int, times: tuple[str, ...]) -> pd.DataFrame:
    """Steps at dates before the start, where there was no intervention."""
    before = data.part(~data.after)
    places = range(FEWEST_BEFORE, len(before.values) - FEWEST_AFTER)
    chosen = np.unique(np.linspace(places.start, places.stop - 1, MOST_PLACEBOS).astype(int)) if places else ()
    rows = []
    for place in chosen:
        placebo = data.placebo(int(before.position[place]))
        columns = design(placebo)
        if estimable(placebo, columns):
            found = estimate(placebo, columns, seed, DRAWS_PLACEBO)
            rows.append({"time": times[placebo.start], **found.effect._asdict(), "p_value": found.judged.p_value})
    return pd.DataFrame(rows, columns=["time", "estimate", "lo95", "hi95", "p_value"])


def _checks(data: Interrupted, found: Found, models: pd.DataFrame, placebos: pd.DataFrame, seed: int) -> list[Check]:
    return [
        Check("comparison", False, NO_COMPARISON),
        _length(data),
        _left_over(found),
        _placebo_check(placebos),
        _agreement(data, found, models),
        _slope(models),
        _later(data, found, seed),
        _dispersion(data, found),
    ]


def _length(data: Interrupted) -> Check:
    n_after = int(data.after.sum())
    n_before = len(data.values) - n_after
    enough = n_before >= segmented.FEWEST_BEFORE and n_after >= segmented.FEWEST_AFTER
    return Check(
        "few_periods",
        enough,
        N_("There are enough periods: {n_before} before the start and {n_after} after it.")
        if enough
        else N_("The series is short: {n_before} periods before the start and {n_after} after it."),
        {"n_before": n_before, "n_after": n_after},
    )


def _left_over(found: Found) -> Check:
    """Ljung–Box test of the whitened residuals (Ljung & Box 1978, 10.1093/biomet/65.2.297)."""
    errors = segmented.whitened_residual(found.fit)
    n, lags = len(errors), max(1, min(10, len(errors) // 5))
    errors = errors - errors.mean()
    correlation = np.array([errors[lag:] @ errors[:-lag] for lag in range(1, lags + 1)]) / (errors @ errors)
    statistic = n * (n + 2) * (correlation**2 / (n - np.arange(1, lags + 1))).sum()
    p_value = float(chi2.sf(statistic, lags))
    return Check(
        "residual_autocorrelation",
        p_value > LEVEL,
        N_("Periods resemble each other (autocorrelation {autocorrelation}); the interval takes it into account.")
        if p_value > LEVEL
        else N_(
            "Residuals resemble each other beyond the autocorrelation of {autocorrelation} that was modelled: the "
            "interval may be too narrow."
        ),
        {"autocorrelation": found.fit.autocorrelation, "ljung_box_p": p_value},
    )


def _placebo_check(placebos: pd.DataFrame) -> Check:
    """At most a quarter significant, and none so by Bonferroni's rule."""
    n, significant = len(placebos), int((placebos["p_value"] <= LEVEL).sum())
    if not n:
        return Check("placebo_dates", None, N_("There are too few periods before the start for placebo dates."))
    values = {"n_placebos": n, "n_significant": significant, "significant_share": significant / n}
    calm = significant <= n // 4 and placebos["p_value"].min() > LEVEL / n
    return Check(
        "placebo_dates",
        bool(calm),
        N_("Placebo dates before the start: {n_significant} of {n_placebos} show an effect where there was none."),
        values,
    )


def _agreement(data: Interrupted, found: Found, models: pd.DataFrame) -> Check:
    """The plain regression's step lies inside the interval of record, and the discontinuity's interval meets it."""
    low, high = (float(np.exp(one)) if data.counts else one for one in found.step[1:])
    season = "_harmonics" if data.waves.shape[1] else ""
    steps = models[models["model"].isin(["record", f"independent{season}"]) & (models["term"] == "step")]["estimate"]
    jumps = models[models["term"] == "jump"]
    agree = bool(steps.between(low, high).all() and ((jumps["lo95"] <= high) & (jumps["hi95"] >= low)).all())
    return Check(
        "alternative_estimators",
        agree,
        N_("Other models of the same step agree with the interval.")
        if agree
        else N_("Other models of the same step disagree: between {lowest} and {highest}."),
        {"lowest": float(steps.min()), "highest": float(steps.max())},
    )


def _slope(models: pd.DataFrame) -> Check:
    slopes = models[(models["term"] == "slope_beside_step") & models["model"].str.startswith("averaged")]
    if slopes.empty:
        return Check("constant_effect", None, N_("There are too few periods to ask whether the effect changes."))
    p_value = float(slopes.iloc[0]["p_value"])
    return Check(
        "constant_effect",
        p_value > LEVEL,
        N_("The effect does not visibly grow or fade after the start (p = {p_value}).")
        if p_value > LEVEL
        else N_("The trend changes at the start too (p = {p_value}): one step does not tell the whole effect."),
        {"p_value": p_value},
    )


def _later(data: Interrupted, found: Found, seed: int) -> Check:
    """The step when the first sixth of the time after the start is left out as well."""
    after = data.after
    first = max(1, int(after.sum()) // 6)
    kept = data.part(~after | (np.cumsum(after) > first))
    columns = design(kept)
    values = {"n_left_out": first}
    if not estimable(kept, columns):
        return Check("washout", None, N_("There are too few periods after the start to leave the first out."))
    later = estimate(kept, columns, seed, 1)
    stable = found.judged.lo95 <= later.fit.step <= found.judged.hi95
    return Check(
        "washout",
        stable,
        N_("The effect is much the same without the first periods after the start ({n_left_out} left out).")
        if stable
        else N_("The effect depends on the first periods after the start ({n_left_out} left out)."),
        values,
    )


def _dispersion(data: Interrupted, found: Found) -> Check:
    values = {"dispersion": found.fit.dispersion}
    if not data.counts:
        return Check("dispersion", None, N_("Dispersion is a matter of counts only."))
    smooth = found.fit.dispersion < 0.3
    return Check(
        "dispersion",
        not smooth,
        N_("Counts vary {dispersion} times as much as chance alone makes them; the interval takes it into account.")
        if not smooth
        else N_("Counts vary less than chance makes them ({dispersion} times): have they been smoothed or modelled?"),
        values,
    )
