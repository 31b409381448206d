"""The part `latent` of `segmentation.yml` as strict models: what is observed of a person for statistical classes, and
what is asked of the classes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, StrictFloat, StrictInt, StrictStr, model_validator

from ennakointi.parameters.documents import Count, Document, Label, Share
from ennakointi.rules import feature_conditions
from ennakointi.rules.feature_conditions import Condition, Feature, Window
from ennakointi.text import EN_DASH, N_, message_json

Code = Annotated[StrictStr, Field(pattern=r"^[a-z][a-z0-9_]*$")]
ClassCode = Annotated[StrictStr, Field(pattern=r"^class_[1-9][0-9]?$")]
MISSING = -1  # the answer of a person of whom it is not known
YES, NO, AT_LEAST = N_("yes"), N_("no"), N_("{n} or more")


class LatentItem(Document):
    """One thing observed of each resident: whether `who` holds, or in which category the feature `of` lies.

    `cuts`: lowest values of the second and every further category; the first holds what is below. `[1, 4]` makes
    0, 1–3 and 4 or more.
    """

    label: Label
    who: Condition | None = None
    of: StrictStr | None = None
    within_months: Window | None = None
    cuts: tuple[StrictInt | StrictFloat, ...] = ()

    @model_validator(mode="after")
    def _either(self) -> LatentItem:
        if (self.who is None) == (self.of is None):
            raise ValueError("give either `who`, a condition, or `of`, a feature with its `cuts`")
        if self.who is not None and (self.cuts or self.within_months is not None):
            raise ValueError("a condition is answered yes or no: leave out `cuts` and `within_months`")
        if self.of is not None and not self.cuts:
            raise ValueError("name the `cuts` of the feature: the lowest values of the second category and those after")
        if any(b <= a for a, b in pairwise(self.cuts)):
            raise ValueError("the cuts must rise")
        return self

    @property
    def condition(self) -> Condition:
        """The condition of the item; of a feature, one that names its column."""
        if self.who is not None:
            return self.who
        return Feature.model_validate({"feature": {"of": self.of, "within_months": self.within_months}})

    @property
    def n_answers(self) -> int:
        """Number of categories."""
        return len(self.cuts) + 1 if self.of is not None else 2

    def answers(self, frame: pd.DataFrame) -> NDArray[np.int8]:
        """Category of each person, (n,), 0 the lowest; `MISSING` where it is not known.

        Raises
        ------
        ParameterError
            A feature is not among the columns.
        """
        known = feature_conditions.known(self.condition, frame)
        if self.who is not None:
            found = feature_conditions.evaluate(self.who, frame).astype(np.int8)
        else:
            (column,) = feature_conditions.features(self.condition)
            values = frame[column].astype("Float64").to_numpy(dtype=float, na_value=np.nan)
            found = np.searchsorted(np.array(self.cuts, float), values, side="right").astype(np.int8)
        return np.where(known, found, np.int8(MISSING)).astype(np.int8)

    def answer_words(self, answer: int) -> str:
        """A category as a reader reads it: digits, or a message as JSON."""
        if self.of is None:
            return message_json(YES if answer else NO, {})
        if answer == len(self.cuts):
            return message_json(AT_LEAST, {"n": _digits(self.cuts[-1])})
        last = self.cuts[answer]
        first = self.cuts[answer - 1] if answer else 0
        until = last - 1 if float(last).is_integer() else last
        return _digits(until) if until <= first else f"{_digits(first)}{EN_DASH}{_digits(until)}"


class StabilityLimits(Document):
    """What makes a way of segmenting stable.

    `samples`: bootstrap samples. `seeds`: fits with another seed; `samples_fast`, `seeds_fast` in
    mode fast. `least_rand`: lowest mean adjusted Rand index of a
    sample's classes with the classes. `most_changed`: highest mean share of persons whose class another seed changes.
    `least_share`: smallest segment, a share of the residents. `most_drift`: highest PSI that is not announced.
    `least_fidelity`: lowest share of persons whom the described rules put in their class. `least_kept`: lowest share
    of persons in the segment of a year before.
    """

    samples: Annotated[StrictInt, Field(ge=2, le=200)]
    seeds: Annotated[StrictInt, Field(ge=1, le=50)]
    samples_fast: Annotated[StrictInt, Field(ge=2, le=200)]
    seeds_fast: Annotated[StrictInt, Field(ge=1, le=50)]
    least_rand: Share
    most_changed: Share
    least_share: Share
    most_drift: Annotated[StrictFloat, Field(gt=0, le=1)]
    least_fidelity: Share
    least_kept: Share


class LatentSettings(Document):
    """Statistical classes of the residents.

    `items`: what is observed. `most_classes`: numbers of classes that are tried, from 1. `starts`: random starts of
    each. `least_share`, `least_persons`: smaller classes are refused. `enough_gain`: the fewest classes are chosen that
    reach this share of the gain in BIC of the best number. `tree_leaves`: most rules that describe the classes.
    `names`: names of classes by code, instead of the ones made of their items. `version`: raise it to fit the model
    anew. `stability`: limits of the stability card, for every scheme.
    """

    items: Annotated[dict[Code, LatentItem], Field(min_length=2)]
    most_classes: Annotated[StrictInt, Field(ge=1, le=12)]
    starts: Annotated[StrictInt, Field(ge=1, le=50)]
    least_share: Annotated[StrictFloat, Field(gt=0, lt=0.5)]
    least_persons: Count
    enough_gain: Annotated[StrictFloat, Field(gt=0, le=1)]
    tree_leaves: Annotated[StrictInt, Field(ge=2, le=30)]
    names: dict[ClassCode, Label] = Field(default_factory=dict)
    version: Count = 1
    stability: StabilityLimits

    def conditions(self) -> Iterator[tuple[str, Condition]]:
        """Every condition with its key path."""
        yield from ((f"latent.items.{code}", item.condition) for code, item in self.items.items())


def _digits(value: float) -> str:
    return str(math.trunc(value)) if float(value).is_integer() else str(value)
