"""Temporal validation: a model learns from earlier days of prediction and is tested on a later one.

The horizon of every person learnt from has ended before the day of the test begins, as it has when the model of record
is used. Which of the two ways of learning is of record, and how risks are recalibrated, is decided by persons held out
of the learning on the earlier days; the test decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special
from sklearn.linear_model import LogisticRegression

from ennakointi.need import learners
from ennakointi.need.cases import MONTHS_IN_QUARTER, Followed, later
from ennakointi.need.learners import SMALLEST_RISK, Bools, Floats, Learner
from ennakointi.parameters.need_documents import NeedSettings
from ennakointi.periods import Quarter

_MONTHS_IN_YEAR = 12
_EVENTS_FOR_SLOPE = 100  # fewer events do not tell a slope: only the level is corrected


@dataclass(frozen=True)
class Recalibration:
    """A straight line of the log odds."""

    intercept: float
    slope: float

    def apply(self, risk: Floats) -> Floats:
        """(n,) Risks with the line applied."""
        odds = self.intercept + self.slope * special.logit(risk)
        return np.asarray(np.clip(special.expit(odds), SMALLEST_RISK, 1 - SMALLEST_RISK))


def recalibration(risk: Floats, event: Bools, weight: Floats) -> Recalibration:
    """The line with which risks (n,) fit what came (n,) best, each person counting `weight` times (Cox 1958, Biometrika
    45:562–565).

    Below 100 events, or where the risks do not rise with the need, the slope is 1 and only the level is corrected.
    """
    odds = special.logit(risk)
    if event.sum() >= _EVENTS_FOR_SLOPE and np.ptp(odds) > 0:
        fit = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1000).fit(odds[:, None], event, sample_weight=weight)
        if fit.coef_[0, 0] > 0:
            return Recalibration(float(fit.intercept_[0]), float(fit.coef_[0, 0]))
    wanted, shift = float(weight @ event), 0.0
    for _ in range(100):  # Newton's method
        p = special.expit(odds + shift)
        step = (wanted - float(weight @ p)) / float(weight @ (p * (1 - p)))
        shift += float(np.clip(step, -1, 1))
        if abs(step) < 1e-10:
            break
    return Recalibration(shift, 1.0)


@dataclass(frozen=True, eq=False)
class Model:
    """What was learnt on earlier days.

    `learners`: one for each part of the persons, learnt from the others. `kept`: log of the share of those without the
    need who were learnt from. `recalibrated`: on the persons that each learner did not see. `score`: mean log score of
    these, smaller is better. `columns`: what it sees.
    """

    kind: str
    learners: tuple[Learner, ...]
    kept: float
    recalibrated: Recalibration
    score: float
    quarters: tuple[Quarter, ...]
    columns: list[str]

    def risk(self, known: pd.DataFrame) -> Floats:
        """(n,) The mean of the learners' log odds, recalibrated, as a risk."""
        seen = known.reindex(columns=self.columns)
        odds = np.mean([special.logit(one.risk(seen)) for one in self.learners], axis=0)
        return self.recalibrated.apply(special.expit(odds + self.kept))


@dataclass(frozen=True)
class Days:
    """Days of prediction as quarters: the one that is predicted for, the test, and those learnt from for the test and
    for the prediction; newest first."""

    now: Quarter
    test: Quarter
    before_test: tuple[Quarter, ...]
    before_now: tuple[Quarter, ...]


def days(held: Sequence[Quarter], months: int, wanted: int) -> Days | None:
    """Days of prediction that the quarters of the features allow, or nothing where they do not reach far enough.

    Days learnt from lie whole years before: in the same season, and no outcome counts twice. The newest of them is a
    year before, so that its horizon has ended.
    """
    now = held[-1]
    test = later(now, -months)

    def years_before(day: Quarter) -> tuple[Quarter, ...]:
        before = (later(day, -_MONTHS_IN_YEAR * step) for step in range(1, wanted + 1))
        return tuple(quarter for quarter in before if quarter in held)

    if test not in held or not years_before(test):
        return None
    return Days(now, test, years_before(test), years_before(now))


def learnt(kind: str, cases: Sequence[Followed], settings: NeedSettings, seed: int) -> Model:
    """A model of one way of learning.

    Persons are divided into parts; a person of several days is in the same part on all of them. Each part is held out
    once; what is learnt from the others predicts it, and the held-out risks of all parts decide the recalibration. With
    fewer than 100 events that corrects the level alone.

    Notes
    -----
    Where only a share s of those without the need is learnt from, odds are too high by the factor 1 / s (King & Zeng
    2001, 10.1093/oxfordjournals.pan.a004868).
    """
    rng = np.random.default_rng(seed)
    known = pd.concat([one.at_risk.known for one in cases], join="inner", ignore_index=True)
    event = np.concatenate([one.event for one in cases])
    person = np.concatenate([one.at_risk.person for one in cases])
    rows, share = _sample(event, settings.most_persons, rng)
    known, event, person = known.iloc[rows].reset_index(drop=True), event[rows], person[rows]
    part = _parts(person, settings.folds, rng)
    made, held_out = [], np.zeros(len(event))
    for k in range(settings.folds):
        out = part == k
        one = learners.fitted(kind, known[~out], event[~out], seed + k)
        held_out[out] = one.risk(known[out])
        made.append(one)
    kept, weight = float(np.log(share)), np.where(event, 1.0, 1 / share)
    held_out = special.expit(special.logit(held_out) + kept)
    right = recalibration(held_out, event, weight)
    score = log_score(right.apply(held_out), event, weight)
    quarters = tuple(one.at_risk.quarter for one in cases)
    columns = [str(name) for name in known.columns]
    return Model(kind, tuple(made), kept, right, score, quarters, columns)


def of_record(models: Sequence[Model]) -> Model:
    """The model with the best score of persons that it did not learn from."""
    return min(models, key=lambda model: model.score)


def log_score(risk: Floats, event: Bools, weight: Floats) -> float:
    """Weighted mean of −log of the chance that was given to what came."""
    return float(-(weight @ np.log(np.where(event, risk, 1 - risk))) / weight.sum())


def _sample(event: Bools, most: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], float]:
    """Rows of all with the need and of a part of the others, and that part's share; as many of them as events at
    least."""
    with_need, without = np.flatnonzero(event), np.flatnonzero(~event)
    kept = min(len(without), max(most - len(with_need), len(with_need)))
    chosen = rng.choice(without, kept, replace=False)
    return np.sort(np.concatenate([with_need, chosen])), kept / max(len(without), 1)


def _parts(person: NDArray[np.int32], n_parts: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """(n,) part of each row; all rows of a person are in one part."""
    different, place = np.unique(person, return_inverse=True)
    return np.asarray((rng.permutation(len(different)) % n_parts)[place])


def quarters_apart(earlier: Quarter, last: Quarter) -> int:
    """Quarters from one to the other."""
    return 4 * (last.year - earlier.year) + last.number - earlier.number


def ended_before(model: Model, test: Quarter, months: int) -> bool:
    """Whether every horizon that the model learnt from ended by the day of the test."""
    return all(quarters_apart(one, test) * MONTHS_IN_QUARTER >= months for one in model.quarters)
