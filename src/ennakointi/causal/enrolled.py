"""Effect on persons who took part, against persons alike who did not: weighting and outcome models on any table.

A target trial: both kinds of persons are followed from an index date, and what decided who took part is among the
covariates (Hernán & Robins 2016, American Journal of Epidemiology 183:758–764, 10.1093/aje/kwv254). There is no plain
before/after: without comparison persons the change of people selected for their past is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.stats import t
from threadpoolctl import threadpool_limits

from ennakointi.causal import person_checks, survival, weighting
from ennakointi.causal.areas import Bools, Floats, Ints
from ennakointi.causal.estimates import UNKNOWN, Estimate, Numbers
from ennakointi.causal.person_tables import PersonTable, person_table
from ennakointi.causal.weighting import Rates
from ennakointi.errors import DataError, ParameterError

Estimator = Literal["aipw", "ipw", "balancing", "regression"]
ESTIMATORS = ("crude", "ipw", "balancing", "aipw", "regression")
ESTIMANDS = ("att", "ate")
TRIMMED_AT = 0.01  # chance of the intervention
AIMED = 0.001  # standardised difference that the balancing weights aim at
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
CURVE_POINTS = 100


@dataclass(frozen=True, eq=False)
class _Study:
    """Persons with overlap, and what each estimator finds of them."""

    table: PersonTable
    estimand: str
    chance: Floats
    n_trimmed: int
    weights: Mapping[str, Floats]
    rates: Mapping[str, Rates] = field(default_factory=dict)

    @property
    def population(self) -> Floats:
        """(n,) who the effect is told of."""
        return self.table.treated.astype(float) if self.estimand == "att" else np.ones(len(self.table))


@threadpool_limits.wrap(limits=1)  # more threads only wait for each other, as in `phases.compute_part`
def enrolled(
    frame: pd.DataFrame,
    *,
    outcome: str,
    treatment: str,
    covariates: Sequence[str],
    estimand: str = "att",
    offset: str | None = None,
    cluster: str | None = None,
    event: str | None = None,
    horizon: float | None = None,
    before: str | None = None,
    negative_control: str | None = None,
    estimator: Estimator | None = None,
    squares: bool = True,
    seed: int = 0,
) -> Estimate:
    """Effect of taking part, by comparison with persons who did not and are alike in the covariates.

    Parameters
    ----------
    frame : one row per person, or per person and index date with `cluster` the person.
    outcome : 0/1, a count or a quantity after the index date; with `event` the time to the event or to the end of
        follow-up.
    treatment : 1 took part, 0 did not (or yes and no, true and false, `X` and `No X`; the outcome and event too).
    covariates : what was known before. Text columns become categories, `C(name)` makes a column of numbers
        categories, `name^2` is its square. Without any `^2` the squares of numbers are added (so that means and
        variances are made alike) and codes of 3 to 6 whole numbers are categories, unless `squares` is False. Rows
        with a missing value are left out and counted, up to a fifth.
    estimand : `att` the effect on those who took part, `ate` on everybody.
    offset : time at risk; the effect is then a difference of rates.
    event : 1 when the time in `outcome` ended in the event, 0 when follow-up ended; the effect is then the difference
        of risks at the `horizon` (the longest time at which a tenth of both arms is followed, unless given), and the
        difference of mean times without the event stands beside it.
    before : the outcome before the index date, when taking part depended on it: a covariate of its own, and the fall
        to expected from regression to the mean is shown.
    negative_control : an outcome that taking part cannot change.
    estimator : `aipw` (default) balancing weights with an outcome model fitted in other persons (logistic for 0/1,
        Poisson for counts, linear otherwise); `ipw` weights by the logistic propensity, normalised; `balancing`
        weights alone (default for times to an event); `regression` the outcome model alone. All stand in `beside`.

    Returns
    -------
    Estimate
        `parts`: `balance`, `overlap`, `beside`, and `survival` or `regression_to_the_mean`. Errors are clustered by
        person and take the weights as known; t distribution with the persons of the smaller arm.

    Raises
    ------
    ParameterError, DataError : bad options; no comparison persons; covariates that tell the arms fully apart.

    Hájek weights and their robust error: Hernán & Robins, What If, ch. 12 (witness: NHEFS 3.44, 2.41–4.47).
    """
    if estimand not in ESTIMANDS:
        raise ParameterError(f"estimand {estimand!r} is not known: it is 'att' or 'ate'")
    used = estimator or ("balancing" if event is not None else "aipw")
    if used not in ESTIMATORS[1:]:
        raise ParameterError(f"estimator {estimator!r} is not known: it is one of {', '.join(ESTIMATORS[1:])}")
    if horizon is not None and event is None:
        raise ParameterError("a horizon needs the column of the event")
    read = person_table(frame, outcome, treatment, covariates, offset, cluster, event, before, squares)
    study, curves = _estimated(read, estimand, horizon, seed)
    settings = _settings(study, used, seed, read, len(frame)) | ({} if curves is None else {"horizon": curves.horizon})
    told = outcome if curves is None else f"{event} within {curves.horizon:g}"
    found = _estimate(told, study, used, settings, curves)
    if negative_control is None:
        return found
    control = person_table(frame, negative_control, treatment, covariates, offset, cluster, None, before, squares)
    untouched, _ = _estimated(control, estimand, None, seed)
    rates = untouched.rates["aipw"]
    _, p_value = _numbers(rates.difference, rates.influence, untouched)
    return replace(found, checks=(*found.checks, person_checks.negative_control(p_value)))


def _estimated(
    read: PersonTable, estimand: str, horizon: float | None, seed: int
) -> tuple[_Study, survival.RiskDifference | None]:
    """Every estimator on the persons that have overlap."""
    chance = weighting.propensity(_scaled(read.x), read.treated)
    if read.x.shape[1] and chance[read.treated].min() >= chance[~read.treated].max():
        raise DataError("the covariates tell fully who took part: nobody alike is left to compare with; use fewer")
    overlap = chance <= 1 - TRIMMED_AT
    overlap &= (chance >= TRIMMED_AT) | (estimand == "att")
    table, chance = read.kept(overlap), chance[overlap]
    if min(table.treated.sum(), (~table.treated).sum()) < 2:
        raise DataError("persons with and without the intervention have nothing in common: use fewer covariates")
    x = _scaled(table.x)
    weights = {
        "crude": np.column_stack([~table.treated, table.treated]).astype(float),
        "ipw": weighting.inverse_probability(chance, table.treated, estimand),
        "balancing": _balancing(x, table, estimand),
    }
    study = _Study(table, estimand, chance, len(read) - len(table), weights)
    if table.event is None:
        return _with_rates(study, x, table.outcome, table.family, seed), None
    curves = {
        name: survival.risk_difference(
            table.outcome, table.event, table.treated, weight.sum(axis=1), horizon, table.cluster
        )
        for name, weight in weights.items()
    }
    crude = curves["crude"]
    pseudo = _pseudo_observations(crude, table.treated)
    modelled = _with_rates(study, x, pseudo, "linear", seed)
    risks = {name: found.risk for name, found in curves.items()}
    return replace(modelled, rates={**modelled.rates, **risks}), curves["balancing"]


def _pseudo_observations(crude: survival.RiskDifference, treated: Bools) -> Floats:
    """(n,) what each person adds to the risk of the own arm, by the infinitesimal jackknife (Andersen, Klein &
    Rosthøj 2003, Biometrika 90:15–27, 10.1093/biomet/90.1.15)."""
    one, risk = np.where(treated, treated.sum(), (~treated).sum()), crude.risk
    return np.asarray(
        np.where(treated, risk.rate1, risk.rate0) + one * np.where(treated, risk.influence1, risk.influence0)
    )


def _with_rates(study: _Study, x: Floats, outcome: Floats, family: weighting.Family, seed: int) -> _Study:
    """Crude, weighted, doubly robust and modelled rates."""
    table, population = study.table, study.population
    none = np.zeros((len(table), 2))
    fold = weighting.folds(table.cluster, table.treated, seed)
    rate = outcome / table.exposure
    arms = (~table.treated,) if study.estimand == "att" else (~table.treated, table.treated)
    predicted = [weighting.crossfitted(x, rate, table.exposure, arm, fold, family) for arm in arms]

    def rates(weight: Floats, model: Floats) -> Rates:
        return weighting.doubly_robust_rates(population, weight, outcome, table.exposure, model)

    found = {name: rates(weight, none) for name, weight in study.weights.items()}
    found["aipw"] = rates(study.weights["balancing"], np.column_stack([predicted[0], predicted[-1]]))
    found["regression"] = weighting.standardised_rates(population, x, outcome, table.exposure, table.treated, family)
    return replace(study, rates=found)


def _balancing(x: Floats, table: PersonTable, estimand: str) -> Floats:
    """(n, 2) balancing weights of both arms; the treated weigh the same when the effect is theirs."""
    goal = (x[table.treated] if estimand == "att" else x).mean(axis=0)
    weights = np.zeros((len(x), 2))
    for arm, rows in enumerate((~table.treated, table.treated)):
        own = arm == 1 and estimand == "att"
        even = np.ones(int(rows.sum()))
        weights[rows, arm] = even if own else weighting.balancing_weights(goal, x[rows], even, AIMED)
    return weights


def _scaled(x: Floats) -> Floats:
    """Standardised columns; what is constant among the persons left becomes 0."""
    spread = x.std(axis=0)
    return np.asarray((x - x.mean(axis=0)) / np.where(spread > 0, spread, 1.0))


def _numbers(value: float, influence: Floats, study: _Study) -> tuple[Numbers, float]:
    """Interval by the t distribution, and the p-value."""
    error = weighting.clustered(influence, study.table.cluster)
    if not np.isfinite(value + error) or error == 0:
        return Numbers(value, np.nan, np.nan), np.nan
    freedom = _persons(study)
    critical = float(t.ppf(0.975, freedom))
    return Numbers(value, value - critical * error, value + critical * error), float(
        2 * t.sf(abs(value) / error, freedom)
    )


def _persons(study: _Study) -> int:
    """Persons of the smaller arm, less one; the weighted comparison counts by its effective number."""
    treated, weight = study.table.treated, study.weights["balancing"]
    sizes = [weighting.effective(weight[rows, arm]) for arm, rows in enumerate((~treated, treated))]
    persons = [_different(study.table.cluster[rows]) for rows in (~treated, treated)]
    return max(int(min(*sizes, *persons)) - 1, 1)


def _estimate(
    outcome: str, study: _Study, used: str, settings: dict[str, Any], curves: survival.RiskDifference | None
) -> Estimate:
    rates = study.rates[used]
    effect, p_value = _numbers(rates.difference, rates.influence, study)
    parts = {"balance": _balance(study, used), "overlap": _overlap(study), "beside": _beside(study)}
    if curves is not None:
        parts |= {"survival": _survival(curves), "mean_time": _mean_time(curves, study)}
    if study.table.before is not None and curves is None:
        parts["regression_to_the_mean"] = _fall(study, rates)
    if min(rates.rate0, rates.rate1) > 0 and (study.table.outcome >= 0).all():
        ratio, _ = _numbers(rates.log_ratio, rates.log_influence, study)
    else:
        ratio = UNKNOWN
    spread = float(np.std(study.table.outcome / study.table.exposure))
    return Estimate(
        design="enrolled" if curves is None else "survival",
        outcome=outcome,
        effect=effect,
        p_value=p_value,
        relative=Numbers(*(float(np.expm1(value)) for value in ratio)),
        n=len(study.table),
        checks=tuple(person_checks.of_persons(effect, ratio, spread, settings, parts)),
        settings=settings,
        parts=parts,
    )


def _different(cluster: Ints) -> int:
    return int((np.bincount(cluster) > 0).sum())


def _settings(study: _Study, used: str, seed: int, read: PersonTable, n_rows: int) -> dict[str, Any]:
    table, weight = study.table, study.weights["ipw" if used == "ipw" else "balancing"]
    persons = [_different(table.cluster[rows]) for rows in (table.treated, ~table.treated)]
    worth = [weighting.effective(weight[rows, arm]) for arm, rows in ((1, table.treated), (0, ~table.treated))]
    return {
        "seed": seed,
        "estimand": study.estimand,
        "estimator": used,
        "outcome_model": table.family if table.event is None else "Kaplan-Meier",
        "covariates": list(table.names),
        "folds": int(weighting.folds(table.cluster, table.treated, seed).max()) + 1,
        "n_units": _different(table.cluster),
        "n_periods": 1,
        "n_treated": persons[0],
        "n_comparison": persons[1],
        "effective_treated": worth[0],
        "effective_comparison": worth[1],
        "n_rows": n_rows,
        "left_out": {**read.left_out, "no_overlap": study.n_trimmed},
        "trimmed_at": TRIMMED_AT,
    }


def _balance(study: _Study, used: str) -> pd.DataFrame:
    """Standardised differences, with the weights of the estimator."""
    table, weight = study.table, study.weights["ipw" if used == "ipw" else "balancing"].sum(axis=1)
    before = weighting.standardised_differences(table.x, table.treated, np.ones(len(table)))
    after = weighting.standardised_differences(table.x, table.treated, weight)
    return pd.DataFrame({"covariate": table.names, "before": before, "after": after})


def _overlap(study: _Study) -> pd.DataFrame:
    """Quantiles of the chance of the intervention in both arms."""
    treated = study.table.treated
    one, other = (np.quantile(study.chance[rows], QUANTILES) for rows in (treated, ~treated))
    return pd.DataFrame({"quantile": QUANTILES, "treated": one, "comparison": other})


def _beside(study: _Study) -> pd.DataFrame:
    """Every estimator's effect and the rates it compares."""
    rows = []
    for name in ESTIMATORS:
        rates = study.rates[name]
        found, p_value = _numbers(rates.difference, rates.influence, study)
        both = {"with": rates.rate1, "without": rates.rate0}
        rows.append({"estimator": name, **found._asdict(), "p_value": p_value, **both})
    return pd.DataFrame(rows)


def _survival(curves: survival.RiskDifference) -> pd.DataFrame:
    """Weighted shares without the event at even steps up to the horizon."""
    times = np.linspace(0, curves.horizon, CURVE_POINTS + 1)
    comparison, treated = (curve.at(times) for curve in curves.curves)
    return pd.DataFrame({"time": times, "treated": treated, "comparison": comparison})


def _mean_time(curves: survival.RiskDifference, study: _Study) -> pd.DataFrame:
    """Difference of mean times without the event up to the horizon."""
    rates = curves.mean_time
    found, p_value = _numbers(rates.difference, rates.influence, study)
    both = {"with": rates.rate1, "without": rates.rate0}
    return pd.DataFrame([{"horizon": curves.horizon, **found._asdict(), "p_value": p_value, **both}])


def _fall(study: _Study, rates: Rates) -> pd.DataFrame:
    """Plain change of the target population from before, and the one that comparison persons alike lead to expect."""
    table = study.table
    time = study.population * table.exposure
    before = np.nan if table.before is None else float(time @ table.before / time.sum())
    changes = {"crude_change": rates.rate1 - before, "expected_change": rates.rate0 - before}
    return pd.DataFrame([{"before": before, "with": rates.rate1, "without": rates.rate0, **changes}])
