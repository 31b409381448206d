"""What notebooks call: `study.open("2025Q3")`, then one call per page.

In a run the pages see only what the disclosure plan released (`ENNAKOINTI_PUBLISHED` names its folder). In JupyterLab
the same calls compute what is not computed yet, keep it in `work/`, and show it under the primary rules; there the
unrounded results are at hand too (`panel`, `result`).
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pandas as pd

from ennakointi import disclosure
from ennakointi import parameters as documents
from ennakointi.errors import ParameterError, RunError
from ennakointi.pages.context import PageContext
from ennakointi.pages.debt import DebtPage
from ennakointi.pages.demand import DemandPage
from ennakointi.pages.deviation import DeviationPage
from ennakointi.pages.effects import EffectsPage
from ennakointi.pages.indicators import IndicatorsPage
from ennakointi.pages.need import NeedPage
from ennakointi.pages.quality import QualityPage
from ennakointi.pages.segments import SegmentsPage
from ennakointi.pages.settings import page_context
from ennakointi.pages.summary import SummaryPage
from ennakointi.periods import Quarter
from ennakointi.text import Catalogue
from ennakointi.workspace import Workspace, read_json, read_tables

if TYPE_CHECKING:
    from ennakointi.features import Features
    from ennakointi.panel import Panel

PUBLISHED = "ENNAKOINTI_PUBLISHED"
WORK = "ENNAKOINTI_WORK"


def open(quarter: str, *, language: str = "fi", work: Path | str | None = None) -> Study:  # noqa: A001 - study.open
    """Open a prepared quarter.

    Parameters
    ----------
    quarter : for example `"2025Q3"`.
    language : `fi`, `sv` or `en`, the reader's language.
    work : the secure folder; by default the run's, else the nearest `work/` that holds the quarter.

    Raises
    ------
    ParameterError
        The quarter has not been prepared: says which command prepares it.
    """
    parsed = Quarter.parse(quarter)
    workspace = Workspace(_work_folder(parsed, work), parsed)
    settings = read_json(workspace.settings)
    if not settings:
        raise ParameterError(
            f"quarter {quarter}: nothing is prepared here. Run `ennakointi demo` or "
            f"`ennakointi run --data FOLDER --quarter {quarter}` first"
        )
    folder = settings["parameters"]
    loaded = documents.load(Path(folder) if folder else None, settings["region"])
    published = os.environ.get(PUBLISHED)
    return Study(workspace, loaded, Catalogue(language), settings, Path(published) if published else None)


def _work_folder(quarter: Quarter, work: Path | str | None) -> Path:
    if work or os.environ.get(WORK):
        return Path(work or os.environ[WORK])
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "work" / str(quarter) / "settings.json").exists():
            return folder / "work"
    return here / "work"


def _methods() -> ModuleType:
    """`phases`, imported late: the methods are heavy to import, and a run's notebooks never need them."""
    with warnings.catch_warnings():
        # A library announces a progress bar that is never shown; an analyst would take it for a fault.
        warnings.filterwarnings("ignore", message="IProgress not found")
        from ennakointi import phases
    return phases


class EndMarker:
    """The last thing a whole notebook shows; the run looks for it, the report leaves it out."""

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {disclosure.END_MARKER: {"end": True}}


