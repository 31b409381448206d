"""The record that every design returns: an estimate, its uncertainty, what was checked, and one plain sentence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ennakointi.results import Check
from ennakointi.text import Catalogue, message_json


class Numbers(NamedTuple):
    """An estimate with its 95 % interval; NaN where it is not known."""

    estimate: float
    lo95: float
    hi95: float

    def scaled(self, factor: float) -> Numbers:
        """Multiplied by a factor; a negative one turns the interval round."""
        bounds = sorted((self.lo95 * factor, self.hi95 * factor)) if np.isfinite(self.hi95 - self.lo95) else None
        return Numbers(self.estimate * factor, *(bounds or (np.nan, np.nan)))


_MARKS = {True: "✓", False: "✗", None: "–"}  # a check that passed, failed, could not be made
MOST_DIGITS = 6  # after the point; smaller numbers are written with a power of ten
UNKNOWN = Numbers(np.nan, np.nan, np.nan)


@dataclass(frozen=True, eq=False)
class Estimate:
    """One effect by one design.

    Attributes
    ----------
    design : `its`, `bsts`, `did`, `staggered`, `synthetic_control`, `synthetic_did`, `enrolled`, `survival`, …
    outcome : name of the outcome's column.
    effect : in the outcome's units, per unit and period (a rate's units where an offset was given).
    relative : the same as a share of the level without the intervention (−0.1 = 10 % lower).
    p_value : of no effect, by the design's own reference distribution.
    n : observations that were used.
    checks : what was checked; a failed critical one means that the estimate should not be believed.
    settings : everything needed to repeat the estimate, the seed and counts of units and periods among them.
    parts : tables of the design: `event_study`, `group_time`, `donor_weights`, `balance`, `placebos`, …
    """

    design: str
    outcome: str
    effect: Numbers
    p_value: float
    relative: Numbers
    n: int
    checks: tuple[Check, ...]
    settings: Mapping[str, Any]
    parts: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """The result in one English sentence."""
        return _sentence(self)

    def text(self) -> str:
        """The sentence, and the checks that failed."""
        failed = [_message(check) for check in self.checks if check.passed is False]
        return " ".join([self.sentence, *failed])

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON: numbers that are not known are None, parts are lists of rows."""
        found = {
            "design": self.design,
            "outcome": self.outcome,
            **self.effect._asdict(),
            "p_value": self.p_value,
            **{f"relative{name}": value for name, value in zip(("", "_lo95", "_hi95"), self.relative)},
            "n": self.n,
            "checks": [
                {"check": c.name, "passed": c.passed, "critical": c.critical, "message": _message(c)}
                for c in self.checks
            ],
            "sentence": self.sentence,
            "settings": dict(self.settings),
            **{name: table.to_dict(orient="records") for name, table in self.parts.items()},
        }
        return {name: _plain(value) for name, value in found.items()}

    def to_json(self) -> str:
        """`as_dict` as JSON text."""
        return json.dumps(self.as_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def lines(self) -> list[str]:
        """The sentence, what was used, and a line for every check."""
        return [self.sentence, f"{self.n:,} observations; design {self.design}.", *self._checked()]

    def _checked(self) -> list[str]:
        return [f"{_MARKS[check.passed]} {_message(check)}" for check in self.checks]

    def _repr_html_(self) -> str:
        rows = "".join(f"<li>{escape(line)}</li>" for line in self._checked())
        return f"<p>{escape(self.sentence)}</p><ul>{rows}</ul>"


def _message(check: Check) -> str:
    return Catalogue("en").message(message_json(check.message, check.values))


def _plain(value: Any) -> Any:
    """A value that JSON knows: no NaN, no NumPy types."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value if isinstance(value, str | int | bool | None) else str(value)


def _sentence(found: Estimate) -> str:
    effect, relative = found.effect, found.relative
    if not np.isfinite(effect.estimate):
        return f"{found.outcome}: no effect could be estimated."
    said = f"{found.outcome}: {_difference(effect, relative)}"
    if not np.isfinite([effect.lo95, effect.hi95]).all():
        return f"{said}; an interval of 95% cannot be given{_p(found.p_value)}."
    low, high = _number(effect.lo95, effect), _number(effect.hi95, effect)
    return f"{said} (95% interval {low} to {high}{_p(found.p_value)})."


def _difference(effect: Numbers, relative: Numbers) -> str:
    """What the estimate is, in words: nothing is called lower or higher that is shown as 0."""
    size = _number(abs(effect.estimate), effect)
    if not size.strip("0.,"):
        return "as without the intervention"
    said = f"{size} {'lower' if effect.estimate < 0 else 'higher'} than without the intervention"
    share = _number(100 * relative.estimate, relative.scaled(100)) if np.isfinite(relative.estimate) else ""
    if not share.strip("-−0.,"):
        return said
    return f"{said}, a change of {'+' if relative.estimate > 0 else ''}{share}%"


def _number(value: float, effect: Numbers) -> str:
    """Two significant digits of the interval's width, or of the estimate where there is none."""
    width = effect.hi95 - effect.lo95
    scale = width if np.isfinite(width) and width > 1e-9 * abs(effect.estimate) else abs(effect.estimate)
    digits = 0 if scale == 0 else 1 - int(np.floor(np.log10(scale)))
    rounded = round(value, digits) + 0.0  # no negative zero
    if rounded and digits > MOST_DIGITS:
        return f"{rounded:.1e}".replace("-", "−")
    return f"{rounded:,.{min(max(digits, 0), MOST_DIGITS)}f}".replace("-", "−")


def _p(p_value: float) -> str:
    if not np.isfinite(p_value):
        return ""
    return "; p < 0.001" if p_value < 0.001 else f"; p = {p_value:.3f}"
