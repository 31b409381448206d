"""Result tables of need to come: how good the predictions are, for whom, and what they add up to; never of a person."""

from __future__ import annotations

from ennakointi.result_tables.columns import (
    COUNT,
    ESTIMATE,
    GROUP,
    PERSONS,
    PERSONS_BEHIND,
    SERVICE,
    SHARE,
    ResultColumn,
    ResultTable,
    Sum,
    key,
    label,
)

_OUTCOME = key("outcome", "need that is anticipated, from need.yml")
_HORIZON = key("horizon_months", "months after the day of prediction in which it may arise")
_MODEL = key("model", "boosting (gradient boosting) or logistic (penalised logistic regression)")
_AT_RISK = ResultColumn("at_risk", PERSONS, "persons", "residents who did not have the need on the day of prediction")
_FEWER = ResultColumn("n_persons", PERSONS, "persons", "those with the need or those without it, whichever are fewer")


def _score(name: str, unit: str, meaning: str, step: float = 0.01) -> ResultColumn:
    """A score of a test: with all its digits it would tell the exact number of persons behind it."""
    return ResultColumn(name, SHARE, unit, meaning, step=step)


def _digits(name: str, unit: str, meaning: str) -> ResultColumn:
    """A number of any size, to two significant digits for the same reason."""
    return ResultColumn(name, SHARE, unit, meaning, digits=2)


def _estimate(name: str, meaning: str) -> ResultColumn:
    return ResultColumn(name, ESTIMATE, "persons", meaning)


_MODELS = ResultTable(
    "need_models",
    (
        _OUTCOME,
        _HORIZON,
        _MODEL,
        label("of_record", "yes for the model whose predictions are used"),
        label("trained_on", "day of prediction of the persons that the model learnt from, ISO date"),
        label("tested_on", "later day of prediction of the persons that it was tested on, ISO date"),
        label("recalibrated", "yes when intercept and slope were corrected on held-out persons"),
        ResultColumn("events", COUNT, "persons", "persons of the test with the need within the horizon"),
        _score("auroc", "share", "chance that a person with the need has the higher risk", step=0.001),
        _score("auroc_lo95", "share", "lower end of its 95 % interval"),
        _score("auroc_hi95", "share", "upper end of its 95 % interval"),
        _score("auprc", "share", "area under the precision-recall curve"),
        _digits("brier", "index", "mean squared difference of risk and outcome"),
        _score("brier_skill", "share", "improvement over the same risk for everyone"),
        _score("calibration_intercept", "log odds", "0: as many as predicted"),
        _score("calibration_slope", "ratio", "1: risks are neither too extreme nor too even"),
        _score("slope_lo95", "ratio", "lower end of its 95 % interval"),
        _score("slope_hi95", "ratio", "upper end of its 95 % interval"),
        ResultColumn("died_share", SHARE, "share", "of those at risk who died within the horizon", step=0.005),
        label("reason", "why there is no model, catalogue key and slots as JSON; empty: there is one", with_row=True),
        _AT_RISK,
        _FEWER,
    ),
)
_CALIBRATION = ResultTable(
    "need_calibration",
    (
        _OUTCOME,
        _HORIZON,
        _MODEL,
        key("dimension", "all, target_group, sex, age_band, municipality or language"),
        key("value", "value of the dimension; `all`"),
        ResultColumn("observed", COUNT, "persons", "persons with the need within the horizon"),
        _estimate("expected", "sum of the risks"),
        ResultColumn("ratio", SHARE, "ratio", "observed / expected", ratio_of=("observed", "expected")),
        _score("intercept", "log odds", "calibration intercept: 0 as many as predicted"),
        _score("slope", "ratio", "calibration slope: 1 neither too extreme nor too even"),
        _score("auroc", "share", "chance that a person with the need has the higher risk"),
        label("within", "yes when the observed number is inside the 95 % interval of the predicted one", with_row=True),
        _AT_RISK,
        _FEWER,
    ),
    persons="at_risk",
    sums=(Sum(("value",), ("all",), ("observed", "expected"), distinct=True),),
)
_CURVE = ResultTable(
    "need_curve",
    (
        _OUTCOME,
        _HORIZON,
        _MODEL,
        key("curve", "calibration, decision, incidence, or dependence:<feature>"),
        key("place", "order of the point on the curve"),
        _digits("x", "risk, threshold, months or feature", "risk, threshold, months ahead, or value"),
        _digits("y", "share", "observed share, net benefit per person, share with the need by then, or mean risk"),
        PERSONS_BEHIND,
    ),
)
_IMPORTANCE = ResultTable(
    "need_importance",
    (
        _OUTCOME,
        _HORIZON,
        _MODEL,
        key("feature", "what is known of a person on the day of prediction"),
        _digits("importance", "AUROC", "fall of the AUROC when the feature is shuffled among the persons"),
        _digits("sd", "AUROC", "its standard deviation over shuffles"),
    ),
    persons=None,
)


def _risen(name: str, meaning: str) -> ResultColumn:
    """Persons as a sum of risks, which are no count of anybody: in whole persons."""
    return ResultColumn(name, SHARE, "persons", meaning, step=1.0)


_DEMAND = ResultTable(
    "need_demand",
    (
        _OUTCOME,
        _HORIZON,
        GROUP,
        SERVICE,
        key("municipality", "official code; `all` = the whole area"),
        _risen("expected", "persons with the need within the horizon"),
        _risen("expected_lo80", "lower end of the 80 % prediction interval"),
        _risen("expected_hi80", "upper end of the 80 % prediction interval"),
        _risen("expected_lo90", "lower end of the 90 % prediction interval"),
        _risen("expected_hi90", "upper end of the 90 % prediction interval"),
        ResultColumn("contacts", ESTIMATE, "contacts", "their contacts with the service in the horizon"),
        _digits("dependence", "share", "correlation of two persons' outcomes, of the beta-binomial"),
        PERSONS_BEHIND,
    ),
    sums=(Sum(("municipality",), ("all",), (), distinct=True),),
)
_EARLY = ResultTable(
    "early_identification",
    (
        _OUTCOME,
        _HORIZON,
        GROUP,
        key("service", "the right service, from need.yml; `all` = any of them"),
        ResultColumn("known", COUNT, "persons", "those of them whom the service knew before"),
        ResultColumn("known_share", SHARE, "share", "known before", ratio_of=("known", "with_need")),
        ResultColumn(
            "known_of_at_risk", SHARE, "share", "of all at risk in the group, known to the service then", step=0.01
        ),
        ResultColumn("lead_days", SHARE, "days", "median time from the first contact to the need", step=10.0),
        ResultColumn("with_need", PERSONS, "persons", "persons to whom the need came"),
        ResultColumn("n_persons", PERSONS, "persons", "those known or those not known before, whichever are fewer"),
    ),
)
_CHECKS = ResultTable(
    "need_checks",
    (
        _OUTCOME,
        _HORIZON,
        key("check", "what was checked"),
        label("passed", "yes, no, or not_checked"),
        label("message", "catalogue key and slots of the plain sentence, as JSON"),
    ),
    persons=None,
)
NEED_TABLES = (_MODELS, _CALIBRATION, _CURVE, _IMPORTANCE, _DEMAND, _EARLY, _CHECKS)
