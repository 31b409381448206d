"""The documents of service debt: when it accrues, what becomes of it, clearing it, and what experts believe."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StrictFloat, StrictInt, StrictStr, model_validator

from ennakointi.parameters.documents import Amount, Count, Document, Label, Share
from ennakointi.periods import month_text
from ennakointi.rules.words import Month, words

Shares = Annotated[tuple[Share, ...], BeforeValidator(words), Field(min_length=1)]
Paths = Annotated[StrictInt, Field(ge=20)]  # quantiles of 95 % intervals need draws beyond them
Careclass = Literal["primary_care", "primary_care_other", "oral_health", "specialised_care"]


class Likely(Document):
    """A number that is not known: its 10 % quantile, its mode and its 90 % quantile."""

    low: Amount
    likely: Amount
    high: Amount

    @model_validator(mode="after")
    def _rising(self) -> Likely:
        if not self.low <= self.likely <= self.high:
            raise ValueError(f"low, likely and high must rise, but are {self.low}, {self.likely}, {self.high}")
        return self


class LikelyShare(Likely):
    """A share that is not known."""

    @model_validator(mode="after")
    def _a_share(self) -> LikelyShare:
        if self.high > 1:
            raise ValueError(f"a share is at most 1, but high is {self.high}")
        return self


class LostSettings(Document):
    """Needs that end without care. `at_once`: share of the missing contacts no longer needed at once;
    `per_month`: share of the open needs that pass in a month; `services`: other shares `at_once` by service."""

    at_once: LikelyShare
    per_month: LikelyShare
    services: dict[StrictStr, LikelyShare] = Field(default_factory=dict)


class CapacityPlan(Document):
    """A stated plan: contacts a month added to services from `from` to `to` (open: until cleared). `example`: with a
    synthetic source only."""

    label: Label
    from_: Annotated[Month, Field(alias="from")]
    to: Month | None = None
    added_per_month: dict[StrictStr, Amount] = Field(default_factory=dict)
    added_share: Annotated[StrictInt | StrictFloat, Field(ge=0)] | None = None
    example: Annotated[bool, Field(strict=True)] = False

    @model_validator(mode="after")
    def _adds_something(self) -> CapacityPlan:
        if bool(self.added_per_month) == (self.added_share is not None):
            raise ValueError("give either `added_per_month` by service or one `added_share` of the normal month")
        if self.to is not None and self.to < self.from_:
            raise ValueError(f"the plan ends ({month_text(self.to)}) before it begins ({month_text(self.from_)})")
        return self


class ClearingSettings(Document):
    """Clearing the debt: the chance that is wanted, target dates, how the hidden need comes back, and plans."""

    wanted_chance: Annotated[StrictFloat, Field(gt=0, lt=1)]
    target_months_ahead: Annotated[tuple[Count, ...], BeforeValidator(words), Field(min_length=1)]
    phase_in_months: Count
    horizon_months: Count
    plans: dict[StrictStr, CapacityPlan] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _targets_rise(self) -> ClearingSettings:
        targets = self.target_months_ahead
        if any(later <= earlier for earlier, later in pairwise(targets)) or targets[-1] > self.horizon_months:
            raise ValueError(
                f"target_months_ahead must rise up to horizon_months ({self.horizon_months}), but are {list(targets)}"
            )
        return self


class QueueSettings(Document):
    """Limits of waiting. `limit_weeks` by class of care guarantee, `default_limit_weeks` elsewhere;
    `share_within`: share wanted within the limit; `relief_weeks`: weeks in which a queue above twice its target comes
    down."""

    limit_weeks: dict[Careclass, Annotated[StrictInt | StrictFloat, Field(gt=0)]]
    default_limit_weeks: Annotated[StrictInt | StrictFloat, Field(gt=0)]
    share_within: Annotated[StrictFloat, Field(gt=0, lt=1)]
    relief_weeks: Count

    def limit(self, care_guarantee: str | None) -> float:
        """Weeks that a referral may wait."""
        return float(self.limit_weeks.get(care_guarantee, self.default_limit_weeks))  # type: ignore[call-overload]


class ExpertView(Document):
    """What somebody who knows a service believes its debt to be, in contacts at the end of the window."""

    id: StrictStr
    role: Label
    group: StrictStr
    service: StrictStr
    low: Amount
    likely: Amount
    high: Amount
    date: date
    weight: Annotated[StrictInt | StrictFloat, Field(gt=0)] = 1
    example: Annotated[bool, Field(strict=True)] = False

    @model_validator(mode="after")
    def _rising(self) -> ExpertView:
        if not self.low <= self.likely <= self.high or self.low == self.high:
            raise ValueError(f"low, likely and high must rise, but are {self.low}, {self.likely}, {self.high}")
        return self


class DebtSettings(Document):
    """When debt accrues and how its uncertainty is drawn; months are month indices, inclusive."""

    baseline_first: Month
    baseline_last: Month
    window_first: Month
    window_last: Month
    minimum_baseline_months: Count
    n_paths: Paths
    n_paths_fast: Paths
    return_shares: Shares
    trend: Literal["damped", "none", "linear"]
    pool_below_contacts_a_month: Amount
    data_weight: Annotated[StrictInt | StrictFloat, Field(gt=0)]
    lost: LostSettings
    queues: QueueSettings
    clearing: ClearingSettings

    @model_validator(mode="after")
    def _in_order(self) -> DebtSettings:
        months = (self.baseline_first, self.baseline_last, self.window_first, self.window_last)
        if any(later <= earlier for earlier, later in pairwise(months)):
            given = ", ".join(month_text(month) for month in months)
            raise ValueError(f"baseline and window must follow each other, but are {given}")
        percent = [round(100 * share) for share in self.return_shares]
        if any(later <= earlier for earlier, later in pairwise(percent)):
            raise ValueError(f"return_shares must rise by whole percents, but are {list(self.return_shares)}")
        return self
