"""Calibration of the synthetic county: the documents of `parameters/synthetic`, read strictly and laid out as
arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ennakointi.errors import ParameterError
from ennakointi.parameters import shipped
from ennakointi.parameters.yaml_documents import DocumentFault, read_yaml
from ennakointi.rules.words import Month
from ennakointi.spelling import did_you_mean

Ints = NDArray[np.integer[Any]]
Floats = NDArray[np.floating[Any]]
Flags = NDArray[np.bool_]

AGES = 101  # 0…100, the last is open

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Curve = dict[int, float]  # value at some ages (or years), linear between them


Document = TypeVar("Document", bound=BaseModel)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LatentClass(_Strict):
    share: Curve
    mortality: Positive
    missed: Positive


class Condition(_Strict):
    share: Curve
    classes: dict[str, float] = {}
    icd10: list[str]
    icpc2: list[str]
    atc: dict[str, float] = {}


class Status(_Strict):
    controller: Literal["county", "kela", "employment", "education", "other"]
    share: Curve
    ends: Share
    classes: dict[str, float] = {}


class Mortality(_Strict):
    at_60: Positive
    growth: Positive
    men: Positive
    women: Positive


class Needs(_Strict):
    """Latent classes, conditions, states and the flows of the population."""

    classes: dict[str, LatentClass]
    conditions: dict[str, Condition]
    complaints: dict[Literal["icpc2", "icd10", "dental"], dict[str, float]]
    statuses: dict[str, Status]
    mortality: Mortality
    fertility: Curve
    leaving: Curve
    coming: Curve


class Missed(_Strict):
    depth: Share
    substitute: str | None = None
    substituted: Share = 0.0
    unneeded: Share = 0.0
    queued: Share = 0.0


class Queue(_Strict):
    share: Share
    days: Positive


class Stay(_Strict):
    share: Share
    days: Positive


class Diagnosed(_Strict):
    system: Literal["icd10", "icpc2", "dental"]
    share: Share


class Service(_Strict):
    """One service: how much, when, by whom, at what cost."""

    rate: Curve
    female: Positive = 1.0
    frail: bool = True
    classes: dict[str, float] = {}
    adds: dict[str, float] = {}
    trend: float = 0.0
    starts: Month | None = None
    ramp_months: int = 1
    season: str
    week: str = "office"
    missed: Missed = Missed(depth=0.0)
    queue: Queue | None = None
    staff: dict[str, float]
    nature: dict[str, float]
    urgent: Share = 0.0
    remote: Curve = {2014: 0.0}
    place: Literal["in_person", "home", "elsewhere", "inpatient"] = "in_person"
    guarantee: bool = False
    diagnosis: Diagnosed | None = None
    unit: str
    cost_eur: Positive
    minutes: Positive
    stay: Stay | None = None


class Frailty(_Strict):
    lasting_shape: Positive
    yearly_shape: Positive
    last_year_of_life: Positive


class Noise(_Strict):
    county_sd: Annotated[float, Field(ge=0)]
    municipality_sd: Annotated[float, Field(ge=0)]
    autocorrelation: Annotated[float, Field(ge=0, lt=1)]


class Disruption(_Strict):
    first: Month
    factors: list[float]
    recovers_from: Month
    least_delay_months: int
    queue_returns: Share
    hidden_returns: Share
    needs_pass: Share
    referral_withdrawn: Share


class Waits(_Strict):
    same_day: Share
    other_staff_days: Positive
    physician_days: dict[Month, float]
    under_23_days: dict[Month, float]
    copied_stamp: Share
    missing_stamp: Share


class Care(_Strict):
    """Services, their rhythm, the disruption and the habits of recording."""

    frailty: Frailty
    noise: Noise
    weeks: dict[str, list[float]]
    seasons: dict[str, list[float]]
    services: dict[str, Service]
    disruption: Disruption
    waits: Waits
    clearing_plan: Share
    attendance: dict[Literal["cancelled_client", "cancelled_provider", "no_show"], Share]
    behind_the_scenes: dict[Literal["professional", "administrative"], Share]
    booking: dict[str, Share]


class Municipality(_Strict):
    ages: str
    population: list[int]
    districts: int = 1


class CoverageRule(_Strict):
    municipalities: list[str]
    services: Literal["all", "basic"] | list[str]
    from_: Month | None = Field(default=None, alias="from")
    until: Month
    status: Literal["partial", "none"]


class Purchased(_Strict):
    municipalities: list[str]
    services: list[str]
    from_: Month = Field(alias="from")


class Waves(_Strict):
    from_: Month = Field(alias="from")
    until: Month
    every_months: int

    @property
    def months(self) -> range:
        return range(self.from_, self.until + 1, self.every_months)


class Intervention(_Strict):
    """Who gets it (`kind`) and the relative effect on each service."""

    kind: Literal["municipalities", "outreach", "heavy_users"]
    effects: dict[str, float]
    starts: dict[str, Month] = {}
    waves: Waves | None = None
    share: Share = 0.0
    expected_per_1000: float = 1.0
    largest: int = 0
    months: int = 0
    counted: list[str] = []
    at_least: int = 0


class Region(_Strict):
    """Municipalities with their populations, what the register holds, and interventions."""

    name: str
    county_code: str
    reference_year: int
    first_population_year: int
    municipalities: dict[str, Municipality]
    ages_year: int
    ages: dict[str, list[float]]
    languages: dict[str, Share]
    coverage: list[CoverageRule] = []
    completeness: dict[Month, Share] = {}
    county_starts: Month
    purchased: list[Purchased] = []
    digital_clinic: Month
    interventions: dict[str, Intervention] = {}
    rate_multipliers: dict[str, Positive] = {}


@dataclass(frozen=True)
class Calibration:
    """Everything that the synthetic county is made from; `code` names the region's document."""

    code: str
    region: Region
    needs: Needs
    care: Care

    @property
    def services(self) -> tuple[str, ...]:
        return tuple(self.care.services)

    @property
    def municipalities(self) -> tuple[str, ...]:
        return tuple(self.region.municipalities)

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(self.needs.classes)

    def service(self, name: str) -> int:
        """Position of a service."""
        return self.services.index(name)


