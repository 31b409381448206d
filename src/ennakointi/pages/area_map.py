"""The municipalities of a page on a map, where the parameters name a file of borders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ennakointi.pages.context import PageContext
from ennakointi.report import figures
from ennakointi.report.figures import MapWords


@dataclass(frozen=True)
class Area:
    """A municipality: its code, its share with the 80 % interval (not a number = none), whether the door hid it."""

    code: str
    value: float = np.nan
    lo: float = np.nan
    hi: float = np.nan
    hidden: bool = False

    @property
    def tone(self) -> str:
        """Whether the interval holds zero."""
        return "unsure" if self.lo <= 0 <= self.hi else "neutral"


def merged_words(codes: Iterable[str], context: PageContext) -> str:
    """That some municipalities are told together, and which; empty where each is told by itself."""
    _ = context.catalogue.gettext
    told = set(codes) & context.areas.keys()
    named = [
        _("{area}: {municipalities}", area=context.label("area", area), municipalities=context.catalogue.join(names))
        for area in context.areas
        if area in told
        for names in [[context.label("area", code) for code in context.areas[area]]]
    ]
    if not named:
        return ""
    return _("For privacy, small municipalities are told together as an area. {areas}.", areas="; ".join(named))


def area_map(
    areas: Sequence[Area], context: PageContext, *, unit: str, alt: str, caption: str, signed: bool = False
) -> figures.Figure | None:
    """Shares of municipalities, the largest first, hidden and unknown ones last; those of an area have its share. None
    where there are no borders."""
    county = {code for code in context.labels.get("area", {}) if code.isdigit()}
    areas = [replace(area, code=code) for area in areas for code in context.areas.get(area.code, (area.code,))]
    if not context.boundaries or not any(area.code in county and np.isfinite(area.value) for area in areas):
        return None
    _ = context.catalogue.gettext
    known = {area.code: area for area in areas if area.code in county}
    every = [known.get(code, Area(code)) for code in sorted(county)]
    every.sort(key=lambda area: (not np.isfinite(area.value), not area.hidden, -area.value))
    frame = pd.DataFrame(
        {
            "municipality": [area.code for area in every],
            "label": [context.label("area", area.code) for area in every],
            "value": [area.value for area in every],
            "lo": [area.lo for area in every],
            "hi": [area.hi for area in every],
            "status": [area.tone for area in every],
            "hidden": [area.hidden for area in every],
        }
    )
    words = MapWords(
        blank=_("no number"),
        status={"neutral": _("differs from zero"), "unsure": _("zero is within the interval")},
        absent=_("Not on the map:"),
    )
    return figures.municipality_map(
        frame,
        context.boundaries,
        words=words,
        catalogue=context.catalogue,
        unit=unit,
        alt=alt,
        caption=_("{caption}: map", caption=caption),
        percent=True,
        signed=signed,
    )
