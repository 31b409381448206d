"""The document of scenarios: assumptions about what changes the need of services, each with its interval and timing."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StrictFloat, StrictInt, StrictStr, model_validator

from ennakointi.parameters.documents import Amount, Codes, Document, Label
from ennakointi.periods import month_text
from ennakointi.rules.words import Month, words

POLICY, DIGITAL_SHIFT, PREVENTION, HEALTHY_AGEING = "policy", "digital_shift", "prevention", "healthy_ageing"


def _two_rising(ends: tuple[float, ...]) -> tuple[float, float]:
    if len(ends) != 2 or not all(math.isfinite(end) for end in ends):
        raise ValueError(f"an interval is two numbers, [low, high], but {list(ends)} was given")
    low, high = ends
    if low > high:
        raise ValueError(f"an interval is [low, high], but {low} is above {high}")
    return low, high


Interval80 = Annotated[tuple[StrictInt | StrictFloat, ...], BeforeValidator(words), AfterValidator(_two_rising)]


class Scenario(Document):
    """An assumption about the future; it is never estimated, and the page that shows it says so.

    `services`: 80 % interval of the relative change at full effect by service (policy, prevention), or of the share of
    contacts that moves to `to_service` (digital_shift), each moved contact becoming `contacts_per_contact` there.
    `years_per_year` (healthy_ageing): 80 % interval of the years by which every calendar year rejuvenates the use of
    people of `from_age` and over. `profile`: how the effect grows between the months `from` and `to`. `groups`: empty
    = every group. `active`: whether it is in force; `example`: with a synthetic source only.
    """

    id: StrictStr
    label: Label
    kind: Literal["policy", "digital_shift", "prevention", "healthy_ageing"]
    active: Annotated[bool, Field(strict=True)]
    example: Annotated[bool, Field(strict=True)] = False
    groups: Codes = ()
    services: dict[StrictStr, Interval80] = Field(default_factory=dict)
    to_service: StrictStr | None = None
    contacts_per_contact: Amount = 1
    years_per_year: Interval80 | None = None
    from_age: Annotated[StrictInt, Field(ge=0, le=100)] = 50
    profile: Literal["step", "linear", "front", "back"] = "linear"
    from_: Annotated[Month | None, Field(alias="from")] = None
    to: Month | None = None
    why: Label
    verify: Annotated[bool, Field(strict=True)] = False

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Scenario:
        ageing = self.kind == HEALTHY_AGEING
        if ageing != (self.years_per_year is not None) or ageing == bool(self.services):
            raise ValueError("healthy_ageing has `years_per_year`, every other kind has `services`")
        if (self.kind == DIGITAL_SHIFT) != (self.to_service is not None):
            raise ValueError("`to_service` belongs to kind: digital_shift, and must be given with it")
        if not ageing:
            self._check_months()
            self._check_sizes()
        return self

    def _check_months(self) -> None:
        if self.from_ is None or self.to is None:
            raise ValueError("`from` and `to` are missing: the months between which the effect grows")
        if self.to < self.from_:
            raise ValueError(f"`to` {month_text(self.to)} is before `from` {month_text(self.from_)}")

    def _check_sizes(self) -> None:
        lowest = 0 if self.kind == DIGITAL_SHIFT else -1
        for service, (low, high) in self.services.items():
            if low < lowest or high > 1:
                change = "a relative change from -1 to 1 (0.1 = a tenth more)"
                meant = "a share from 0 to 1" if self.kind == DIGITAL_SHIFT else change
                raise ValueError(f"{service}: [{low}, {high}] is not {meant}")
        if self.to_service in self.services:
            raise ValueError(f"contacts of {self.to_service} cannot move to {self.to_service} itself")
