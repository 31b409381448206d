"""The document `need.yml` as strict models: needs that are anticipated, and with what."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StrictFloat, StrictInt, StrictStr, model_validator

from ennakointi.parameters.documents import Codes, Count, Document, Label, Text
from ennakointi.rules.feature_conditions import Condition, Top, walk
from ennakointi.rules.words import words

Horizon = Literal[3, 12]  # months; the windows that features have
Folds = Annotated[StrictInt, Field(ge=2, le=20)]


class NeedOutcome(Document):
    """A need that may arise within the horizon.

    `at_risk` holds on the day of prediction for those who are told a risk; `event` at the end of the horizon for those
    who got the need, its windows being the horizon unless they are told. `service` answers the need with
    `contacts_per_case` contacts within the horizon (null: learnt from those who got it). `right_services`: those that
    should know the person before the need comes.
    """

    label: Label
    about: Label
    at_risk: Condition
    event: Condition
    service: StrictStr
    contacts_per_case: Annotated[StrictInt | StrictFloat, Field(gt=0)] | None = None
    right_services: Codes = ()
    horizons: Annotated[tuple[Horizon, ...], BeforeValidator(words), Field(min_length=1)] | None = None
    source: Text

    @model_validator(mode="after")
    def _at_risk_of_each_person(self) -> NeedOutcome:
        if any(isinstance(node, Top) for node in walk(self.at_risk)):
            raise ValueError("at_risk: `top` compares persons of the day; name a feature with a limit instead")
        return self


class NeedSettings(Document):
    """Needs that are anticipated, and how.

    `horizons`: months ahead → how many earlier days of prediction the models learn from. `folds`: into how many parts
    persons are divided where a model is checked on those it did not learn from. `minimum_events`: persons with the need
    below which there is no model. `most_persons`: that a model learns from; of those without the need a weighted part.
    `history_years`: whole years of use before the day that are told of each person. `predictors`: features that the
    models see, with `*` for any letters.
    """

    horizons: dict[Horizon, Count] = Field(min_length=1)
    folds: Folds
    minimum_events: Annotated[StrictInt, Field(ge=20)]
    most_persons: Annotated[StrictInt, Field(ge=1000)]
    history_years: Count
    predictors: Annotated[Codes, Field(min_length=1)]
    outcomes: dict[StrictStr, NeedOutcome] = Field(min_length=1)

    def months_ahead(self, outcome: str) -> tuple[Horizon, ...]:
        """Horizons of an outcome, the nearest first."""
        return tuple(sorted(self.outcomes[outcome].horizons or self.horizons))

    @model_validator(mode="after")
    def _known_horizons(self) -> NeedSettings:
        for name in self.outcomes:
            for months in self.months_ahead(name):
                if months not in self.horizons:
                    raise ValueError(f"outcomes.{name}.horizons: {months} is not among the horizons {[*self.horizons]}")
        return self
