"""Scenarios as arithmetic: how an assumed effect grows over months, how it is drawn, and what it moves between
services. Nothing here is estimated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from ennakointi.forecast.series import Floats
from ennakointi.parameters.scenario_documents import DIGITAL_SHIFT, HEALTHY_AGEING, Scenario

Months = npt.NDArray[np.int64]
Z80 = float(stats.norm.ppf(0.9))  # half an 80 % interval in standard deviations


def known(scenarios: Mapping[str, Scenario], group: str, synthetic: bool) -> dict[str, Scenario]:
    """Scenarios in force for a target group; examples only with a synthetic source."""
    return {
        name: one
        for name, one in scenarios.items()
        if one.active and (synthetic or not one.example) and (not one.groups or group in one.groups)
    }


def growth(scenario: Scenario, months: Months, data_end: int) -> Floats:
    """Share of the full effect that the months hold beyond what the data hold already, (n,), from 0 to 1.

    With x the part of the months `from`…`to` that has passed: step 1 from `from` on, linear x, front 1 − (1 − x)²,
    back x². What had grown by the last month of the data is in them and is taken off.

    Witness: from January to April, in February: linear .5, front .75, back .25, step 1.
    """
    if scenario.from_ is None or scenario.to is None:
        raise ValueError(f"scenario {scenario.id}: has no months to grow in")
    passed = _grown(scenario.profile, np.asarray(months), scenario.from_, scenario.to)
    before = _grown(scenario.profile, np.array([data_end]), scenario.from_, scenario.to)[0]
    return np.maximum(passed - before, 0.0)


def _grown(profile: str, months: Months, first: int, last: int) -> Floats:
    x = np.clip((months - first + 1) / (last - first + 1), 0.0, 1.0)
    shapes = {"step": (x > 0).astype(float), "linear": x, "front": 1 - (1 - x) ** 2, "back": x**2}
    return np.asarray(shapes[profile])


def draws(interval: tuple[float, ...], n: int, rng: np.random.Generator, lowest: float = -np.inf) -> Floats:
    """Normal draws (n,) whose 10 % and 90 % quantiles are the ends of the interval, none below `lowest`.

    Witness: [−.1, .1] is a standard deviation of .0780.
    """
    return _at(interval, rng.standard_normal(n), lowest, np.inf)


@dataclass(frozen=True, eq=False)
class Drawn:
    """A scenario with its effects drawn once for all its services: `effects` (p,) by service."""

    scenario: Scenario
    effects: Mapping[str, Floats]

    def changes(self, levels: Mapping[str, Floats], share: Floats) -> dict[str, Floats]:
        """Contacts that the scenario adds to each service.

        Parameters
        ----------
        levels : contacts (p, n) by service before this scenario; a service without them is left alone
        share : (n,) share of the full effect in force

        A digital shift takes contacts from a service and adds `contacts_per_contact` of each to another one.
        Witness: 1,000 contacts, a tenth moves, 1.2 a contact → −100 and +120.
        """
        target, found = self.scenario.to_service, dict[str, Floats]()
        for service, effect in self.effects.items():
            if service not in levels:
                continue
            change = levels[service] * effect[:, None] * share
            if self.scenario.kind != DIGITAL_SHIFT:
                found[service] = change
                continue
            found[service] = -change
            if target in levels:
                gained = change * self.scenario.contacts_per_contact
                found[str(target)] = found.get(str(target), 0.0) + gained
        return found


def drawn(scenarios: Mapping[str, Scenario], n: int, rng: np.random.Generator) -> list[Drawn]:
    """Every scenario of contacts with `n` draws of its effects; healthier ageing acts on rates by age instead."""
    made = []
    for scenario in scenarios.values():
        if scenario.kind == HEALTHY_AGEING:
            continue
        lowest, highest = (0.0, 1.0) if scenario.kind == DIGITAL_SHIFT else (-1.0, np.inf)
        shared = rng.standard_normal(n)  # one scenario succeeds or fails in all its services alike
        effects = {s: _at(interval, shared, lowest, highest) for s, interval in scenario.services.items()}
        made.append(Drawn(scenario, effects))
    return made


def _at(interval: tuple[float, ...], z: Floats, lowest: float, highest: float) -> Floats:
    low, high = interval
    return np.clip((low + high) / 2 + z * (high - low) / 2 / Z80, lowest, highest)


def in_order(made: list[Drawn], levels: Mapping[str, Floats], months: Months, data_end: int) -> dict[str, Floats]:
    """Contacts (p, n) by service after every scenario in turn, each acting on what the earlier ones left; not below
    zero."""
    after = dict(levels)
    for one in made:
        share = growth(one.scenario, months, data_end)
        for service, change in one.changes(after, share).items():
            after[service] = np.maximum(after[service] + change, 0.0)
    return after


def years_younger(scenario: Scenario, n: int, rng: np.random.Generator) -> Floats:
    """Years by which one calendar year makes users younger, (n,) draws."""
    if scenario.years_per_year is None:
        raise ValueError(f"scenario {scenario.id}: is not of healthier ageing")
    return draws(scenario.years_per_year, n, rng)
