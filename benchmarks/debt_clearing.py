"""Is a debt cleared when the result says? `python benchmarks/debt_clearing.py [clearing|capacity] [WORLDS]`.

Every world is one service with needs counted one by one: each passes by its own chance, each hidden one has its own
month of return, and capacity varies from month to month. Estimates have errors: the queue of a tenth, the hidden need
and what has come back of it of 40 %, the growth that of twelve months of the queue; the rate of passing is known by its
distribution only. Planted values come from the distributions that the draws assume.

clearing: under a stated plan, does the span of months cleared_lo80 … cleared_hi80 hold the month in which the world is
  clear? Whole months at both ends hold more than four worlds of five, the less the wider the span. Beside it: is the
  world clear after the end of cleared_lo80, by which one path of ten is, and by the end of cleared_hi80?
capacity: capacity_for_80pct is delivered; is the world clear by the target date? Worlds that need none are apart.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from ennakointi.parameters.debt_documents import CapacityPlan, ClearingSettings
from ennakointi.periods import month_index, month_text, parse_month
from ennakointi.queues import clearing
from ennakointi.queues.clearing import TOLERANCE, Remaining

LAST, BY, HORIZON, PHASE_IN, SHARE, DRAWS, HISTORY = month_index(2025, 9), 27, 120, 36, 0.5, 500, 12
QUEUE_ERROR, HIDDEN_ERROR, PASSING = 0.1, 0.4, (np.log(0.013), 0.47)
PRIORS = (
    (0.7, 0.6),
    (1.0, 0.6),
    (0.01, 0.6),
)  # queue, hidden, returned: median × the normal month, sd of the logarithm
SERVICE = SimpleNamespace(
    unit_cost_eur=80, care_units_per_contact=1, minutes_per_contact=30, contact_hours_per_person_year=1140
)


@dataclass(frozen=True)
class World:
    """What is planted: contacts, rates and contacts a month."""

    normal: float
    queue: int
    hidden: int
    passing: float
    returned: float
    growth: float
    month_sd: float


def planted(rng: np.random.Generator) -> World:
    """A service of 1,000–20,000 contacts a month; `growth` is the queue's mean change as it is observed."""
    normal = float(np.exp(rng.uniform(np.log(1000), np.log(20_000))))
    queue, hidden, returned = (normal * rng.lognormal(np.log(centre), spread) for centre, spread in PRIORS)
    return World(
        normal,
        round(queue),
        round(hidden),
        float(rng.lognormal(*PASSING)),
        returned,
        normal * rng.normal(0, 0.02),
        normal * float(np.exp(rng.uniform(np.log(0.004), np.log(0.015)))),
    )


def known(world: World, rng: np.random.Generator) -> Remaining:
    """Draws of the world from erroneous estimates of it: lognormal priors and errors, so the draws are exact."""

    def about(value: float, prior: tuple[float, float], error: float) -> np.ndarray:
        (centre, spread), estimate = prior, np.log(value) + error * rng.standard_normal()
        weight = spread**2 / (spread**2 + error**2)
        middle = weight * estimate + (1 - weight) * np.log(world.normal * centre)
        return rng.lognormal(middle, error * np.sqrt(weight), DRAWS)

    changes = world.growth + world.month_sd * rng.standard_normal(HISTORY)
    growth, month_sd = clearing.monthly_growth(changes, DRAWS, rng)
    return Remaining(
        about(world.queue, PRIORS[0], QUEUE_ERROR),
        about(world.hidden, PRIORS[1], HIDDEN_ERROR),
        growth,
        month_sd,
        about(world.returned, PRIORS[2], HIDDEN_ERROR),
        rng.lognormal(*PASSING, DRAWS),
        world.normal,
        1000.0,
    )