def load(region: str = "paijat-hame", folders: Sequence[Path] = ()) -> Calibration:
    """Calibration of a region.

    Parameters
    ----------
    region
        Name of a document in `parameters/synthetic`, such as `paijat-hame`.
    folders
        Parameter folders to look in first; then `./parameters`, then the shipped ones.

    Raises
    ------
    ParameterError
        A document is missing or wrong; the message names the file, the key and what was given.
    """
    searched = [*folders, Path("parameters"), shipped("parameters")]
    found = Calibration(
        region,
        _parse(Region, *_read(region, searched)),
        _parse(Needs, *_read("needs", searched)),
        _parse(Care, *_read("care", searched)),
    )
    _check_names(found, region)
    return found


def curve(points: Mapping[int, float], at: Floats) -> Floats:
    """Values of a curve, linear between its points and constant beyond them; an empty curve is 0."""
    if not points:
        return np.zeros(len(at))
    keys = sorted(points)
    return np.interp(at, keys, [points[key] for key in keys])


def by_age(points: Mapping[int, float]) -> Floats:
    """A curve at every age, (AGES,)."""
    return curve(points, np.arange(AGES, dtype=float))


def _read(name: str, folders: Sequence[Path]) -> tuple[Path, object]:
    for folder in folders:
        path = folder / "synthetic" / f"{name}.yml"
        if path.is_file():
            try:
                return path, read_yaml(path)[0]
            except DocumentFault as fault:
                raise ParameterError(f"synthetic/{path.name}: {fault}") from fault
    known = {path.stem for folder in folders for path in (folder / "synthetic").glob("*.yml")} - {
        "care",
        "needs",
    }
    raise ParameterError(f"synthetic/{name}.yml: there is no such calibration{did_you_mean(name, known)}")


def _check_names(found: Calibration, region: str) -> None:
    """Names that point from one document to another must exist there."""
    references = _named_in_care(found) + _named_in_region(found.region, set(found.services), f"{region}.yml")
    for document, key, given, known in references:
        for name in sorted(given - known):
            near = did_you_mean(name, known)
            raise ParameterError(f"synthetic/{document}: {key}: unknown name {name!r}{near}")


def _named_in_care(found: Calibration) -> list[tuple[str, str, set[str], set[str]]]:
    """(document, key, names given, names known) in `care.yml` and `needs.yml`."""
    care, needs, classes = found.care, found.needs, set(found.classes)
    services = care.services.values()
    known = {*needs.conditions, *needs.statuses}
    in_needs = {n for kind in (needs.conditions, needs.statuses) for c in kind.values() for n in c.classes}
    substitutes = {s.missed.substitute for s in services if s.missed.substitute}
    return [
        ("care.yml", "adds", {n for s in services for n in s.adds}, known),
        ("care.yml", "classes", {n for s in services for n in s.classes}, classes),
        ("care.yml", "season", {s.season for s in services}, set(care.seasons)),
        ("care.yml", "week", {s.week for s in services}, set(care.weeks)),
        ("care.yml", "substitute", substitutes, set(found.services)),
        ("needs.yml", "classes", in_needs, classes),
    ]


def _named_in_region(region: Region, services: set[str], document: str) -> list[tuple[str, str, set[str], set[str]]]:
    """(document, key, names given, names known) in a region's document."""
    places = {m for rule in region.coverage for m in rule.municipalities}
    places |= {m for purchase in region.purchased for m in purchase.municipalities}
    places |= {m for i in region.interventions.values() for m in i.starts}
    acted = {n for i in region.interventions.values() for n in (*i.effects, *i.counted)}
    ages = {m.ages for m in region.municipalities.values()}
    return [
        (document, "rate_multipliers", set(region.rate_multipliers), services),
        (document, "ages", ages, set(region.ages)),
        (document, "interventions", acted, services),
        (document, "municipalities", places, set(region.municipalities)),
    ]


def _parse(kind: type[Document], path: Path, content: object) -> Document:
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:5])
        raise ParameterError(f"synthetic/{path.name}: {faults}") from error
