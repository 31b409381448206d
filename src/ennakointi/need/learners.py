"""The two ways of learning a risk: gradient boosting, and a logistic regression that is held back.

Both see the same features of the same persons. Boosting finds turns and combinations by itself and lets a missing value
be a value of its own. The logistic regression takes logarithms of counts, a smooth curve of age and a mark for what is
missing; its many coefficients are held back by a penalty, the more the fewer persons had the need.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import SplineTransformer, StandardScaler

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

BOOSTING, LOGISTIC = "boosting", "logistic"
KINDS = (BOOSTING, LOGISTIC)
SMALLEST_RISK = 1e-6
FEWEST_WITH_VALUE = 20  # persons who must have a feature other than the usual value for it to be seen
_MANY_EVENTS = 1000  # from here on trees may have twice the leaves
AGE = "age"
WORDS = ("sex", "language", "municipality", "age_band")  # features that are words


class Learner(Protocol):
    """Something that has learnt a risk."""

    def risk(self, known: pd.DataFrame) -> Floats:
        """(n,) Chance of the need for persons described like those learnt from, strictly between 0 and 1."""
        ...


def fitted(kind: str, known: pd.DataFrame, event: Bools, seed: int) -> Learner:
    """What a way of learning makes of persons.

    Parameters
    ----------
    kind : `boosting` or `logistic`.
    known : (n) features as numbers, NaN where missing, words as their places; sorted, so that the order of the data
        does not matter.
    event : (n,)
    """
    learn = _boosted if kind == BOOSTING else _logistic
    return learn(known[informative(known)], event, seed)


def informative(known: pd.DataFrame) -> list[str]:
    """Features that differ between persons: at least 20 have something else than the median, or miss it."""
    values = known.to_numpy()
    missing = np.isnan(values)
    middle = np.median(np.where(missing, -np.inf, values), axis=0)  # the usual value where one has more than half
    other = (values != np.where(np.isneginf(middle), np.nan, middle)) & ~(missing & np.isneginf(middle))
    enough = other.sum(axis=0) >= FEWEST_WITH_VALUE
    return [str(name) for name, kept in zip(known.columns, enough, strict=True) if kept]


@dataclass(frozen=True, eq=False)
class _Boosted:
    model: HistGradientBoostingClassifier
    columns: list[str]

    def risk(self, known: pd.DataFrame) -> Floats:
        return _inside(self.model.predict_proba(known[self.columns].to_numpy())[:, 1])


def _boosted(known: pd.DataFrame, event: Bools, seed: int) -> Learner:
    """Shallow trees, added until held-out persons gain nothing; with fewer events smaller and more held back.

    Numbers chosen on one synthetic county (seed 101 of `benchmarks/need.py`).
    """
    n_events = int(event.sum())
    columns = [str(name) for name in known.columns]
    model = HistGradientBoostingClassifier(
        learning_rate=0.15,
        max_iter=150,
        max_leaf_nodes=8 if n_events >= _MANY_EVENTS else 5,
        min_samples_leaf=int(np.clip(n_events // 5, 20, 100)),
        l2_regularization=20.0,
        max_features=0.2,
        max_bins=63,
        categorical_features=[columns.index(name) for name in WORDS if name in columns],
        early_stopping=True,
        validation_fraction=0.15,
        n_iter_no_change=6,
        random_state=seed,
    )
    model.fit(known.to_numpy(), event)
    return _Boosted(model, columns)


@dataclass(frozen=True, eq=False)
class _Penalised:
    """`words`: values by feature that is a word, each a column of its own."""

    model: LogisticRegression
    numbers: Pipeline
    age: Pipeline | None
    words: dict[str, Floats]
    columns: list[str]

    def design(self, known: pd.DataFrame) -> Floats:
        """(n, k) columns of the regression."""
        parts = [self.numbers.transform(_logs(known[self.columns]))]
        if self.age is not None:
            parts.append(self.age.transform(known[[AGE]].to_numpy()))
        parts += [known[[name]].to_numpy() == values for name, values in self.words.items()]
        return np.hstack(parts)

    def risk(self, known: pd.DataFrame) -> Floats:
        return _inside(self.model.predict_proba(self.design(known))[:, 1])


def _logistic(known: pd.DataFrame, event: Bools, seed: int) -> Learner:
    """Ridge logistic regression; the penalty is that of a normal prior of each coefficient with variance .01."""
    words = {name: np.unique(known[name].dropna()) for name in WORDS if name in known.columns}
    columns = [str(name) for name in known.columns if name not in words]
    numbers = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()).fit(_logs(known[columns]))
    age = None
    if AGE in columns and not known[AGE].isna().any():
        curve = make_pipeline(SplineTransformer(n_knots=6, knots="quantile"), StandardScaler())
        age = curve.fit(known[[AGE]].to_numpy())
    model = LogisticRegression(C=0.01, max_iter=500, tol=1e-3, random_state=seed)
    made = _Penalised(model, numbers, age, words, columns)
    model.fit(made.design(known), event)
    return made


def _logs(known: pd.DataFrame) -> Floats:
    """(n, k) signed log(1 + |x|): counts and euros come near to each other, flags keep two values."""
    values = known.to_numpy(float)
    return np.asarray(np.sign(values) * np.log1p(np.abs(values)))


def _inside(risk: Floats) -> Floats:
    return np.clip(np.asarray(risk, float), SMALLEST_RISK, 1 - SMALLEST_RISK)
