"""Presets of disclosure control and what they do to one number: rounding, and what a reader knows of it after it."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from ennakointi.errors import EnnakointiError
from ennakointi.result_tables import COUNT, EUROS, PERSONS

Floats = npt.NDArray[np.float64]

EUROS_PER_BASE = 100
SHARE_DIGITS = 3
MIDPOINT = "midpoint6"


class DisclosureError(EnnakointiError):
    """Something would leave the secure environment that must not; nothing is published."""

    exit_code = 5


class Preset(Protocol):
    """A rule of disclosure control: fewer persons than `threshold` are hidden, the rest is rounded to `base`.

    The name `midpoint6` rounds counts to the middle of their class instead (1–6 → 3, 7–12 → 9; OpenSAFELY,
    documentation on statistical disclosure control).
    """

    @property
    def name(self) -> str: ...
    @property
    def threshold(self) -> int: ...
    @property
    def base(self) -> int: ...


def round_values(values: Floats, kind: str, preset: Preset) -> Floats:
    """Round, halves away from zero: counts, persons and estimates to the base, euros to a hundred bases."""
    if preset.name == MIDPOINT and kind in (PERSONS, COUNT):
        return np.where(values > 0, np.ceil(values / preset.base) * preset.base - preset.base // 2, values)
    unit = preset.base * (EUROS_PER_BASE if kind == EUROS else 1)
    return np.sign(values) * np.floor(np.abs(values) / unit + 0.5) * unit + 0.0


def shown_count(count: int, preset: Preset) -> int | None:
    """A count of rows as it may stand in a manifest: rounded, or None where it is small."""
    if 0 < count < preset.threshold:
        return None
    return int(round_values(np.array([count], dtype=np.float64), COUNT, preset)[0])


def round_share(values: Floats) -> Floats:
    """Three significant digits."""
    return np.array([float(f"{value:.{SHARE_DIGITS}g}") for value in values], dtype=np.float64)
