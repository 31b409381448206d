"""Turns executed notebooks into the pages of a release and puts tables, notebooks, index and manifest beside them."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd

from ennakointi import disclosure
from ennakointi.pages import accessibility
from ennakointi.parameters import Parameters
from ennakointi.periods import Quarter
from ennakointi.report import exporter, markup, site, table_files
from ennakointi.report.exporter import Page
from ennakointi.report.notebook_text import translated
from ennakointi.run import publishing
from ennakointi.run.notebook_runs import Outcome
from ennakointi.text import Catalogue

INDEX = "index.html"
ACCESSIBILITY = "accessibility.html"
FRONT = "summary"


@dataclass(frozen=True)
class Release:
    """Everything that goes into `outputs/<quarter>/`; `forbidden` are texts that must not stand in any file."""

    parameters: Parameters
    quarter: Quarter
    facts: Mapping[str, Any]
    outcomes: Sequence[Outcome]
    tables: Mapping[str, pd.DataFrame]
    manifest: Mapping[str, Any]
    forbidden: tuple[str, ...]

    @property
    def languages(self) -> list[str]:
        """Languages of the pages; those of the first lie at the top, the others in a folder each."""
        return list(dict.fromkeys(_language(outcome) for outcome in self.outcomes))


def page_file(notebook: str, group: str) -> str:
    """File name of a page; the summary is the first page."""
    if notebook == FRONT:
        return INDEX
    return f"{notebook}-{group}.html" if group else f"{notebook}.html"


def publish(target: Path, release: Release) -> None:
    """Build the release beside `target`, check it, and swap it in; the earlier release stays if anything fails."""
    with publishing.release(target) as stage:
        preset = release.parameters.disclosure.current
        files = table_files.write_tables(stage, release.tables, preset, release.facts["synthetic"])
        for position, language in enumerate(release.languages):
            folder = stage if position == 0 else stage / language
            _write_language(folder, release, language, files if position == 0 else [])
        site.write_manifest(stage, {**release.manifest, "made_at": _made().isoformat(timespec="seconds")})
        disclosure.check_outputs(stage, release.forbidden)
        for path in (stage, *stage.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)


def _language(outcome: Outcome) -> str:
    return outcome.job.parameters["language"]


def _file(outcome: Outcome) -> str:
    return page_file(outcome.job.notebook.stem, outcome.job.parameters.get("target_group", ""))


def _write_language(folder: Path, release: Release, language: str, files: Sequence[table_files.TableFile]) -> None:
    (folder / "notebooks").mkdir(parents=True)
    outcomes = {_file(o): o for o in release.outcomes if _language(o) == language}
    frame = _frame(release, language)
    for name, outcome in outcomes.items():
        page = replace(frame, title=outcome.job.title, current=name, languages=_languages(release, language, name))
        if name != INDEX:
            related = _related(release, outcomes, outcome, language)
            (folder / name).write_text(_page(outcome, page, related), encoding="utf-8")
        if outcome.good:
            notebook = _clean(outcome.job.executed, language)
            nbformat.write(notebook, folder / "notebooks" / f"{Path(name).stem}.ipynb")
    front = replace(
        frame,
        title=_front_title(release, language),
        current=INDEX,
        languages=_languages(release, language, INDEX),
    )
    catalogue = Catalogue(language)
    about = replace(
        frame,
        title=catalogue.gettext("Accessibility statement"),
        current=ACCESSIBILITY,
        languages=_languages(release, language, ACCESSIBILITY),
    )
    told = accessibility.statement(catalogue, frame.county, frame.contact)
    (folder / ACCESSIBILITY).write_text(exporter.block_page(told, about), encoding="utf-8")
    content = _front(outcomes.get(INDEX), language)
    index = site.index(front, content, _topics(release, outcomes, language), files)
    (folder / INDEX).write_text(index, encoding="utf-8")


def _page(outcome: Outcome, page: Page, after: markup.Block | None) -> str:
    if not outcome.good:
        return exporter.failure(page, outcome.job.title)
    return exporter.page(_clean(outcome.job.executed, page.language), page, after)


def _front(outcome: Outcome | None, language: str) -> nbformat.NotebookNode | markup.Block:
    if outcome is not None and outcome.good:
        return _clean(outcome.job.executed, language)
    _ = Catalogue(language).gettext
    if outcome is None:
        return markup.paragraph(_("The summary is not part of this run."))
    return markup.callout(
        _("This page could not be made."),
        _("The part that failed: {part}.", part=outcome.job.title),
        _("The other pages of the quarter are whole. The log of the run tells the cause."),
        tone="warning",
    )


def _clean(executed: Path, language: str) -> nbformat.NotebookNode:
    """The executed notebook in the reader's language, without what the execution left of the machine and the clock."""
    notebook = translated(nbformat.read(executed, as_version=4), language)
    kept = notebook.metadata.get("kernelspec", {})
    notebook.metadata = nbformat.NotebookNode(kernelspec=kept)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
        cell.metadata = nbformat.NotebookNode(tags=cell.metadata.get("tags", []))
    return notebook


