"""Made frames of features: every column that the shipped schemes read, for tests of segments."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from ennakointi import parameters
from ennakointi.parameters.segmentation_documents import SegmentationSettings
from ennakointi.rules import feature_conditions as conditions

SERVICES = ("primary_care", "emergency", "home_care")
GROUPS = ("all", "older_people")
WORDS = {
    "age_band": ("0–6", "7–17", "18–64", "65+"),
    "sex": ("female", "male"),
    "language": ("fi", "sv"),
    "municipality": ("016", "398"),
}


@cache
def settings() -> SegmentationSettings:
    return parameters.load().segmentation


@cache
def columns() -> tuple[str, ...]:
    """Numbers that the shipped conditions read, and those of the profiles."""
    read = set().union(*(conditions.features(one) for _, one in settings().conditions()))
    of_services = {f"{kind}_{service}_12m" for kind in ("contacts", "cost_eur") for service in SERVICES}
    return tuple(sorted((read | of_services | {f"group_{group}" for group in GROUPS}) - {"state", *WORDS}))


def nobody(n: int) -> pd.DataFrame:
    """n residents without any event."""
    words = {name: pd.Categorical([codes[0]] * n, categories=codes) for name, codes in WORDS.items()}
    state = pd.Categorical(["resident"] * n, categories=["resident", "died", "moved"])
    zeros = {name: np.zeros(n) for name in columns()}
    frame = pd.DataFrame({"person": np.arange(n, dtype=np.int32), "state": state, **words, **zeros})
    return frame.assign(age=40.0, group_all=True)


def made(n: int, seed: int) -> pd.DataFrame:
    """n persons with use that is uneven as real use is; one in ten is no resident any more."""
    draws = np.random.default_rng(seed)
    frame = nobody(n)
    for name in columns():
        frame[name] = np.floor(draws.exponential(1.0, n) * (draws.random(n) < 0.4) * 3)
    for service in SERVICES:
        frame[f"cost_eur_{service}_12m"] = 100 * frame[f"contacts_{service}_12m"]
    frame["contacts_12m"] = sum(frame[f"contacts_{service}_12m"] for service in SERVICES)
    frame["cost_eur_12m"] = 100 * frame["contacts_12m"]
    frame["age"] = draws.integers(0, 100, n)
    for name, codes in WORDS.items():
        frame[name] = pd.Categorical(draws.choice(codes, n), categories=codes)
    frame["group_all"], frame["group_older_people"] = True, frame["age"] >= 75
    gone = draws.random(n) < 0.1
    return frame.assign(state=frame["state"].where(~gone, "moved"))
