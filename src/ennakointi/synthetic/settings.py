"""What can be switched in the synthetic county: the disruption itself, and mis-specifications that methods
must survive."""

from __future__ import annotations

from dataclasses import dataclass

from ennakointi.errors import ParameterError
from ennakointi.periods import parse_month


@dataclass(frozen=True)
class SyntheticSettings:
    """Switches of the synthetic county; the defaults are the county as described in its parameters.

    Parameters
    ----------
    disruption
        Whether the disruption of 2020–2021 happens at all.
    private_leakage
        Share of postponed and hidden needs that private care outside the data takes over (`lost_elsewhere` in
        the truth).
    waning_return
        The missed contacts come back fast at first and slowly from 2023, instead of at a constant rate.
    coding_break
        Month (`2022-03`) from which a part of the mental health contacts is recorded as primary care, without
        a word in the coverage or in the truth: the register alone changes.
    organiser_changes
        Whether organisers and producers change as they did in 2021 and 2023. Without: the register holds every
        municipality from the start and the county runs everything itself; the same persons get the same care.
    """

    disruption: bool = True
    private_leakage: float = 0.0
    waning_return: bool = False
    coding_break: str | None = None
    organiser_changes: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.private_leakage <= 1:
            raise ParameterError(f"private_leakage {self.private_leakage}: expected a share between 0 and 1")
        if self.coding_break is not None:
            parse_month(self.coding_break)
