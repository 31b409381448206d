"""The part `movement` of `segmentation.yml` as a strict model: how persons move between segments and find their way."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictFloat, StrictInt

from ennakointi.parameters.documents import Codes, Count, Document


class MovementSettings(Document):
    """How movements are pooled and carried on, and what an approach to care is.

    `pooled_years`: years from quarter to the same quarter a year later that the projection learns from; none overlaps
    another. `least_persons`: an age band of fewer persons in a segment is filled up to these with persons of all ages.
    `draws`: draws behind the 80 % interval. `most_difference`: largest relative difference between the residents and
    the population table with which there is a projection. `first_line`: services that a client approaches without a
    referral. `plan_readings`: who counts as a multi-service client where plans are told: anybody for whom one of these
    readings holds.
    """

    pooled_years: Count
    least_persons: Annotated[StrictInt | StrictFloat, Field(ge=1)]
    draws: Annotated[StrictInt, Field(ge=20)]  # quantiles of an 80 % interval need draws beyond them
    most_difference: Annotated[StrictInt | StrictFloat, Field(gt=0, le=1)]
    first_line: Annotated[Codes, Field(min_length=1)]
    plan_readings: Annotated[Codes, Field(min_length=1)]
