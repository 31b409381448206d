"""The glossary and the catalogues say the same words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ennakointi import parameters
from ennakointi.pages.effect_words import EVIDENCE, VERDICTS
from ennakointi.pages.quality_checks import CATEGORIES
from ennakointi.pages.quality_words import LEVELS
from ennakointi.text import Catalogue, _catalogue, messages_in

ROOT = Path(__file__).parents[2]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "GLOSSARY.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith("| English")
]
FINNISH_NEVER = ("vaihteluväli", "toimenpide", "alle 5")


def test_every_row_has_three_languages() -> None:
    assert len(ROWS) > 30
    assert all(len(row) == 4 and all(row[:3]) for row in ROWS)


@pytest.mark.parametrize("column", [1, 2])
def test_verdicts_and_evidence_read_as_in_the_glossary(column: int) -> None:
    catalogue = Catalogue("fi" if column == 1 else "sv")
    glossary = {row[0]: row[column] for row in ROWS}
    for verdict in VERDICTS.values():
        assert glossary[verdict.words] == catalogue.gettext(verdict.words)
    levels = next(row[column] for row in ROWS if row[0].startswith("evidence:"))
    assert [catalogue.gettext(words) for words in EVIDENCE.values()] == levels.split(": ")[1].split(", ")


@pytest.mark.parametrize("english", ["service debt", "deviation", "intervention"])
def test_single_words_read_as_in_the_glossary(english: str) -> None:
    known = {row[0]: row[1].split(" (")[0] for row in ROWS}
    assert Catalogue("fi").gettext(english.capitalize()).lower() == known[english]


@pytest.mark.parametrize("column", [1, 2])
def test_trust_and_categories_read_as_in_the_glossary(column: int) -> None:
    catalogue = Catalogue("fi" if column == 1 else "sv")
    levels = [catalogue.gettext(LEVELS[level].words) for level in ("usable", "care", "refused")]
    assert "; ".join(levels) == next(row[column] for row in ROWS if row[0].startswith("can be used"))
    glossary = {row[0]: row[column] for row in ROWS}
    for code, title in CATEGORIES.items():
        assert catalogue.gettext(title).split(":")[0].lower() == glossary[code]


def test_the_glossary_page_s_terms_read_as_in_the_glossary() -> None:
    """A row may hold several words for several things, separated by `;` in the same order in every language."""
    known = {tuple(word.strip() for word in words) for row in ROWS for words in zip(*(c.split(";") for c in row[:3]))}
    terms = parameters.load().glossary
    assert len(terms) > 30
    for name, one in terms.items():
        assert (one.term.en, one.term.fi, one.term.sv) in known, name
        for language in ("fi", "sv", "en"):
            sentences = re.split(r"(?<=[.?]) ", one.meaning[language])
            assert max(len(sentence.split()) for sentence in sentences) <= 25, (name, language)


def test_a_hidden_cell_has_one_label() -> None:
    row = next(row for row in ROWS if row[0] == "not shown (privacy)")
    assert (Catalogue("fi").hidden, Catalogue("sv").hidden) == (row[1], row[2])


def test_finnish_sentences_avoid_the_wrong_words() -> None:
    sentences = [str(entry.string).lower() for entry in _catalogue("fi") if entry.id]
    assert len(sentences) > 100
    assert not [s for s in sentences for word in FINNISH_NEVER if re.search(rf"\b{word}", s)]


@pytest.mark.parametrize("language", ["fi", "sv"])
def test_no_translation_is_left_over(language: str) -> None:
    known = {
        message if isinstance(message, str) else message[0] for message in messages_in(ROOT / "src" / "ennakointi")
    }
    entries = {entry.id if isinstance(entry.id, str) else entry.id[0] for entry in _catalogue(language) if entry.id}
    assert entries <= known, "\n".join(map(str, entries - known))
