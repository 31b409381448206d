"""The mixture: quantiles of the statistical members averaged, and moved by the global models, at every origin."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from joblib import Parallel, delayed

from ennakointi.forecast import global_model, members
from ennakointi.forecast.histories import History
from ennakointi.forecast.members import Member
from ennakointi.forecast.series import ENSEMBLE, LEVEL, LEVELS, MEDIAN, ZERO, Floats

_CHUNK = 8  # series that one task fits
_WEEK = 7  # days
_LONG = 24  # seasons of more periods are not modelled by the members themselves

Histories = Sequence[Sequence[History | None]]  # by series, by origin: the end first, then the backtests


def statistical(histories: Histories, methods: Sequence[str], horizon: int, jobs: int | None) -> Floats:
    """Mixtures of the statistical members, shape (S, origins, H, 13); NaN where there is too little history."""
    chunks = [range(i, min(i + _CHUNK, len(histories))) for i in range(0, len(histories), _CHUNK)]
    made = Parallel(n_jobs=jobs)(
        delayed(_chunk)([histories[i] for i in chunk], [methods[i] for i in chunk], horizon) for chunk in chunks
    )
    return np.concatenate(made)


def _chunk(histories: Histories, methods: Sequence[str], horizon: int) -> Floats:
    out = np.full((len(histories), len(histories[0]), horizon, len(LEVELS)), np.nan)
    for i, (origins, method) in enumerate(zip(histories, methods, strict=True)):
        for w, history in enumerate(origins):
            if history is not None:
                out[i, w] = _one(history, method)[history.ahead - horizon :]
    return out


def _one(history: History, method: str) -> Floats:
    """The statistical mixture of one history, shape (ahead, 13)."""
    values, ahead = history.values, history.ahead
    if method == ZERO or not values.any():
        return np.zeros((ahead, len(LEVELS)))
    fitted = [] if method == LEVEL or np.ptp(values) == 0 else _members(history, method)
    if not any(np.isfinite(deviation).all() for _, deviation in fitted):
        return members.level(values, ahead, history.season)
    return np.maximum(members.mixed(fitted), 0.0)


def _members(history: History, method: str) -> list[Member]:
    """Theta on the seasonally adjusted series; in the mixture also complex smoothing on it, and exponential smoothing
    with a season of its own; for days, whose weekdays and years are told in several ways, exponential smoothing on the
    adjusted series and MSTL too. Soon after a long gap, when factors mix two regimes, all fit their own season."""
    season = history.season
    own = season <= _LONG
    inside = own and history.careful and method == ENSEMBLE
    chosen = [_fitted(members.theta, history, season, inside)]
    if method == ENSEMBLE:
        chosen.append(_fitted(members.complex_smoothing, history, season, inside))
        chosen.append(_fitted(members.smoothing, history, season, own))
    if method == ENSEMBLE and season == _WEEK:
        chosen.append(_fitted(members.smoothing, history, season, False))
        chosen.append(_fitted(members.decomposition, history, season, True))
    return [member for member in chosen if member is not None]


def _fitted(member: members.Fit, history: History, season: int, own: bool) -> Member | None:
    """A member on the counts with its own season, or on the adjusted counts with the factors put back."""
    if own:
        return members.tried(member, history.values, history.ahead, season)
    found = members.tried(member, history.adjusted, history.ahead, 1)
    return None if found is None else (found[0] * history.coming, found[1] * history.coming)


def with_global(raw: Floats, histories: Histories, horizon: int, season: int, seed: int) -> Floats:
    """The statistical mixtures with two global models as members: one of the counts, one of the adjusted counts.

    All members weigh the same; the global ones have no spread of their own and take the others', so that they move the
    quantiles as a whole. Backtests use models that have seen nothing after the earliest of their origins. Soon after a
    long gap there is too little to learn across series from: the history keeps its statistical mixture.

    Parameters
    ----------
    raw : (S, origins, H, 13). histories : the same series and origins, in an order that does not depend on the
        caller's.
    """
    found = [_global(histories, horizon, season, seed, adjusted) for adjusted in (False, True)]
    usable = [one for one in found if one is not None]
    if not usable:
        return raw
    weight = len(usable) / ((5 if season == _WEEK else 3) + len(usable))
    moved = raw + weight * (np.mean(usable, axis=0)[..., None] - raw[..., MEDIAN : MEDIAN + 1])
    careful = np.array([[history is not None and history.careful for history in origins] for origins in histories])
    return np.where(np.isfinite(moved) & ~careful[:, :, None, None], np.maximum(moved, 0.0), raw)


def _global(histories: Histories, horizon: int, season: int, seed: int, adjusted: bool) -> Floats | None:
    """Medians (S, origins, H) of a global model for the end, and of an earlier one for the backtests."""

    def seen(history: History | None) -> Floats | None:
        if history is None:
            return None
        return history.adjusted if adjusted else history.values

    pasts = [[seen(history) for history in origins] for origins in histories]
    ahead = max(h.ahead for origins in histories for h in origins if h is not None)
    parts = []
    for chosen, training in ((slice(0, 1), 0), (slice(1, None), -1)):
        known = [past[training] for past in pasts]
        learning = [values for values in known if values is not None]
        if not pasts[0][chosen]:
            continue
        made = global_model.learned(learning, [past[chosen] for past in pasts], ahead, season, seed)
        if made is None:
            return None
        parts.append(made)
    found = np.concatenate(parts, axis=1)
    out = np.full((*found.shape[:2], horizon), np.nan)
    for i, origins in enumerate(histories):
        for w, history in enumerate(origins):
            if history is not None:
                own = history.coming if adjusted else 1.0
                out[i, w] = (found[i, w, : history.ahead] * own)[history.ahead - horizon :]
    return out
