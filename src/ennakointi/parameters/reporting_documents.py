"""How the published report looks and what its owner says in it: reporting.yml, glossary.yml, a quarter's comments."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal
from xml.etree import ElementTree

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from ennakointi.parameters.documents import Codes, Document, Label, Text
from ennakointi.periods import Quarter
from ennakointi.rules.words import words

FOLDER = "folder"  # in the context of validation: where the document lies, so that it can name files beside it
LOGO_LIMIT_BYTES = 60_000  # it stands on every page, and a page has 1.5 MB
BOUNDARIES_LIMIT_BYTES = 4_000_000
TEXT_CONTRAST = 4.5  # WCAG 2.1, success criterion 1.4.3
_PNG = b"\x89PNG\r\n\x1a\n"
_SVG_REFUSED = {"script", "foreignObject", "iframe", "image", "a", "animate", "set", "style"}


@dataclass(frozen=True)
class Attachment:
    """A file that a document names, by its path beside the document."""

    name: str
    content: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def data_address(self) -> str:
        """A picture as a `data:` address."""
        kind = "svg+xml" if self.name.lower().endswith(".svg") else "png"
        return f"data:image/{kind};base64,{base64.b64encode(self.content).decode()}"


def _attached(given: object, info: ValidationInfo, limit: int) -> Attachment:
    """Read the file that a document names.

    Raises
    ------
    ValueError
        It is no relative path, does not exist, or is larger than the limit.
    """
    folder = (info.context or {}).get(FOLDER)
    if not isinstance(given, str) or folder is None:
        raise ValueError("expected the name of a file beside this document")
    if Path(given).is_absolute() or ".." in Path(given).parts:
        raise ValueError("expected a path beside or below this document, such as logo.svg")
    file = Path(folder) / given
    if not file.is_file():
        raise ValueError(f"the file {given!r} does not exist beside this document; add it, or write null")
    if file.stat().st_size > limit:
        raise ValueError(f"{given!r} is larger than {limit // 1000} kB; make it smaller")
    return Attachment(given, file.read_bytes())


def _picture(given: object, info: ValidationInfo) -> Attachment:
    """A PNG, or an SVG that draws and does nothing else."""
    picture = _attached(given, info, LOGO_LIMIT_BYTES)
    if picture.name.lower().endswith(".png") and picture.content.startswith(_PNG):
        return picture
    if not picture.name.lower().endswith(".svg"):
        raise ValueError(f"{picture.name!r} is neither PNG nor SVG; save the logo in one of them")
    _check_svg(picture)
    return picture


def _check_svg(picture: Attachment) -> None:
    if b"<!DOCTYPE" in picture.content or b"<!ENTITY" in picture.content:
        raise ValueError(f"{picture.name!r} declares a document type; save it as plain SVG")
    try:
        root = ElementTree.fromstring(picture.content)
    except ElementTree.ParseError as error:
        raise ValueError(f"{picture.name!r} is not SVG (line {error.position[0]})") from error
    if root.tag != "{http://www.w3.org/2000/svg}svg":
        raise ValueError(f"{picture.name!r} is not SVG: its first element is no svg of the SVG namespace")
    for element in root.iter():
        name = str(element.tag).rpartition("}")[2]
        if name in _SVG_REFUSED:
            raise ValueError(f"{picture.name!r} holds <{name}>; save it as plain SVG with presentation attributes")
        for key, value in element.attrib.items():
            attribute, address = key.rpartition("}")[2], re.sub(r"\s", "", value)
            outside = "url(" in address.replace("url(#", "") or (attribute == "href" and not address.startswith("#"))
            if attribute.startswith("on") or attribute == "style" or outside:
                raise ValueError(f"{picture.name!r} holds the attribute {attribute}; save it as plain SVG")


Hex = Annotated[StrictStr, Field(pattern=r"^#[0-9a-fA-F]{6}$")]


class Colours(Document):
    """The CSS variables of the pages. Text colours stand on `paper` and on `soft`; what is not given is the page's own.

    Contrast is that of WCAG 2.1: text at least 4.5 : 1, the shapes of a status are text too.
    """

    main: Hex = "#17598c"
    ink: Hex = "#1b2733"
    quiet: Hex = "#556270"
    good: Hex = "#187a49"
    bad: Hex = "#80180f"
    unsure: Hex = "#85610a"
    rule: Hex = "#d5dce2"
    soft: Hex = "#f4f6f8"
    paper: Hex = "#ffffff"

    @model_validator(mode="after")
    def _readable(self) -> Colours:
        for name in ("main", "ink", "quiet", "good", "bad", "unsure"):
            for ground in ("paper", "soft"):
                ratio = contrast(getattr(self, name), getattr(self, ground))
                if ratio < TEXT_CONTRAST:
                    raise ValueError(
                        f"{name} {getattr(self, name)} on {ground} {getattr(self, ground)} has a contrast of "
                        f"{ratio:.1f} : 1; text needs {TEXT_CONTRAST} : 1: take a darker one"
                    )
        return self

    @property
    def own(self) -> tuple[tuple[str, str], ...]:
        """Variables that the document gives, in the order of the model."""
        return tuple((name, getattr(self, name)) for name in type(self).model_fields if name in self.model_fields_set)


def contrast(first: str, second: str) -> float:
    """Contrast of two colours `#rrggbb`, 1–21 (WCAG 2.1, relative luminance; witness: black on white = 21)."""
    light, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


class Shortcoming(Document):
    """Content that is not accessible: what, what is done about it, and the success criterion of WCAG, `1.4.10`."""

    what: Label
    plan: Label
    criterion: Annotated[StrictStr, Field(pattern=r"^\d\.\d\.\d{1,2}$")] | None = None


class Supervisor(Document):
    """The authority that supervises accessibility."""

    name: Label
    unit: Label
    site: Label
    email: StrictStr
    phone: StrictStr


class Accessibility(Document):
    """The facts of the accessibility statement (Act 306/2019, section 9).

    `conformance`: with WCAG 2.1 A and AA; `assessed_by`: the county itself, an outside expert, or nobody yet;
    `feedback`: an address or link, the region's contact when null; `answer_days`: at most 14 by the Act.
    """

    conformance: Literal["full", "partial", "none"]
    assessed_by: Literal["self", "expert", "nobody"]
    assessed_on: date | None = None
    written_on: date | None = None
    updated_on: date | None = None
    feedback: Label | None = None
    answer_days: Annotated[StrictInt, Field(ge=1, le=14)]
    supervisor: Supervisor
    shortcomings: Annotated[tuple[Shortcoming, ...], BeforeValidator(words)] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Accessibility:
        if (self.assessed_by == "nobody") != (self.assessed_on is None):
            raise ValueError("assessed_on belongs to assessed_by self or expert, and must be given with it")
        if self.conformance == "full" and self.shortcomings:
            raise ValueError("conformance is full, but shortcomings are listed; write partial")
        if self.conformance != "full" and not self.shortcomings:
            raise ValueError("conformance is not full: list the shortcomings")
        return self


def _quarter(text: str) -> str:
    if not re.fullmatch(r"\d{4}Q[1-4]", text):
        raise ValueError(f"{text!r} is no quarter; write for example 2025Q3")
    return text


QuarterName = Annotated[StrictStr, AfterValidator(_quarter)]


class Correction(Document):
    """What was corrected in a published quarter; no pages = every page. Pages as `service_debt.older_people`."""

    date: date
    quarter: QuarterName
    pages: Codes = ()
    what: Label
    why: Label

    @model_validator(mode="after")
    def _after_the_quarter(self) -> Correction:
        if self.date <= Quarter.parse(self.quarter).end:
            raise ValueError(f"date {self.date} is before the quarter {self.quarter} has ended")
        return self


class Boundaries(Document):
    """Borders of the municipalities for the map: a GeoJSON file, and the property that holds the 3-digit code."""

    file: Any
    code: StrictStr

    @field_validator("file")
    @classmethod
    def _read(cls, given: object, info: ValidationInfo) -> Attachment:
        file = _attached(given, info, BOUNDARIES_LIMIT_BYTES)
        try:
            content = json.loads(file.content)
        except ValueError as error:
            raise ValueError(f"{file.name!r} is not JSON; give a GeoJSON file") from error
        if not isinstance(content, dict) or content.get("type") != "FeatureCollection":
            raise ValueError(f"{file.name!r} is no GeoJSON FeatureCollection")
        return file

    @model_validator(mode="after")
    def _codes(self) -> Boundaries:
        if not self.geometries:
            raise ValueError(f"no feature of {self.file.name!r} has a polygon and the property {self.code!r}")
        return self

    @cached_property
    def geometries(self) -> Mapping[str, Mapping[str, Any]]:
        """The polygon or polygons (GeoJSON geometry) of each municipality, by 3-digit code."""
        found = {}
        for feature in json.loads(self.file.content)["features"]:
            code, geometry = (feature.get("properties") or {}).get(self.code), feature.get("geometry") or {}
            if code is not None and geometry.get("type") in ("Polygon", "MultiPolygon"):
                found[str(code).zfill(3)] = geometry
        return found


class Role(Label):
    """Who somebody is by office, in each language: a role, never a name or an address."""

    @model_validator(mode="after")
    def _no_address(self) -> Role:
        for language in ("fi", "sv", "en"):
            if re.search(r"[@\d]", self[language]):
                raise ValueError(f"{language}: {self[language]!r} is no role; write the office, no name or address")
        return self


class Licence(Document):
    """The licence of what is published: its short name and its address."""

    name: Text
    url: Annotated[StrictStr, Field(pattern=r"^https?://\S+$")]


class Reporting(Document):
    """The whole document reporting.yml. What is null is not shown."""

    approver: Role | None = None
    logo: Any = None
    colours: Colours = Colours()
    licence: Licence
    accessibility: Accessibility
    not_for: Annotated[tuple[Label, ...], BeforeValidator(words), Field(min_length=1)]
    corrections: Annotated[tuple[Correction, ...], BeforeValidator(words)] = ()
    boundaries: Boundaries | None = None

    @field_validator("logo")
    @classmethod
    def _logo(cls, given: object, info: ValidationInfo) -> Attachment | None:
        return None if given is None else _picture(given, info)

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        """Files that the document names."""
        return tuple(file for file in (self.logo, self.boundaries and self.boundaries.file) if file)


class Comments(Document):
    """The analyst's comments on the pages of a quarter: comments/<quarter>.yml.

    `quarter`: from the name of the file; `example`: in force with a synthetic source only; `pages`: by page, `summary`
    or `service_debt.older_people`.
    """

    quarter: QuarterName
    author: Role | None = None
    example: StrictBool = False
    pages: Annotated[dict[StrictStr, Label], Field(min_length=1)]


class Term(Document):
    """A word of the reports and what it means, for their readers."""

    term: Label
    meaning: Label


def page_names(notebooks: Mapping[str, str], groups: Sequence[str]) -> list[str]:
    """Every page that a comment or a correction may name; `notebooks`: `once` or `group` by notebook."""
    return [
        page
        for name, per in notebooks.items()
        for page in ([name] if per == "once" else [f"{name}.{group}" for group in groups])
    ]
