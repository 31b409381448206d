"""The document `segmentation.yml` as strict models: ways of segmenting the residents, each from the gravest segment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated

from pydantic import Field, StrictStr, model_validator

from ennakointi.parameters.documents import Codes, Count, Document, Label, Text
from ennakointi.parameters.latent_documents import LatentSettings
from ennakointi.parameters.movement_documents import MovementSettings
from ennakointi.rules.feature_conditions import Condition, Everyone
from ennakointi.spelling import did_you_mean

Code = Annotated[StrictStr, Field(pattern=r"^[a-z][a-z0-9_]*$")]
ReadingCode = Annotated[StrictStr, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
LATENT = "latent"  # the scheme of the latent classes
UNMET_NEED, MULTI_SERVICE = "unmet_need", "multi_service"  # signs that the document defines outside `signs`
WAYS_IN_AND_OUT = ("arrived", "died", "moved")  # what the table of transitions holds beside the segments
NO_READING = "none"
_SUMS = "all"


class Segment(Document):
    """One segment; `who` decides among the residents whom no graver segment has taken. `measures`: codes of
    `SegmentationSettings.measures`."""

    label: Label
    description: Label
    who: Condition
    measures: Codes = ()


class Scheme(Document):
    """One way of segmenting; `segments` from the gravest, the last of them everyone.

    `source`: where the segments were published. `note`: how the published idea became a rule. `proxy`: the source
    gives no rule that a register could follow. `verify`: limits to be confirmed with the source's owner.
    """

    label: Label
    source: Text
    note: Label | None = None
    proxy: Annotated[bool, Field(strict=True)] = False
    verify: Annotated[bool, Field(strict=True)] = False
    segments: Annotated[dict[Code, Segment], Field(min_length=2)]

    @property
    def codes(self) -> tuple[str, ...]:
        """Segments from the gravest: the place is the gravity, 0 = gravest."""
        return tuple(self.segments)

    @model_validator(mode="after")
    def _exhaustive(self) -> Scheme:
        *before, last = self.segments
        for code in self.segments:
            if code.startswith(_SUMS) or code in WAYS_IN_AND_OUT:
                raise ValueError(
                    f"segment {code!r}: a code must not begin with {_SUMS!r} or be one of {', '.join(WAYS_IN_AND_OUT)}"
                )
        if not isinstance(self.segments[last].who, Everyone):
            raise ValueError(f"the last segment, {last!r}, must take everyone; write `who: {{everyone: true}}`")
        for code in before:
            if isinstance(self.segments[code].who, Everyone):
                raise ValueError(f"segment {code!r} takes everyone, so that no one is left for those after it")
        return self


class Told(Document):
    """A condition with its name in the three languages."""

    label: Label
    who: Condition


class Sign(Told):
    """Something that persons of a segment have; `amount`: the feature column that says how much of it."""

    amount: Text | None = None


class SegmentationSettings(Document):
    """Ways of segmenting the residents, and what is told of segments.

    `quarters_shown`: how many quarters the sizes of segments are told for, the run's own included. `measures`: what
    may be offered to a segment. `readings`: definitions of a multi-service client, of which `reading_of_record` is the
    one that signs tell. `unmet_need`: who has a sign of need that is not met.
    """

    quarters_shown: Count
    measures: dict[Code, Label]
    schemes: Annotated[dict[Code, Scheme], Field(min_length=1)]
    readings: Annotated[dict[ReadingCode, Told], Field(min_length=1)]
    reading_of_record: StrictStr
    unmet_need: Told
    signs: dict[Code, Sign]
    latent: LatentSettings
    movement: MovementSettings

    @property
    def every_sign(self) -> dict[str, Sign]:
        """The signs in the order they are told, with unmet need and the reading of record."""
        further = {UNMET_NEED: self.unmet_need, MULTI_SERVICE: self.readings[self.reading_of_record]}
        return {**self.signs, **{code: Sign(label=told.label, who=told.who) for code, told in further.items()}}

    @property
    def fast(self) -> SegmentationSettings:
        """The settings of mode fast: stability is judged on fewer samples, and the segments stay the same."""
        card = self.latent.stability
        card = card.model_copy(update={"samples": card.samples_fast, "seeds": card.seeds_fast})
        return self.model_copy(update={"latent": self.latent.model_copy(update={"stability": card})})

    def conditions(self) -> Iterator[tuple[str, Condition]]:
        """Every condition with its key path."""
        for name, scheme in self.schemes.items():
            yield from ((f"schemes.{name}.segments.{code}.who", one.who) for code, one in scheme.segments.items())
        yield from ((f"readings.{code}.who", one.who) for code, one in self.readings.items())
        yield "unmet_need.who", self.unmet_need.who
        yield from ((f"signs.{code}.who", sign.who) for code, sign in self.signs.items())
        yield from self.latent.conditions()

    @model_validator(mode="after")
    def _names(self) -> SegmentationSettings:
        for place, taken, given in (
            ("schemes", (LATENT, _SUMS), self.schemes),
            ("readings", (NO_READING, _SUMS), self.readings),
            ("signs", (UNMET_NEED, MULTI_SERVICE), self.signs),
        ):
            for code in given:
                if code in taken:
                    raise ValueError(f"{place}: the code {code!r} has a meaning of its own; choose another")
        _known("reading_of_record", "reading", (self.reading_of_record,), self.readings)
        _known("movement.plan_readings", "reading", self.movement.plan_readings, self.readings)
        for name, scheme in self.schemes.items():
            for code, segment in scheme.segments.items():
                _known(f"schemes.{name}.segments.{code}.measures", "measure", segment.measures, self.measures)
        return self


def _known(place: str, what: str, given: Iterable[str], known: Mapping[str, object]) -> None:
    for name in given:
        if name not in known:
            raise ValueError(f"{place}: {what} {name!r} does not exist{did_you_mean(name, known)}")
