"""The model card: how good each model was on its test, what was checked, and why there is none.

Purpose: sums of risks by service and area for the planning of capacity, and the shares that the right services knew
before. Never: a list of persons, a decision about a person, a comparison of professionals. The pages say so; the
tables here carry the rest: on which days was learnt and tested, how many had the need, and what the predictions are
worth in which groups.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from scipy import stats

from ennakointi.need import discrimination
from ennakointi.need.calibration import calibrate
from ennakointi.need.cases import Followed
from ennakointi.need.competing import died_share
from ennakointi.need.demand import ALL
from ennakointi.need.learners import KINDS, Floats
from ennakointi.need.validation import Days, Model, ended_before
from ennakointi.result_tables import RESULT_TABLES
from ennakointi.results import Check
from ennakointi.text import N_, message_json

GOOD_SLOPE = (0.9, 1.1)
MOST_DRIFT = 0.2  # population stability index beyond which the persons are not those learnt from
SURE_OF_TOO_MANY = 0.01  # chance of that many groups outside their interval when all is right
TELLS_ALONE = 0.99  # AUROC of one feature that would be the outcome itself under another name
_LEAKAGE_PERSONS = 4000
_YES_NO = {True: "yes", False: "no", None: "not_checked"}


@dataclass(frozen=True, eq=False)
class Tested:
    """A model and the risks that it gave the persons of the test (n,)."""

    model: Model
    risk: Floats


def model_rows(days: Days, followed: Followed, tested: Sequence[Tested], record: Tested) -> list[dict[str, object]]:
    """Rows of `need_models` without outcome and horizon: both ways of learning, on the same persons."""
    event, n = followed.event, len(followed)
    rows = []
    for one in tested:
        told = calibrate(one.risk, event)
        scores = {
            **asdict(discrimination.measured(event, one.risk)),
            "calibration_intercept": told.intercept,
            "calibration_slope": told.slope,
            "slope_lo95": told.slope_lo95,
            "slope_hi95": told.slope_hi95,
        }
        rows.append({**_told(one.model.kind, days, n), **scores, "of_record": "yes" if one is record else "no"})
        rows[-1] |= {"events": int(event.sum()), "n_persons": int(min(event.sum(), n - event.sum())), "reason": ""}
        rows[-1] |= {"died_share": died_share(event, followed.died), "recalibrated": "yes"}
    return rows


def refused_rows(reason: str, days: Days | None, events: int, at_risk: int) -> list[dict[str, object]]:
    """Rows of `need_models` of an outcome that gets no model: why, and nothing else."""
    rows = []
    for kind in KINDS:
        empty = dict.fromkeys(RESULT_TABLES["need_models"].names, np.nan)
        told = {"of_record": "no", "recalibrated": "no", "events": events, "reason": reason}
        rows.append({**empty, **_told(kind, days, at_risk), **told, "n_persons": min(events, at_risk - events)})
    return rows


def _told(kind: str, days: Days | None, at_risk: int) -> dict[str, object]:
    return {
        "model": kind,
        "trained_on": "" if days is None else days.before_test[0].end.isoformat(),
        "tested_on": "" if days is None else days.test.end.isoformat(),
        "at_risk": at_risk,
    }


def not_far_enough(months: int, quarters: int) -> str:
    """Why there is no model: the features of so many quarters hold no test after a day to learn from."""
    return message_json(
        N_("The data do not reach far enough back: a test needs {needed} quarters, and there are {quarters}."),
        {"needed": months // 3 + 5, "quarters": quarters},
    )


def too_few(needed: int) -> str:
    """Why there is no model: the need came to too few persons to learn from or to test on. Their number is told in
    `need_models`, where small ones are protected."""
    return message_json(
        N_("Too few residents had the need: at least {needed} are wanted to learn from and as many to test on."),
        {"needed": needed},
    )


def check_rows(checks: Sequence[Check]) -> pd.DataFrame:
    """Checks as rows of `need_checks` without outcome and horizon."""
    rows = [(one.name, _YES_NO[one.passed], message_json(one.message, one.values)) for one in checks]
    return pd.DataFrame(rows, columns=["check", "passed", "message"])


def refusal(reason: str) -> pd.DataFrame:
    """The one row of `need_checks` of an outcome that gets no model."""
    return pd.DataFrame([("enough_events", "no", reason)], columns=["check", "passed", "message"])


def checks(
    days: Days,
    followed: Followed,
    record: Tested,
    groups: pd.DataFrame,
    now: Floats,
    months: int,
    needed: int,
    seed: int,
) -> list[Check]:
    """What was checked of the model of record.

    `groups`: its `need_calibration`; `now`: its risks of those at risk on the day that is predicted for;
    `needed`: events that a model must have.
    """
    return [
        _enough(needed),
        _discriminates(followed, record),
        _slope(followed, record),
        _groups(groups),
        _drift(record.risk, now),
        *_leakage(days, followed, record, months, seed),
    ]


def _enough(needed: int) -> Check:
    message = N_("At least {needed} residents had the need, both among those learnt from and in the test.")
    return Check("enough_events", True, message, {"needed": needed})


def _discriminates(followed: Followed, record: Tested) -> Check:
    scores = discrimination.measured(followed.event, record.risk)
    message = N_(
        "Of a resident with the need and one without it, the first had the higher risk in {share} of pairs. "
        "A coin would give half of them."
    )
    return Check("discrimination", scores.auroc_lo95 > 0.5, message, {"share": scores.auroc})


def _slope(followed: Followed, record: Tested) -> Check:
    """Inside the wanted limits; not checked when the interval is too wide to say that it is not."""
    told = calibrate(record.risk, followed.event)
    low, high = GOOD_SLOPE
    passed: bool | None = bool(low <= told.slope <= high)
    if not passed and not (told.slope_hi95 < low or told.slope_lo95 > high):
        passed = None
    message = N_("The calibration slope on the test is {slope}; between {low} and {high} is wanted.")
    return Check("calibration_slope", passed, message, {"slope": told.slope, "low": low, "high": high})


def _groups(groups: pd.DataFrame) -> Check:
    """Groups outside their 95 % interval, against how many chance alone would put there."""
    parts = groups[groups["value"] != ALL]
    n, outside = len(parts), int((parts["within"] == "no").sum())
    most = int(stats.binom.isf(SURE_OF_TOO_MANY, n, 0.05))
    message = N_("Groups where the number differed from the predicted one beyond its interval: {outside} of {n}.")
    return Check("calibration_groups", outside <= most, message, {"outside": outside, "n": n})


def _drift(before: Floats, now: Floats) -> Check:
    index = stability_index(before, now)
    message = N_("The risks of the test and of this quarter differ by the index {index}; below {most} is wanted.")
    return Check("drift", index <= MOST_DRIFT, message, {"index": index, "most": MOST_DRIFT})


def stability_index(before: Floats, now: Floats) -> float:
    """Population stability index of risks, over tenths of the earlier ones: Σ (q − p) ln(q / p).

    Shares are drawn towards even ones by half a person, so that an empty tenth has a logarithm (Yurdakul 2018).
    Witness: shares (.5, .5) → (.6, .4): .1 · ln(1.2 / .8) = .0405.
    """
    edges = np.unique(np.quantile(before, np.linspace(0.1, 0.9, 9)))
    shares = []
    for risks in (before, now):
        n = np.bincount(np.searchsorted(edges, risks, side="right"), minlength=len(edges) + 1)
        shares.append((n + 0.5) / (n.sum() + 0.5 * len(n)))
    p, q = shares
    return float(((q - p) * np.log(q / p)).sum())


def _leakage(days: Days, followed: Followed, record: Tested, months: int, seed: int) -> Iterator[Check]:
    """That nothing of the test's horizon was known to what predicts it."""
    ended = ended_before(record.model, days.test, months)
    message = N_("The horizon of everyone that the model learnt from ended before the test began.")
    yield Check("learnt_before_test", ended, message, {})
    rng = np.random.default_rng(seed)
    with_need, without = np.flatnonzero(followed.event), np.flatnonzero(~followed.event)
    some = [rng.choice(rows, min(len(rows), _LEAKAGE_PERSONS // 2), replace=False) for rows in (with_need, without)]
    rows = np.sort(np.concatenate(some))
    known, event = followed.at_risk.known.iloc[rows], followed.event[rows]
    strongest = max((abs(discrimination.auroc(event, column.fillna(-1))[0] - 0.5) for _, column in known.items()))
    message = N_("The feature that tells most alone tells {share} of pairs apart.")
    yield Check("leakage", bool(strongest + 0.5 < TELLS_ALONE), message, {"share": strongest + 0.5})
