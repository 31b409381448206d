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

    exit_code = 4


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
    @property
    def zeros(self) -> str: ...
    @property
    def everyone(self) -> str: ...


def round_values(values: Floats, kind: str, preset: Preset) -> Floats:
    """Round, halves away from zero: counts, persons and estimates to the base, euros to a hundred bases."""
    if preset.name == MIDPOINT and kind in (PERSONS, COUNT):
        return np.where(values > 0, np.ceil(values / preset.base) * preset.base - preset.base // 2, values)
    unit = preset.base * (EUROS_PER_BASE if kind == EUROS else 1)
    return np.sign(values) * np.floor(np.abs(values) / unit + 0.5) * unit + 0.0


def shown_interval(values: Floats, kind: str, preset: Preset) -> tuple[Floats, Floats]:
    """(n,) ends of what a reader knows of each number once it is shown: the values that are rounded to the same.

    Persons and counts are whole numbers (base 10: a 10 was 5–14) and those under the threshold are not shown, so a
    shown 0 is 0. Estimates and euros are not whole (10 was 5–15). `values` may be rounded already or not.
    """
    shown = round_values(values, kind, preset)
    size, sign = np.abs(shown), np.where(shown < 0, -1.0, 1.0)
    if kind not in (PERSONS, COUNT):
        half = preset.base * (EUROS_PER_BASE if kind == EUROS else 1) / 2
        return shown - half, shown + half
    if preset.name == MIDPOINT:
        top = np.ceil(size / preset.base) * preset.base
        near, far = np.where(size > 0, top - preset.base + 1, 0.0), top
    else:
        few = preset.threshold - 1
        last = np.ceil(size + preset.base / 2) - 1
        near = np.where(size > 0, np.maximum(np.ceil(size - preset.base / 2), few + 1), 0.0)
        far = np.where((size == 0) & (last <= few), 0.0, last)
        near = np.minimum(near, far)  # of a number that is never shown
    return np.where(sign > 0, near, -far), np.where(sign > 0, far, -near)


def shown_count(count: int, preset: Preset) -> int | None:
    """A count of rows as it may stand in a manifest: rounded, or None where it is small."""
    if 0 < count < preset.threshold:
        return None
    return int(round_values(np.array([count], dtype=np.float64), COUNT, preset)[0])


def round_share(values: Floats, digits: int = SHARE_DIGITS) -> Floats:
    """Three significant digits, or as many as are given."""
    return np.array([float(f"{value:.{digits}g}") for value in values], dtype=np.float64)
