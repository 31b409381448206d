"""Latent classes of the synthetic county: every person keeps one uniform number, and the class of an age is
the share of that age in which the number falls.

So the classes of an age stay the same over the calendar years; graver classes die earlier, and the numbers of
the living are drawn as death leaves them.
"""

from __future__ import annotations

import numpy as np

from ennakointi.synthetic.calibration import AGES, Floats, Ints, Needs, by_age

PLACES = 400  # bins of the uniform scale in tables by age


def thresholds(needs: Needs) -> Floats:
    """Upper ends of the latent classes on the uniform scale, (AGES, classes); the last is 1."""
    shares = np.stack([by_age(c.share) for c in needs.classes.values()], axis=1)
    shares[:, -1] = np.maximum(1 - shares[:, :-1].sum(axis=1), 0)
    upper = np.cumsum(shares, axis=1)
    upper[:, -1] = 1.0
    return upper


def class_at(draw: Floats, age: Ints, needs: Needs) -> Ints:
    """Latent class of persons (n,) with uniform numbers `draw` at ages (n, …)."""
    upper = thresholds(needs)[age]
    place = draw.reshape(draw.shape + (1,) * (upper.ndim - 1))
    return (place >= upper).sum(axis=-1).clip(max=upper.shape[-1] - 1).astype(np.int8)


def table(needs: Needs) -> Ints:
    """Latent class by age and place on the uniform scale (AGES, PLACES)."""
    draw = ((np.arange(PLACES) + 0.5) / PLACES).astype(np.float32)
    return class_at(draw, np.tile(np.arange(AGES), (PLACES, 1)), needs).T


def place_of(draw: Floats) -> Ints:
    """Place of uniform numbers in tables by place."""
    return (draw * PLACES).astype(np.int64).clip(max=PLACES - 1)


def base_death_rate(needs: Needs, age: Floats) -> Floats:
    """Deaths per year at ages, before sex and latent class: Gompertz."""
    rate: Floats = needs.mortality.at_60 * np.exp(needs.mortality.growth * (age - 60))
    return rate


def living(needs: Needs) -> Floats:
    """Share of each place among the living of an age (AGES, PLACES)."""
    multiplier = np.array([c.mortality for c in needs.classes.values()])
    hazard = base_death_rate(needs, np.arange(AGES) + 0.5)[:, None] * multiplier[table(needs)]
    lived = np.vstack([np.zeros((1, PLACES)), np.cumsum(hazard, axis=0)[:-1]])
    survival = np.exp(-lived)
    share: Floats = survival / survival.sum(axis=1, keepdims=True)
    return share


def draw_living(age: Ints, needs: Needs, rng: np.random.Generator) -> Floats:
    """Uniform numbers of living persons of given ages (n,)."""
    ladder = np.cumsum(living(needs), axis=1)
    ladder /= ladder[:, -1:]
    at = (ladder + np.arange(AGES)[:, None]).reshape(-1)
    place = np.searchsorted(at, age + rng.random(len(age)), side="right") - age * PLACES
    return ((place.clip(0, PLACES - 1) + rng.random(len(age))) / PLACES).astype(np.float32)


def shares(needs: Needs) -> Floats:
    """Share of each latent class among the living (AGES, classes)."""
    member = table(needs)[:, :, None] == np.arange(len(needs.classes))
    return np.einsum("ap,apk->ak", living(needs), member.astype(float))
