"""Turns executed notebooks into the pages of a release, and puts tables, workbooks and the manifest beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import nbformat

from ennakointi import disclosure
from ennakointi.pages import notices
from ennakointi.pages.context import PageContext
from ennakointi.report import exporter, markup, site, table_files, workbook_files
from ennakointi.report.exporter import Page
from ennakointi.report.notebook_text import translated
from ennakointi.report.table_files import TableFile
from ennakointi.report.workbook_files import Report, WorkbookFile
from ennakointi.run import about_pages, provenance, publishing, quarter_list
from ennakointi.run.frames import FRONT, INDEX, Release, frame, group_of, languages_of
from ennakointi.run.notebook_runs import Outcome
from ennakointi.text import Catalogue

LABELS_OF = {  # columns whose codes have the reader's words, and the kind of those words
    "target_group": "target_group",
    "other": "target_group",
    "service": "service",
    "municipality": "area",
    "area": "area",
    "intervention": "intervention",
    "outcome": "outcome",
    "scenario": "scenario",
}


def publish(target: Path, release: Release) -> None:
    """Build the release beside `target`, check it, and swap it in; the earlier release stays if anything fails.

    The list of quarters follows when the quarter is in place.
    """
    with publishing.release(target) as stage:
        preset = release.parameters.disclosure.current
        tables = table_files.write_tables(stage, release.tables, preset, release.facts["synthetic"])
        for language in release.languages:
            folder = stage if language == release.languages[0] else stage / language
            _write_language(folder, release, language, tables)
        provenance.write(stage, release.manifest)
        disclosure.check_outputs(stage, release.forbidden)
        for path in (stage, *stage.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
    quarter_list.write(target.parent, release)


def _write_language(folder: Path, release: Release, language: str, tables: Sequence[TableFile]) -> None:
    (folder / "notebooks").mkdir(parents=True)
    outcomes, context = release.outcomes_in(language), release.context(language)
    plain = frame(release, language)
    workbooks = _workbooks(folder, release, plain, outcomes, context)
    for name, outcome in outcomes.items():
        page = replace(plain, title=outcome.job.title, current=name, languages=languages_of(release, language, name))
        notebook = _clean(outcome.job.executed, language) if outcome.good else None
        if name != INDEX:
            html = _page(release, outcome, notebook, page, outcomes, context)
            (folder / name).write_text(html, encoding="utf-8")
        if notebook is not None:
            nbformat.write(notebook, folder / "notebooks" / f"{Path(name).stem}.ipynb")
    front = replace(
        plain,
        title=_front_title(release, language),
        current=INDEX,
        languages=languages_of(release, language, INDEX),
    )
    (folder / INDEX).write_text(_front(release, outcomes, front, context), encoding="utf-8")
    about_pages.write(folder, release, plain, context, tables, workbooks)


def _workbooks(
    folder: Path, release: Release, plain: Page, outcomes: Mapping[str, Outcome], context: PageContext
) -> list[WorkbookFile]:
    notebooks = release.parameters.notebooks
    labels = {column: context.labels[kind] for column, kind in LABELS_OF.items()}
    reports = [
        Report(
            replace(plain, title=outcome.job.title, current=name),
            FRONT if name == INDEX else Path(name).stem,
            notebooks[outcome.job.notebook.stem].needs,
            group_of(outcome),
            labels,
        )
        for name, outcome in outcomes.items()
    ]
    return workbook_files.write(folder, release.tables, reports, release.parameters.disclosure.current)


def _page(
    release: Release,
    outcome: Outcome,
    notebook: nbformat.NotebookNode | None,
    page: Page,
    outcomes: Mapping[str, Outcome],
    context: PageContext,
) -> str:
    if notebook is None:
        return exporter.failure(page, outcome.job.title)
    key = ".".join(filter(None, (outcome.job.notebook.stem, group_of(outcome))))
    related = _related(release, outcomes, outcome, page.language)
    return exporter.page(notebook, page, notices.below(context, key, related), notices.corrections(context, key))


def _front(release: Release, outcomes: Mapping[str, Outcome], page: Page, context: PageContext) -> str:
    """The first page: corrections, the summary, then where everything is; the summary places the other notices."""
    outcome = outcomes.get(INDEX)
    after = site.contents(context.catalogue, *_topics(release, outcomes, page.language))
    if outcome is not None and outcome.good:
        content = _clean(outcome.job.executed, page.language)
        return exporter.page(content, page, after, notices.corrections(context, FRONT))
    _ = context.catalogue.gettext
    if outcome is None:
        missing = markup.paragraph(_("The summary is not part of this run."))
    else:
        missing = exporter.failure_block(context.catalogue, outcome.job.title)
    return exporter.block_page(missing + after, page)


def _clean(executed: Path, language: str) -> nbformat.NotebookNode:
    """The executed notebook in the reader's language, without what the execution left of the machine and the clock."""
    notebook = translated(nbformat.read(executed, as_version=4), language)
    kept = notebook.metadata.get("kernelspec", {})
    notebook.metadata = nbformat.NotebookNode(kernelspec=kept)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
        cell.metadata = nbformat.NotebookNode(tags=cell.metadata.get("tags", []))
        for output in cell.get("outputs", ()):
            if "metadata" in output:
                output.metadata = nbformat.NotebookNode()
            if len(output.get("data", ())) > 1:  # the plain form of a displayed object is its place in memory
                output.data.pop("text/plain", None)
    return notebook


def _front_title(release: Release, language: str) -> str:
    notebook = release.parameters.notebooks.get(FRONT)
    return notebook.title[language] if notebook else release.parameters.region.label[language]


def _related(release: Release, outcomes: Mapping[str, Outcome], outcome: Outcome, language: str) -> markup.Block | None:
    """Links from a page of one group to its other pages and to the same page of the other groups."""
    group = group_of(outcome)
    if not group:
        return None
    _ = Catalogue(language).gettext
    own, others = [], []
    for name, other in outcomes.items():
        of_group, notebook = group_of(other), other.job.notebook.stem
        if other is outcome or not of_group:
            continue
        if of_group == group:
            own.append(markup.link(release.parameters.notebooks[notebook].title[language], name))
        elif notebook == outcome.job.notebook.stem:
            others.append(markup.link(release.parameters.target_groups[of_group].label[language], name))
    lists = [markup.bullets(*links) for links in (own, others) if links]
    return markup.section(_("More about this group and others"), *lists) if lists else None


def _topics(
    release: Release, outcomes: Mapping[str, Outcome], language: str
) -> tuple[list[site.GroupLinks], list[tuple[str, str]]]:
    """The pages of each target group by topic, and the pages of the whole quarter."""
    groups, notebooks = release.parameters.target_groups, release.parameters.notebooks
    by_group: dict[str, dict[str, str]] = {}
    whole = []
    for file, outcome in outcomes.items():
        title = notebooks[outcome.job.notebook.stem].title[language]
        if group := group_of(outcome):
            by_group.setdefault(group, {})[title] = file
        elif file != INDEX:
            whole.append((title, file))
    return [site.GroupLinks(groups[group].label[language], pages) for group, pages in by_group.items()], whole
