"""The document `indicators.yml` as strict models: headline figures, their targets, and names of external figures."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr, model_validator

from ennakointi.parameters.documents import Document, Label

Kind = Literal[
    "debt", "debt_now", "debt_weeks", "need_next_year", "forecast_hits", "evidence", "queues_over_limit", "rejected"
]
TargetKind = Literal["legal", "project", "indicator"]
_BY_GROUP = ("debt", "debt_now", "debt_weeks", "need_next_year")
Id = Annotated[StrictStr, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class Target(Document):
    """What is aimed at, in the unit of the figure. `text`: who set it and where; `verify`: nobody has confirmed it."""

    value: StrictInt | StrictFloat
    text: Label
    verify: StrictBool = False


class Indicator(Document):
    """A headline figure; `kind` names the result that it reads, and with it the unit. `by_group`: also for every
    reported group. Targets of different kinds are judged apart from each other."""

    label: Label
    definition: Label
    kind: Kind
    better: Literal["less", "more"]
    by_group: StrictBool = False
    targets: dict[TargetKind, Target] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _groups_have_it(self) -> Indicator:
        if self.by_group and self.kind not in _BY_GROUP:
            raise ValueError(f"by_group: the kind {self.kind} is not known of groups, only {', '.join(_BY_GROUP)}")
        return self


class ExternalFigure(Document):
    """A figure of the source's table `indicators`; `target` when it is no measurement but what is aimed at."""

    label: Label
    definition: Label
    unit: Literal["contacts", "percent", "persons", "days", "euros"]
    target: TargetKind | None = None
    verify: StrictBool = False


class IndicatorSettings(Document):
    """Headline figures in the order in which they are told, and external ones by the source's own ids."""

    headlines: dict[Id, Indicator]
    external: dict[Id, ExternalFigure] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _ids_differ(self) -> IndicatorSettings:
        if both := sorted(set(self.headlines) & set(self.external)):
            raise ValueError(f"{both[0]} stands in headlines and in external; give one of them another id")
        return self