def _front_title(release: Release, language: str) -> str:
    notebook = release.parameters.notebooks.get(FRONT)
    return notebook.title[language] if notebook else release.parameters.region.label[language]


def _related(release: Release, outcomes: Mapping[str, Outcome], outcome: Outcome, language: str) -> markup.Block | None:
    """Links from a page of one group to its other pages and to the same page of the other groups."""
    group = outcome.job.parameters.get("target_group")
    if not group:
        return None
    _ = Catalogue(language).gettext
    own, others = [], []
    for name, other in outcomes.items():
        of_group, notebook = other.job.parameters.get("target_group"), other.job.notebook.stem
        if other is outcome or not of_group:
            continue
        if of_group == group:
            own.append(markup.link(release.parameters.notebooks[notebook].title[language], name))
        elif notebook == outcome.job.notebook.stem:
            others.append(markup.link(release.parameters.target_groups[of_group].label[language], name))
    lists = [markup.bullets(*links) for links in (own, others) if links]
    return markup.section(_("More about this group and others"), *lists) if lists else None


def _frame(release: Release, language: str) -> Page:
    parameters, facts = release.parameters, release.facts
    return Page(
        title="",
        language=language,
        quarter=release.quarter,
        as_of=date.fromisoformat(facts["as_of"]),
        county=parameters.region.label[language],
        contact=parameters.region.contact[language],
        synthetic=facts["synthetic"],
        made_on=_made().date(),
        source=facts["source"],
        nav=_navigation(release, language),
        provenance=_provenance(release, language),
        accessibility_href=ACCESSIBILITY,
    )


def _navigation(release: Release, language: str) -> tuple[tuple[str, str], ...]:
    """The first page of every notebook, in the order of notebooks.yml."""
    first: dict[str, str] = {}
    for outcome in release.outcomes:
        if _language(outcome) == language:
            first.setdefault(outcome.job.notebook.stem, _file(outcome))
    notebooks = release.parameters.notebooks
    return tuple((notebooks[name].title[language], first[name]) for name in notebooks if name in first)


def _topics(
    release: Release, outcomes: Mapping[str, Outcome], language: str
) -> list[tuple[str, list[tuple[str, str]]]]:
    groups = release.parameters.target_groups
    topics = []
    for name, notebook in release.parameters.notebooks.items():
        links = [
            (groups[group].label[language] if group else notebook.title[language], file)
            for file, outcome in outcomes.items()
            if outcome.job.notebook.stem == name and file != INDEX
            for group in [outcome.job.parameters.get("target_group", "")]
        ]
        topics.append((notebook.title[language], links))
    return topics


def _languages(release: Release, language: str, name: str) -> tuple[tuple[str, str], ...]:
    """Links to the same page in every language of the release, from where this language's pages lie."""
    if len(release.languages) == 1:
        return ()
    up = "" if language == release.languages[0] else "../"
    folders = {code: "" if code == release.languages[0] else f"{code}/" for code in release.languages}
    return tuple((code, f"{up}{folder}{name}") for code, folder in folders.items())


def _provenance(release: Release, language: str) -> tuple[tuple[str, str], ...]:
    catalogue = Catalogue(language)
    _ = catalogue.gettext
    manifest = release.manifest
    read, rejected = (manifest["source"][name] for name in ("read", "quarantined"))
    preset = release.parameters.disclosure.current
    return (
        (_("Program"), f"ennakointi {manifest['version']} ({manifest['mode']})"),
        (_("Data"), f"{release.facts['source']}, {catalogue.date(date.fromisoformat(manifest['as_of']))}"),
        (_("Rows delivered"), catalogue.hidden if read is None else catalogue.number(read)),
        (_("Rows rejected"), catalogue.hidden if rejected is None else catalogue.number(rejected)),
        (
            _("Privacy"),
            _(
                "Rule {preset}: fewer than {threshold} persons are not shown, other counts are rounded to {base}.",
                preset=preset.name,
                threshold=preset.threshold,
                base=preset.base,
            ),
        ),
        (_("Settings"), _("The manifest lists every parameter document by its checksum (manifest.json).")),
    )


def _made() -> datetime:
    """The clock, or SOURCE_DATE_EPOCH where a repeatable release is wanted."""
    return datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", time.time())), UTC)
