"""Schemes and segments in the reader's order and words, and released numbers as the page of segments writes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from ennakointi.pages.class_names import class_name
from ennakointi.pages.context import PageContext, Row, Tables, is_hidden, is_shown, records, rows
from ennakointi.periods import Quarter
from ennakointi.report.segment_figures import part_words
from ennakointi.text import N_

EVERYONE, LATENT = "all", "latent"
WAYS = {
    "died": N_("Died"),
    "moved": N_("Moved away"),
    "arrived": N_("Born or moved in"),
}
SEXES = {"female": N_("Women"), "male": N_("Men"), "other": N_("Other or not known sex")}
LANGUAGES = {"fi": N_("Finnish"), "sv": N_("Swedish"), "other": N_("Other language")}
UNKNOWN = N_("Not known")


@dataclass(frozen=True, eq=False)
class Segments:
    """The schemes of a quarter. `tables` are released; the labels give the order (see `schemes` and `codes`)."""

    tables: Tables
    context: PageContext

    @cached_property
    def schemes(self) -> tuple[str, ...]:
        """Schemes with sizes this quarter: in the order of the parameters, latent classes last."""
        found = self._now
        known = [] if found.empty else list(dict.fromkeys(found["scheme"].astype(str)))
        named = [code for code in self.context.labels.get("scheme", {}) if code in known and code != LATENT]
        rest = [code for code in known if code not in named and code != LATENT]
        return (*named, *rest, *([LATENT] if LATENT in known else []))

    @property
    def record(self) -> str:
        """The scheme of record: the first one; empty when nothing was divided."""
        return self.schemes[0] if self.schemes else ""

    @cached_property
    def _now(self) -> pd.DataFrame:
        return rows(self.tables, "segments", quarter=str(self.context.quarter))

    def codes(self, scheme: str) -> tuple[str, ...]:
        """Segments of a scheme from the gravest on, as the parameters order them; without `all`."""
        found = self._now
        own = [] if found.empty else list(dict.fromkeys(found[found["scheme"] == scheme]["segment"].astype(str)))
        present = [code for code in own if code != EVERYONE]
        named = [key.split(".", 1)[1] for key in self.context.labels.get("segment", {}) if key.startswith(f"{scheme}.")]
        return (*(code for code in named if code in present), *(code for code in present if code not in named))

    def size(self, scheme: str, segment: str, quarter: Quarter | None = None) -> Row:
        """The row of `segments` in the quarter; empty when there is none."""
        return self.row("segments", scheme=scheme, segment=segment, quarter=str(quarter or self.context.quarter))

    def quarters(self, scheme: str) -> list[Quarter]:
        """Quarters whose sizes are known, oldest first, up to the page's."""
        found = rows(self.tables, "segments", scheme=scheme)
        known = sorted({Quarter.parse(one) for one in found["quarter"]}) if not found.empty else []
        return [one for one in known if one <= self.context.quarter]

    def row(self, table: str, **keys: str) -> Row:
        """The first row of a table with the keys, or an empty one."""
        found = records(rows(self.tables, table, **keys))
        return found[0] if found else {}

    def scheme_name(self, scheme: str) -> str:
        """The reader's name of a scheme."""
        if scheme == LATENT:
            return self.context.catalogue.gettext("Statistical classes")
        return self.context.label("scheme", scheme)

    def is_proxy(self, scheme: str) -> bool:
        """Whether the scheme only stands for a published one that needs data of another kind."""
        return scheme in self.context.labels.get("scheme_proxy", {})

    def name(self, scheme: str, segment: str) -> str:
        """The reader's name of a segment, of everyone, or of a way in or out."""
        _ = self.context.catalogue.gettext
        if segment == EVERYONE:
            return _("All residents")
        if segment in WAYS:
            return _(WAYS[segment])
        key = f"{scheme}.{segment}"
        known = self.context.label("segment", key)
        if known == key and scheme == LATENT and segment.rpartition("_")[2].isdigit():
            return class_name(self.tables, self.context, segment)
        return segment if known == key else known

    def about(self, scheme: str, segment: str) -> str:
        """What the parameters say of a segment; empty when nothing."""
        return self.context.labels.get("segment_about", {}).get(f"{scheme}.{segment}", "")

    def value_name(self, dimension: str, value: str) -> str:
        """A value of age_band, sex, language or municipality in the reader's words."""
        _ = self.context.catalogue.gettext
        if value == EVERYONE:
            return _("All residents")
        if value in ("unknown", "999"):
            return _(UNKNOWN)
        if dimension == "municipality":
            return self.context.label("area", value)
        if dimension == "age_band":
            return _("Age {ages}", ages=value.replace("-", "–"))
        known: Mapping[str, str] = {"sex": SEXES, "language": LANGUAGES}.get(dimension, {})
        return _(known[value]) if value in known else value

    def count(self, row: Row, column: str) -> str:
        """Persons, contacts or days."""
        return self.told(row, column, self.context.catalogue.number)

    def share(self, row: Row, column: str) -> str:
        """A share as a percentage."""
        return self.told(row, column, lambda value: part_words(value, self.context.catalogue))

    def euros(self, row: Row, column: str) -> str:
        """Euros of one person."""
        return self.told(row, column, self.context.catalogue.euros)

    def rate(self, row: Row, column: str) -> str:
        """A number such as contacts per person, days or years, with decimals where it is small."""
        return self.told(row, column, self._small)

    def rounded(self, row: Row, column: str) -> str:
        """A large number of contacts with three digits."""
        return self.told(row, column, self.context.catalogue.significant)

    def rounded_euros(self, row: Row, column: str) -> str:
        """A large sum of euros with three digits."""
        return self.told(row, column, lambda value: self.context.catalogue.euros(float(f"{value:.3g}")))

    def _small(self, value: float) -> str:
        digits = 0 if value >= 10 or value == int(value) else 1 if value >= 1 else 2
        return self.context.catalogue.number(value, digits)

    def told(self, row: Row, column: str, write: Callable[[float], str]) -> str:
        """A released number in words: hidden, not estimated (`–`), or written."""
        if is_hidden(row, column):
            return self.context.catalogue.hidden
        return write(float(row[column])) if is_shown(row, column) else self.context.catalogue.missing

    def value(self, row: Row, column: str) -> float:
        """A released number for a figure; not a number when hidden or absent."""
        return float(row[column]) if is_shown(row, column) else float("nan")
