"""Features and a store made of arrays, for tests of anticipating need: what they look like to the methods."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

QUARTERS = tuple(f"{year}Q{n}" for year in range(2022, 2026) for n in range(1, 5))[:15]  # to 2025Q3


@dataclass
class MadeFeatures:
    """Frames by quarter."""

    frames: dict[str, pd.DataFrame]
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def quarters(self) -> tuple[str, ...]:
        return tuple(self.frames)

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.frames[self.quarters[0]].columns)

    def read(self, quarter: str, columns: list[str] | None = None) -> pd.DataFrame:
        frame = self.frames[quarter]
        return (frame if columns is None else frame[list(columns)]).copy()


class EmptyStore:
    """A store whose register holds no service: nobody was known before."""

    first_month = 0

    def codes(self, table: str, column: str) -> list[str]:
        return []

    def frame(self, table: str) -> nw.LazyFrame[Any]:
        return nw.from_native(pd.DataFrame({"service": np.empty(0, np.int16)})).lazy()


def word(places: NDArray[np.integer], values: list[str]) -> pd.Categorical:
    return pd.Categorical(np.array(values, object)[places], categories=values)


def county(n: int = 3000, seed: int = 1, quarters: tuple[str, ...] = QUARTERS) -> MadeFeatures:
    """Persons whose use of emergency care is told by age and by a lasting need that last year's contacts show.

    `contacts_emergency_12m` of a quarter is drawn anew; the first ten persons die before 2025, the next ten move.
    """
    rng = np.random.default_rng(seed)
    age = rng.integers(0, 95, n)
    lasting = rng.gamma(1.0, 1.0, n)
    sex = word(rng.integers(0, 2, n), ["female", "male", "unknown"])
    place = word((rng.random(n) < 0.3).astype(int), ["398", "016", "999"])
    band = word((age >= 65).astype(int), ["0–64", "65+"])
    rate = 0.3 * lasting * np.exp(age / 60)
    frames: dict[str, pd.DataFrame] = {}
    for name in quarters:
        gone = (np.arange(n) < 20) & (name >= "2025")
        state = np.where(gone, np.where(np.arange(n) < 10, 1, 2), 0)
        frames[name] = pd.DataFrame(
            {
                "person": np.arange(n, dtype=np.int32),
                "state": word(state, ["resident", "died", "moved"]),
                "age": age.astype(np.int16),
                "sex": sex,
                "age_band": band,
                "municipality": place,
                "language": word(np.zeros(n, int), ["fi"]),
                "months_resident": np.full(n, 300, np.int16),
                "contacts_emergency_3m": np.where(gone, 0, rng.poisson(rate / 4)).astype(np.uint16),
                "contacts_emergency_12m": np.where(gone, 0, rng.poisson(rate)).astype(np.uint16),
                "continuity_24m": np.where(rng.random(n) < 0.5, np.nan, rng.random(n)).astype(np.float32),
                "constant_12m": np.zeros(n, np.uint16),
                "group_older": pd.array(age >= 75, dtype="boolean"),
            }
        )
    return MadeFeatures(frames)


def outcome_document(minimum: int = 2, **more: Any) -> dict[str, Any]:
    """An outcome as need.yml tells it: so many emergency contacts."""
    label = {"fi": "tarve", "sv": "behov", "en": "need"}
    event = {"feature": {"of": "contacts_emergency", "minimum": minimum}}
    told = {"label": label, "about": label, "at_risk": {"everyone": True}, "event": event}
    return {**told, "service": "emergency", "source": "test", **more}
