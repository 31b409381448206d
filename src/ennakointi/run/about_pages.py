"""The pages about the report in each language: methods, glossary, files, data dictionary, provenance, accessibility."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ennakointi.pages import accessibility, computed, downloads, glossary, methods
from ennakointi.pages.context import PageContext
from ennakointi.report import exporter
from ennakointi.report.exporter import Page
from ennakointi.report.markup import Block
from ennakointi.report.table_files import TableFile
from ennakointi.report.workbook_files import WorkbookFile
from ennakointi.run import frames
from ennakointi.run.frames import Release


def write(
    folder: Path,
    release: Release,
    plain: Page,
    context: PageContext,
    tables: Sequence[TableFile],
    workbooks: Sequence[WorkbookFile],
) -> None:
    """Write every page about the report in one language.

    Parameters
    ----------
    folder : of that language's pages
    plain : what stands around every page of the language
    tables, workbooks : files that are already written
    """
    _ = context.catalogue.gettext
    for name, content in _contents(folder, release, plain, context, tables, workbooks).items():
        page = replace(
            plain,
            title=_(frames.ABOUT[name]),
            current=name,
            languages=frames.languages_of(release, plain.language, name),
        )
        (folder / name).write_text(exporter.block_page(content, page), encoding="utf-8")


def _contents(
    folder: Path,
    release: Release,
    plain: Page,
    context: PageContext,
    tables: Sequence[TableFile],
    workbooks: Sequence[WorkbookFile],
) -> Mapping[str, Block]:
    parameters, up = release.parameters, release.up(plain.language)
    reporting, preset = parameters.reporting, parameters.disclosure.current
    sizes = {one.href: (folder / up / one.href).stat().st_size for one in tables}
    sizes |= {one.href: (folder / one.href).stat().st_size for one in workbooks}
    return {
        frames.METHODS: methods.methods(parameters, release.tables, context, release.manifest),
        frames.GLOSSARY: glossary.glossary(parameters.glossary, context),
        frames.DOWNLOADS: downloads.downloads(tables, workbooks, sizes, up, reporting.licence, context),
        frames.DICTIONARY: downloads.dictionary(tables, preset, context),
        frames.COMPUTED: computed.computed(release.manifest, preset, up, context),
        frames.ACCESSIBILITY: accessibility.statement(reporting.accessibility, context, plain.contact, plain.made_on),
    }