@dataclass(frozen=True, eq=False)
class Study:
    """One quarter in one language. Pages are `debt`, `demand`, `effects`, `segments`, `need`, `indicators`,
    `quality`, `summary`."""

    workspace: Workspace
    parameters: documents.Parameters
    catalogue: Catalogue
    settings: Mapping[str, Any]
    published: Path | None = field(default=None)

    def debt(self, target_group: str = "all") -> DebtPage | DeviationPage:
        """The page of service debt; for a source of counts with a short baseline, of deviations."""
        self._known(target_group)
        if self.context_facts["aggregate"]:
            return DeviationPage(self._released("deviation"), target_group, self.context)
        self._computed(f"debt.{target_group}", "debt_summary", target_group)
        return DebtPage(
            self._released(f"debt.{target_group}", "hidden", "groups", "quality"), target_group, self.context
        )

    def demand(self, target_group: str = "all") -> DemandPage:
        """The page of forecasts of need; a source of counts has none."""
        self._known(target_group)
        self._computed(f"forecast.{target_group}", "forecast_checks", target_group)
        return DemandPage(self._released(f"forecast.{target_group}", "groups", "quality"), target_group, self.context)

    def effects(self, target_group: str = "all") -> EffectsPage:
        """The page of effects of the interventions of one group; `all` shows every intervention."""
        self._known(target_group)
        return EffectsPage(self._released(*self._parts("effect"), "quality"), target_group, self.context)

    def segments(self) -> SegmentsPage:
        """The page of client segments: who needs what, and how they move."""
        return SegmentsPage(self._released("segments", "groups", "quality"), self.context)

    def need(self) -> NeedPage:
        """The page of anticipated need; it tells of groups and areas, never of a person."""
        return NeedPage(self._released(*self._parts("need."), "groups", "quality"), self.context)

    def quality(self) -> QualityPage:
        """The page of data quality and coverage."""
        return QualityPage(self._released("quality", "volumes", "groups"), self.context)

    def indicators(self) -> IndicatorsPage:
        """The page of the headline figures, their targets, and earlier quarters."""
        return IndicatorsPage(self._released(*self._parts("")), self.context)

    def summary(self) -> SummaryPage:
        """The first page of the quarter."""
        return SummaryPage(self._released(*self._parts("")), self.context)

    def released(self, table: str) -> pd.DataFrame:
        """A released result table such as `debt_summary`, for notebooks of one's own."""
        tables = self._released(*self._parts(""))
        if table not in tables:
            raise ParameterError(f"table {table!r}: not in this quarter; there are {', '.join(sorted(tables))}")
        return tables[table].copy()

    def end(self) -> EndMarker:
        """The end marker; the last cell of a notebook shows it."""
        return EndMarker()

    def panel(self, target_group: str = "all") -> Panel:
        """Unrounded counts of a group, for analysts in the secure environment."""
        from ennakointi import panel

        self._secure()
        return panel.open(self.workspace.panels, target_group)

    def features(self) -> Features:
        """What is known of every resident at the end of each quarter, for analysts in the secure environment."""
        from ennakointi import features

        self._secure()
        return features.open(self.workspace.features)

    def result(self, part: str) -> dict[str, pd.DataFrame]:
        """Unrounded result tables of a part such as `debt.all` or `effect.team_model`, computed when needed."""
        self._secure()
        self._compute([part])
        return read_tables(self.workspace.part(part))

    def _secure(self) -> None:
        if self.published:
            raise RunError("unrounded numbers are not at hand in a run; its notebooks show released ones only")

    @cached_property
    def context_facts(self) -> dict[str, Any]:
        """As-of date, source and what is missing, as the plan left it."""
        return read_json(self.workspace.context)

    @cached_property
    def context(self) -> PageContext:
        """Labels, dates and links in the reader's language."""
        return page_context(self.parameters, self.catalogue, self.workspace.quarter, self.context_facts)

    def _known(self, target_group: str) -> None:
        if target_group not in self.parameters.target_groups:
            raise ParameterError(f"target group {target_group!r}: see `ennakointi list groups`")

    def _parts(self, kind: str) -> list[str]:
        return [name for name in self.settings["parts"] if name.startswith(kind)]

    def _computed(self, part: str, table: str, target_group: str) -> None:
        """Stop when the run could not compute what this page is about: the page then says that it failed."""
        if self.published and part in self.settings["parts"]:
            frame = self._published.get(table)
            if frame is None or target_group not in set(frame["target_group"]):
                raise RunError(f"{part}: its results could not be computed; see the run's log")

    @cached_property
    def _published(self) -> dict[str, pd.DataFrame]:
        return read_tables(self.published) if self.published else {}

    def _released(self, *parts: str) -> dict[str, pd.DataFrame]:
        if self.published:
            return self._published
        phases = _methods()
        self._compute(parts)
        computed = phases.gather(self.workspace, self.parameters, parts)
        areas = self.parameters.region.merged_areas
        return disclosure.release(computed, self.parameters.disclosure.current, areas)

    def _compute(self, parts: tuple[str, ...] | list[str]) -> None:
        phases = _methods()
        known = [part for part in parts if part in self.settings["parts"]]
        failed = phases.compute(
            self.workspace,
            self.parameters,
            known,
            self.settings["mode"],
            1,
            self.settings["basis"],
            lambda _: None,
        )
        if failed:
            raise RunError(f"{', '.join(failed)}: could not be computed; see {self.workspace.log.name}")
