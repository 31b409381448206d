"""What the predictions rest on: features shuffled among persons, and the mean risk at values of one feature."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ennakointi.errors import ParameterError
from ennakointi.need.demand import Bools, Floats
from ennakointi.need.discrimination import auroc

Predict = Callable[[pd.DataFrame], Floats]
SHUFFLES = 5
GRID = 20
TAILS = (0.02, 0.98)  # shares of the persons beyond which no value is told


def importance(
    predict: Predict,
    frame: pd.DataFrame,
    event: Bools,
    order: NDArray[np.int64],
    seed: int,
    shuffles: int = SHUFFLES,
    together: Mapping[str, Sequence[str]] | None = None,
) -> pd.DataFrame:
    """Fall of the AUROC when a feature is shuffled among the persons.

    Breiman 2001, 10.1023/A:1010933404324. Witness: scikit-learn's permutation_importance.

    Parameters
    ----------
    predict : risks (n,) of a frame of n rows
    order : (n,) numbers of the persons: rows in another order give the same answer
    shuffles : 2 or more
    together : feature → columns shuffled as one, such as the windows of a feature; each column by itself when None

    Returns
    -------
    feature, importance, sd over shuffles; the most important first
    """
    if shuffles < 2:
        raise ParameterError(f"{shuffles} shuffles tell no spread: give 2 or more")
    place = np.argsort(order, kind="stable")
    rows, outcome = frame.iloc[place].reset_index(drop=True), event[place]
    whole, _ = auroc(outcome, predict(rows))
    parts = together if together is not None else {str(column): [str(column)] for column in frame.columns}
    made = []
    for number, (feature, columns) in enumerate(parts.items()):
        rng = np.random.default_rng([seed, number])
        falls = [
            whole - auroc(outcome, predict(_shuffled(rows, list(columns), rng.permutation(len(rows)))))[0]
            for _ in range(shuffles)
        ]
        made.append({"feature": feature, "importance": float(np.mean(falls)), "sd": float(np.std(falls, ddof=1))})
    told = pd.DataFrame(made, columns=["feature", "importance", "sd"])
    return told.sort_values(["importance", "feature"], ascending=[False, True], ignore_index=True)


def partial(predict: Predict, frame: pd.DataFrame, feature: str, points: int = GRID) -> pd.DataFrame:
    """Mean risk when everyone has the same value of a number or a yes–no feature, all else as it is.

    Friedman 2001, 10.1214/aos/1013203451. Values are quantiles of the persons' own, without the outermost 2 %, so
    that no one stands behind a value alone. Witness: scikit-learn's partial_dependence.

    Returns
    -------
    place (from 1), x, y, n_persons: persons whose own value is nearest to x
    """
    column = frame[feature]
    if not (pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column)):
        raise ParameterError(f"feature {feature}: a curve needs a number or yes–no, found {column.dtype}")
    known = column.dropna().to_numpy(dtype=float)
    levels = np.linspace(*TAILS, points)
    values = np.unique(np.quantile(known, levels, method="inverted_cdf")) if len(known) else np.empty(0)
    if len(np.unique(known)) <= 2:
        values = np.unique(known)
    means = [float(np.mean(predict(_with_value(frame, feature, value)))) for value in values]
    nearest = np.abs(known[:, None] - values).argmin(axis=1) if len(values) else np.empty(0, np.int64)
    behind = np.bincount(nearest, minlength=len(values))
    told = {"place": np.arange(1, len(values) + 1), "x": values, "y": means, "n_persons": behind}
    return pd.DataFrame(told)


def _shuffled(frame: pd.DataFrame, columns: list[str], place: NDArray[np.int64]) -> pd.DataFrame:
    moved = {column: frame[column].iloc[place].set_axis(frame.index) for column in columns}
    return frame.assign(**moved)


def _with_value(frame: pd.DataFrame, feature: str, value: float) -> pd.DataFrame:
    return frame.assign(**{feature: pd.Series(value, index=frame.index).astype(frame[feature].dtype)})
