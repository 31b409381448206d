"""Need to come: risks of persons, checked in every group, that add up to demand; never a list of persons."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ennakointi.features import Features
from ennakointi.need import (
    calibration,
    competing,
    decision_curve,
    demand,
    dependence,
    early,
    history,
    learners,
    model_card,
)
from ennakointi.need.cases import GROUP, AtRisk, Followed, Register
from ennakointi.need.learners import Floats
from ennakointi.need.model_card import Tested
from ennakointi.need.validation import Days, days, learnt, of_record
from ennakointi.parameters import Parameters
from ennakointi.parameters.need_documents import NeedOutcome
from ennakointi.periods import Quarter
from ennakointi.result_tables.needs import NEED_TABLES
from ennakointi.store import Store

PREDICTIONS = "need_predictions"  # of persons: for the work folder alone
_PERSONS_SCREENED = 300  # of those with and of those without the need, where all features are shuffled
_PERSONS_SHUFFLED = 1000  # the same for the strongest features
_SCREENED = 10  # features that are the strongest
_SHUFFLES = 3  # of these
_PERSONS_OF_CURVE = 1000
_CURVES = 3  # features whose curve is told
_POINTS = 12  # of a curve

Tables = dict[str, pd.DataFrame]


@dataclass(frozen=True, eq=False)
class _Work:
    """One outcome and horizon."""

    register: Register
    outcome: NeedOutcome
    months: int
    seed: int

    def followed(self, day: Quarter) -> Followed:
        return self.register.followed(self.outcome, day, self.months)


def estimate(
    outcome: str,
    opened: Store,
    features: Features,
    parameters: Parameters,
    seed: int,
    clients_only: bool = False,
) -> Tables:
    """Everything that is told of one need, for each of its horizons.

    Parameters
    ----------
    outcome : its id in need.yml.
    features : up to the quarter whose last day is predicted for.
    clients_only : whether the register holds clients, not residents: those without a contact in 24 months are then
        left out, as nothing tells whether they live here.

    Returns
    -------
    The tables of `result_tables.needs`, unrounded, and `need_predictions` (person, outcome, horizon_months,
    probability): the chance of each resident at risk on the last day, by the model of record, for the work folder
    alone. An outcome with too little behind it has rows of `need_models` and `need_checks` that say so, and no others.
    """
    settings = parameters.need
    held = tuple(Quarter.parse(name) for name in features.quarters)
    found: list[Tables] = []
    for months in settings.months_ahead(outcome):
        prediction_days = days(held, months, settings.horizons[months])
        of_horizon = zlib.crc32(f"{seed}.{outcome}.{months}".encode()) & 0x7FFFFFFF
        oldest = held[0] if prediction_days is None else prediction_days.before_test[-1]
        years = min(settings.history_years, history.whole_years(opened, oldest))
        register = Register(opened, features, settings, years, clients_only)
        work = _Work(register, settings.outcomes[outcome], months, of_horizon)
        for name, table in _estimated(work, prediction_days, len(held)).items():
            found.append({name: table.assign(outcome=outcome, horizon_months=months)})
    return _together(found)


def _together(found: Sequence[Tables]) -> Tables:
    """Tables of all horizons; those that no horizon filled are there without rows."""
    told = {table.name: list(table.names) for table in NEED_TABLES}
    told[PREDICTIONS] = ["person", "outcome", "horizon_months", "probability"]
    made = {}
    for name, columns in told.items():
        parts = [tables[name] for tables in found if name in tables and len(tables[name])]
        made[name] = pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)
    return made


def _estimated(work: _Work, prediction_days: Days | None, n_quarters: int) -> Tables:
    """Tables of one horizon without the columns outcome and horizon_months."""
    needed = work.register.settings.minimum_events
    if prediction_days is None:
        return _refused(model_card.not_far_enough(work.months, n_quarters), None, 0, 0)
    followed = work.followed(prediction_days.test)
    before = [work.followed(day) for day in prediction_days.before_test] if _fewer([followed]) >= needed else []
    if _fewer(before) < needed:
        events = int(followed.event.sum())
        return _refused(model_card.too_few(needed), prediction_days, events, len(followed))
    models = [learnt(kind, before, work.register.settings, work.seed) for kind in learners.KINDS]
    tested = [Tested(model, model.risk(followed.at_risk.known)) for model in models]
    best = of_record(models)
    record = next(one for one in tested if one.model is best)
    by_day = {one.at_risk.quarter: one for one in [followed, *before]}
    newest = [by_day.get(day) or work.followed(day) for day in prediction_days.before_now]
    again = learnt(best.kind, newest, work.register.settings, work.seed)
    now = work.register.at_risk(work.outcome, prediction_days.now)
    risk = again.risk(now.known)
    tables = _of_test(work, prediction_days, followed, tested, record)
    checked = model_card.checks(
        prediction_days,
        followed,
        record,
        tables["need_calibration"],
        best.risk(now.known),
        work.months,
        needed,
        work.seed,
    )
    return {
        **tables,
        "need_demand": _demand(work, followed, record, now, risk),
        "early_identification": early.identified(work.register, work.outcome, followed, work.months),
        "need_checks": model_card.check_rows(checked),
        PREDICTIONS: pd.DataFrame({"person": now.person, "probability": risk}),
    }


def _fewer(cases: Sequence[Followed]) -> int:
    """Those with the need or those without it, whichever are fewer."""
    with_need = sum(int(one.event.sum()) for one in cases)
    return min(with_need, sum(len(one) for one in cases) - with_need)


def _refused(reason: str, prediction_days: Days | None, events: int, at_risk: int) -> Tables:
    rows = model_card.refused_rows(reason, prediction_days, events, at_risk)
    return {"need_models": pd.DataFrame(rows), "need_checks": model_card.refusal(reason)}


def _of_test(
    work: _Work, prediction_days: Days, followed: Followed, tested: Sequence[Tested], record: Tested
) -> Tables:
    """What the test tells of the models: scores of both, and of the one of record the groups, curves and features."""
    event, kind = followed.event, record.model.kind
    groups = calibration.by_dimension(record.risk, event, followed.at_risk.told)
    shuffled = _importance(work, followed, record)
    curves = [calibration.curve(one.risk, event).assign(model=one.model.kind, curve="calibration") for one in tested]
    curves.append(decision_curve.net_benefit(record.risk, event).assign(model=kind, curve="decision"))
    came = competing.curve(work.register, work.outcome, followed, work.months)
    curves += [came.assign(model=kind, curve="incidence"), *_dependence(work, followed, record, shuffled)]
    return {
        "need_models": pd.DataFrame(model_card.model_rows(prediction_days, followed, tested, record)),
        "need_calibration": groups.assign(model=kind),
        "need_curve": pd.concat(curves, ignore_index=True),
        "need_importance": shuffled.assign(model=kind),
    }


def _alike(followed: Followed, record: Tested) -> demand.Dependence:
    """How alike persons of a municipality are, from the test."""
    area = followed.at_risk.told["municipality"].astype(object).to_numpy()
    return demand.spread(demand.cells(str(followed.at_risk.quarter), area, record.risk, followed.event))


def _importance(work: _Work, followed: Followed, record: Tested) -> pd.DataFrame:
    """Importance of features on a part of the test; a fall of the AUROC does not depend on how many have the need.

    All windows of a feature are shuffled together. One learner and few persons tell which features are worth shuffling
    for all of the model.
    """

    def shuffled(risk: dependence.Predict, most: int, shuffles: int, parts: dict[str, list[str]]) -> pd.DataFrame:
        rows = _some(followed, most, work.seed)
        known, person = followed.at_risk.known.iloc[rows], followed.at_risk.person[rows].astype(np.int64)
        return dependence.importance(risk, known, followed.event[rows], person, work.seed, shuffles, parts)

    together = windows(record.model.columns)
    screened = shuffled(record.model.learners[0].risk, _PERSONS_SCREENED, 2, together)
    strongest = {str(name): together[str(name)] for name in screened["feature"].head(_SCREENED)}
    return shuffled(record.model.risk, _PERSONS_SHUFFLED, _SHUFFLES, strongest)


def windows(columns: Sequence[str]) -> dict[str, list[str]]:
    """Columns by feature, the longest window last: `contacts_3m` and `contacts_12m` are `contacts`."""
    found: dict[str, list[tuple[int, str]]] = {}
    for column in columns:
        stem, _, window = column.rpartition("_")
        months = {"3m": 3, "12m": 12, "24m": 24}.get(window, 0)
        found.setdefault(stem if months else column, []).append((months, column))
    return {feature: [column for _, column in sorted(parts)] for feature, parts in found.items()}


def _dependence(work: _Work, followed: Followed, record: Tested, shuffled: pd.DataFrame) -> list[pd.DataFrame]:
    """Mean risk by value of the most important features, each in its longest window."""
    rows = np.random.default_rng(work.seed).permutation(len(followed))[:_PERSONS_OF_CURVE]
    known = followed.at_risk.known.iloc[np.sort(rows)]
    together = windows(record.model.columns)
    made = []
    for feature in [str(name) for name in shuffled["feature"] if name not in learners.WORDS][:_CURVES]:
        curve = dependence.partial(record.model.risk, known, together[feature][-1], points=_POINTS)
        made.append(curve.assign(model=record.model.kind, curve=f"dependence:{together[feature][-1]}"))
    return made


def _some(followed: Followed, most: int, seed: int) -> np.ndarray:
    """Rows of at most so many with and so many without the need, in order."""
    rng = np.random.default_rng(seed)
    kinds = [np.flatnonzero(followed.event), np.flatnonzero(~followed.event)]
    return np.sort(np.concatenate([rng.choice(rows, min(len(rows), most), replace=False) for rows in kinds]))


def _demand(work: _Work, followed: Followed, record: Tested, now: AtRisk, risk: Floats) -> pd.DataFrame:
    """Sums of the risks of those at risk now, by area and target group."""
    per_case = work.outcome.contacts_per_case
    learnt_cases = followed.contacts[followed.event]
    contacts = float(per_case) if per_case is not None else float(np.mean(learnt_cases))
    groups = {
        str(name).removeprefix(GROUP): now.told[name].fillna(False).to_numpy(bool)
        for name in now.told.columns
        if str(name).startswith(GROUP)
    }
    area = now.told["municipality"].astype(object).to_numpy()
    return demand.rows(risk, area, groups, work.outcome.service, contacts, _alike(followed, record))
