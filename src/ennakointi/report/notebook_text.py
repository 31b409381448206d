"""Notebooks in the reader's language: their Markdown is Finnish, and a catalogue per language has the others.

`locale/<language>/notebooks.po` holds the translations, keyed by the whole source of a Markdown cell.
"""

from __future__ import annotations

import copy
from functools import cache

import nbformat
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from ennakointi.text import LOCALE_FOLDER

SOURCE_LANGUAGE = "fi"


@cache
def _catalogue(language: str) -> Catalog:
    path = LOCALE_FOLDER / language / "notebooks.po"
    if language == SOURCE_LANGUAGE or not path.exists():
        return Catalog(locale=None)
    with path.open("rb") as lines:
        return read_po(lines, locale=language, abort_invalid=True)


def notebook_text(source: str, language: str) -> str:
    """A Markdown cell in the reader's language; in Finnish when nobody has translated it."""
    entry = _catalogue(language).get(source)
    return source if entry is None or entry.fuzzy or not entry.string else str(entry.string)


def translated(notebook: nbformat.NotebookNode, language: str) -> nbformat.NotebookNode:
    """A copy of a notebook with its Markdown cells in the reader's language; nothing else changes."""
    copied = copy.deepcopy(notebook)
    for cell in copied.cells:
        if cell.cell_type == "markdown":
            cell.source = notebook_text(cell.source, language)
    return copied
