"""Roll-outs with a known effect: ten areas of very unequal size, five of which start one after another."""

from __future__ import annotations

import numpy as np

from ennakointi.causal.areas import NEVER, AreaPanel
from ennakointi.periods import month_index

CODES = ("016", "081", "098", "111", "142", "316", "398", "560", "576", "781")
RESIDENTS = np.array([7889, 2482, 22849, 17829, 6401, 4093, 121337, 15651, 2676, 3428])
FIRST, LAST = month_index(2019, 1), month_index(2025, 9)
STARTS = {
    "111": month_index(2022, 10),
    "098": month_index(2023, 2),
    "560": month_index(2023, 9),
    "398": month_index(2024, 2),
    "016": month_index(2024, 6),
}
LARGEST = CODES.index("398")


def roll_out(
    seed: int,
    effect: float = 0.0,
    *,
    share: float = 0.1,
    rate: float = 0.25,
    starts: dict[str, int] | None = None,
    equal: bool = False,
    spread: float = 0.0,
    autocorrelation: float = 0.0,
    n_months: int = LAST - FIRST + 1,
) -> AreaPanel:
    """Poisson counts with own levels, a common season and trend, and `effect` on the log rate after the
    start.

    `share` of the residents of Päijät-Häme, or ten equal areas; `spread` is the standard deviation of AR(1)
    noise of the areas' log rates with this `autocorrelation`.
    """
    rng = np.random.default_rng(seed)
    months = np.arange(LAST + 1 - n_months, LAST + 1)
    residents = np.full(10, 20_000) if equal else RESIDENTS
    given = STARTS if starts is None else starts
    first = np.array([given.get(code, NEVER) for code in CODES], dtype=np.int64)
    person_years = np.repeat(residents[:, None] * share / 12, len(months), axis=1)
    noise = rng.standard_normal((10, len(months)))
    for month in range(1, len(months)):
        fresh = np.sqrt(1 - autocorrelation**2) * noise[:, month]
        noise[:, month] = autocorrelation * noise[:, month - 1] + fresh
    log_rate = np.log(rate) + rng.normal(0, 0.2, (10, 1)) + 0.1 * np.sin(2 * np.pi * months / 12)
    log_rate = log_rate + 0.02 * (months - FIRST) / 12 + spread * noise + effect * (months >= first[:, None])
    counts = rng.poisson(person_years * np.exp(log_rate)).astype(float)
    return AreaPanel(CODES, months, counts, person_years, np.minimum(counts, residents[:, None] * share), first)