def cleared(world: World, added: float, rng: np.random.Generator) -> float:
    """Months until the world is clear with the added capacity, need by need; inf = not within the horizon."""
    waiting, own = world.queue, world.growth + world.passing * world.queue - world.returned
    returns = rng.integers(1, PHASE_IN + 1, int(SHARE * world.hidden))  # month in which each comes back by itself
    for month in range(1, HORIZON + 1):
        waiting = rng.binomial(waiting, 1 - world.passing)
        returns = returns[rng.random(len(returns)) >= world.passing]
        waiting += int((returns == month).sum())
        returns = returns[returns != month]
        balance = waiting + round(own + world.month_sd * rng.standard_normal()) - round(added)
        called_in = min(max(-balance, 0), round(added), len(returns))
        returns = rng.permutation(returns)[called_in:]
        waiting = max(balance, 0)
        if waiting + len(returns) <= TOLERANCE * world.normal:
            return float(month)
    return np.inf


def row(remaining: Remaining, added: float, scenario: str, seed: int) -> pd.Series:
    """The result's row of the service for the target month, with a plan that adds contacts every month."""
    plan = CapacityPlan.model_validate(
        {"label": {"fi": "Lisä", "sv": "Mer", "en": "More"}, "from": "2025-10", "added_per_month": {"a": added}}
    )
    settings = ClearingSettings(
        wanted_chance=0.8,
        target_months_ahead=(BY,),
        phase_in_months=PHASE_IN,
        horizon_months=HORIZON,
        plans={"plan": plan},
    )
    found = clearing.estimate("g", {"a": remaining}, settings, (SHARE,), {"a": SERVICE}, LAST, False, seed)
    rows = found["debt_clearance"].set_index(["service", "scenario"])
    return rows.loc[("a", scenario)]


def dated(seed: int) -> dict[str, object]:
    """One world under a plan of 4–10 % of its normal month: the told months and the planted one."""
    rng = np.random.default_rng([seed, 1])
    world = planted(rng)
    added = float(round(world.normal * rng.uniform(0.04, 0.1)))
    told = row(known(world, rng), added, "plan", seed)
    lo, mid, hi = (
        parse_month(told[name]) - LAST if told[name] else np.inf
        for name in ("cleared_lo80", "cleared_month", "cleared_hi80")
    )
    month = cleared(world, added, rng)
    found = {"planted": month, "lo": lo, "median": mid, "hi": hi, "never": month == np.inf}
    return {**found, "inside": lo <= month <= hi, "between": lo < month <= hi}


def delivered(seed: int) -> dict[str, object]:
    """One world that gets the capacity for an 80 % chance by the target month."""
    rng = np.random.default_rng([seed, 2])
    world = planted(rng)
    told = row(known(world, rng), 1.0, f"return_{SHARE * 100:.0f}", seed)
    assert told["target_date"] == month_text(LAST + BY)
    capacity = told["capacity_for_80pct"]
    return {"capacity": capacity, "share": capacity / world.normal, "clear": cleared(world, capacity, rng) <= BY,
            "needs": capacity > 0, "told": told["probability_cleared"]}  # fmt: skip


def worlds(section: str, n: int, jobs: int = 2) -> pd.DataFrame:
    """One row a world."""
    one = {"clearing": dated, "capacity": delivered}[section]
    return pd.DataFrame(Parallel(n_jobs=jobs)(delayed(one)(seed) for seed in range(n)))


def main(section: str, n: int = 1000, jobs: int = 2) -> None:
    found = worlds(section, n, jobs)
    if section == "clearing":
        width = (found["hi"] - found["lo"])[np.isfinite(found["hi"])].median()
        shares = found[["inside", "between", "never"]].mean().round(3).to_dict()
        print(f"clearing date, {n} worlds: {shares}, median width {width:.0f} months")
    else:
        needing, others = found[found["needs"]], found[~found["needs"]]
        print(f"capacity for an 80 % chance, {len(needing)} worlds that need some: clear {needing['clear'].mean():.3f}")
        if len(others):
            print(f"  {len(others)} that need none: clear {others['clear'].mean():.3f}")


if __name__ == "__main__":
    sections = [sys.argv[1]] if len(sys.argv) > 1 else ["clearing", "capacity"]
    for name in sections:
        main(name, int(sys.argv[2]) if len(sys.argv) > 2 else 1000)
