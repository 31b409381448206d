"""The site of a quarter: its first page, the result tables other programs read, and the manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from ennakointi.report import exporter, markup
from ennakointi.report.markup import Block
from ennakointi.report.table_files import TABLE_NAMES, TableFile, write_document
from ennakointi.text import Catalogue

Links = Sequence[tuple[str, str]]


def index(
    page: exporter.Page,
    content: NotebookNode | Path | Block,
    topics: Sequence[tuple[str, Links]],
    tables: Sequence[TableFile],
) -> str:
    """The first page of a quarter: the summary, then every page of each topic, then the tables.

    Parameters
    ----------
    content : the executed summary notebook, or a block where there is none
    topics : (title, ((label, href), …)) in the order of the navigation
    tables : what `write_tables` gave
    """
    after = listing(Catalogue(page.language), topics, tables)
    if isinstance(content, Block):
        return exporter.block_page(content + after, page)
    return exporter.page(content, page, after)


def listing(catalogue: Catalogue, topics: Sequence[tuple[str, Links]], tables: Sequence[TableFile]) -> Block:
    """Links to every page by topic, and the tables to download."""
    _ = catalogue.gettext
    pages = [
        markup.stack(markup.heading(title, 3), markup.bullets(*(markup.link(label, href) for label, href in links)))
        for title, links in topics
        if links
    ]
    names = [markup.link(_(TABLE_NAMES[file.name]), file.href) for file in tables]
    described = markup.link(_("Description of the columns (JSON)"), "tables/tables.json")
    return markup.stack(
        markup.section(_("All pages"), *pages) if pages else None,
        markup.section(
            _("Tables for other programs"),
            markup.note(_("CSV files; a hidden cell is empty and named in the column “suppressed”.")),
            markup.bullets(*names, described),
        )
        if tables
        else None,
    )


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write `manifest.json`: what the quarter was made from, with which parameters and versions, and when."""
    write_document(folder / "manifest.json", manifest)
