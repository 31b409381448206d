"""Expert views of a debt beside the estimate from data: as distributions, pooled by stated weights, and how far they
disagree."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats

from ennakointi.debt.expected import Floats
from ennakointi.debt.judgements import TwoPieceNormal, elicited
from ennakointi.result_tables import RESULT_TABLES

if TYPE_CHECKING:
    from ennakointi.debt.ledger import Ledger
    from ennakointi.parameters.debt_documents import ExpertView

DATA, POOLED = "data", "pooled"
QUANTILES = (np.arange(2000) + 0.5) / 2000  # a view's distribution as equally likely values
GRID = 4001


def disagreement(view: TwoPieceNormal, mean: float, sd: float) -> float:
    """1 − overlap of a view's density with the normal density of the data's estimate.

    Overlap = ∫ min(f, g): Inman & Bradley 1989, 10.1080/03610928908830127. 0: the same distribution, 1: nothing in
    common. Witness: two normals of one sd overlap by 2Φ(−|difference| / 2 sd). The view's floor at zero is left out.
    """
    grid = np.linspace(0, 8, GRID)
    ends = [mean + sd * grid, mean - sd * grid, view.mode + view.right_sd * grid, view.mode - view.left_sd * grid]
    x = np.unique(np.concatenate(ends))
    both = np.minimum(view.density(x), stats.norm.pdf(x, mean, sd))
    return float(np.clip(1.0 - np.trapezoid(both, x), 0.0, 1.0))


def linear_pool(samples: list[Floats], weights: list[float], probability: Floats) -> Floats:
    """Quantiles of the weighted mixture of samples: the linear opinion pool of Stone 1961, 10.1214/aoms/1177704873.

    Opinions that contradict each other widen the pool: it holds both. Hand check: {0, 2} and {10, 12} of weights 3
    and 1: three quarters of the mixture are at most 2.

    Parameters
    ----------
    samples : one (n,) of equally likely values each; `weights` one each, of any scale
    """
    values = np.concatenate(samples)
    mass = np.concatenate([np.full(len(s), w / len(s)) for s, w in zip(samples, weights)])
    order = np.argsort(values, kind="stable")
    reached = (np.cumsum(mass[order]) - mass[order] / 2) / mass.sum()
    return np.interp(probability, reached, values[order])


def known(views: Mapping[str, ExpertView], target_group: str, synthetic: bool, as_of: date) -> dict[str, ExpertView]:
    """The views of a group that are in force on a day: given by then, and examples with a synthetic source only."""
    return {
        name: view
        for name, view in views.items()
        if view.group == target_group and (synthetic or not view.example) and view.date <= as_of
    }


def table(
    target_group: str,
    ledgers: Mapping[str, Ledger],
    views: Mapping[str, ExpertView],
    data_weight: float,
    n_persons: Mapping[str, float],
) -> pd.DataFrame:
    """`debt_views`: for every service with a view in force, the data, each view, and the two pooled by their weights.

    A view's `value` is its likely number, its 80 % interval its low and high. The pool is made of the data's draws at
    the window's end and of the views' distributions, floored at zero. Where the data give no interval, or no debt,
    the views stand alone, without weights. `role` is in English; pages look it up by `source`, the view's id.

    Parameters
    ----------
    views : those of the group and in force (`known`); `data_weight` : of the data, beside the views' own weights
    n_persons : persons behind the services' numbers
    """
    rows: list[dict[str, Any]] = []
    for service in dict.fromkeys(view.service for view in views.values()):
        of_service = {name: view for name, view in views.items() if view.service == service}
        keys = {"target_group": target_group, "service": service, "n_persons": n_persons.get(service, np.nan)}
        rows += [keys | row for row in _rows(ledgers.get(service), of_service, data_weight)]
    return pd.DataFrame(rows).reindex(columns=list(RESULT_TABLES["debt_views"].names))


def _rows(ledger: Ledger | None, views: Mapping[str, ExpertView], data_weight: float) -> list[dict[str, Any]]:
    """The rows of one service: the data, the views, the pool."""
    believed = {name: elicited(view.low, view.likely, view.high) for name, view in views.items()}
    said = [
        {
            "source": name,
            "role": view.role.en,
            "date": view.date.isoformat(),
            "value": float(view.likely),
            "lo80": float(view.low),
            "hi80": float(view.high),
        }
        for name, view in views.items()
    ]
    if ledger is None:
        return said
    end = ledger.window_months - 1
    ends = {"lo80": ledger.debt_lo80[end], "hi80": ledger.debt_hi80[end]}
    data = {"source": DATA, "role": "", "date": "", "value": ledger.debt[end], **ends}
    draws = ledger.terms.debt[:, end]
    if not (np.isfinite(draws).all() and np.isfinite(list(ends.values())).all() and draws.std() > 0):
        return [data, *said]
    weights = [float(data_weight), *(float(view.weight) for view in views.values())]
    samples = [draws, *(np.maximum(belief.quantile(QUANTILES), 0.0) for belief in believed.values())]
    low, median, high = linear_pool(samples, weights, np.array([0.1, 0.5, 0.9]))
    for row, belief in zip(said, believed.values()):
        row["disagreement"] = disagreement(belief, float(draws.mean()), float(draws.std()))
    shares = np.array(weights) / sum(weights)
    pool = {"source": POOLED, "role": "", "date": "", "value": median, "lo80": low, "hi80": high, "weight": 1.0}
    return [row | {"weight": share} for row, share in zip([data, *said], shares)] + [pool]
