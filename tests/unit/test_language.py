"""The reader's words in Finnish and Swedish: spelt right, short, alike in both, numbers in the reader's form."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from external_tools import misspelt

from ennakointi.periods import Quarter
from ennakointi.report.notebook_text import _catalogue as notebook_catalogue
from ennakointi.text import Catalogue, _catalogue, slots

ROOT = Path(__file__).parents[2]
LANGUAGES = ("fi", "sv")
LONGEST = 25  # words of a sentence, in the Finnish of every page
LONGEST_TOLD = 35  # in the other languages, whose words are shorter and more
WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*(?:-(?=[\s,/)]|$))?")
NO_WORD = re.compile(  # files, addresses, quoted codes, slots, endings of abbreviations and of digits
    r"https?://\S+|\S+@\S+|\b\w+\.(?:yml|json|csv|html|po)\b|”[^”]*”|\{\w+\}|(?<=[\w}%]):[a-zåäö]+|\d-[a-zåäö]+"
)
NEVER = {"fi": ("toimenpide", "toimenpit", "vaihteluväl", "koronavelk"), "sv": ("variationsvidd", "coronaskuld")}
MEDICAL = "mappings"  # where a medical procedure, which is what the word means, may be spoken of
PLACES = "regions.yml"  # names of municipalities are in no dictionary


@cache
def catalogue_texts(language: str) -> tuple[tuple[str, str], ...]:
    """(English, translation) of every sentence; of one and of many both."""
    found = []
    for entry in _catalogue(language):
        english = (entry.id,) if isinstance(entry.id, str) else entry.id
        own = (entry.string,) if isinstance(entry.string, str) else entry.string
        found += [(e, o) for e, o in zip(english, own, strict=True) if e]
    return tuple(found)


@cache
def notebook_texts(language: str) -> tuple[str, ...]:
    """The Markdown of the shipped notebooks, which is written in Finnish."""
    paths = sorted((ROOT / "notebooks").glob("*.ipynb"))
    cells = [cell for path in paths for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    return tuple(
        sources if language == "fi" else (str(notebook_catalogue(language)[source].string) for source in sources)
    )


@cache
def parameter_texts(language: str, without: str = PLACES) -> tuple[str, ...]:
    """Labels of the shipped parameters."""
    return tuple(
        text
        for path in sorted((ROOT / "parameters").rglob("*.yml"))
        if without not in str(path.relative_to(ROOT))
        for text in _of_language(yaml.safe_load(path.read_text(encoding="utf-8")), language)
    )


def _of_language(node: Any, language: str) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get(language), str) and node[language] != language:
            yield node[language]
        for value in node.values():
            yield from _of_language(value, language)
    elif isinstance(node, list):
        for value in node:
            yield from _of_language(value, language)


def every_text(language: str) -> list[str]:
    return [*(own for _, own in catalogue_texts(language)), *notebook_texts(language), *parameter_texts(language)]


def words_of(texts: list[str]) -> set[str]:
    """The words of some texts; slots, file names, addresses and quoted codes are none."""
    return {word for text in texts for word in WORD.findall(NO_WORD.sub(" ", text).replace("\u00ad", ""))}


def listed(language: str) -> list[str]:
    lines = (ROOT / "tests" / "words" / f"{language}.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def sentences(text: str) -> list[str]:
    filled = re.sub(r"\{\w+\}(?::\w+)?", "9", text)
    return [s for s in re.split(r"(?<=[.!?])\s+|\n+", filled) if s.strip()]


def length(sentence: str) -> int:
    return len(re.findall(r"\S*\w\S*", sentence))


def test_there_are_texts_of_every_kind() -> None:
    for language in LANGUAGES:
        assert len(catalogue_texts(language)) > 1000
        assert len(notebook_texts(language)) > 30
        assert len(parameter_texts(language)) > 150


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_is_spelt_right(language: str) -> None:
    assert misspelt(words_of(every_text(language)), language) - set(listed(language)) == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_list_of_words_holds_only_what_is_used_and_unknown(language: str) -> None:
    own = listed(language)
    assert own == sorted(set(own))
    assert set(own) <= words_of(every_text(language))
    assert misspelt(own, language) == set(own)


def test_the_checkers_find_a_wrong_word() -> None:
    assert misspelt(["palveluvelka", "palveluvellka"], "fi") == {"palveluvellka"}
    assert misspelt(["kvartal", "kvarrtal"], "sv") == {"kvarrtal"}


def test_no_finnish_sentence_is_long() -> None:
    assert [s for text in every_text("fi") for s in sentences(text) if length(s) > LONGEST] == []


def test_no_sentence_is_very_long_in_the_other_languages() -> None:
    english = [english for english, _ in catalogue_texts("fi")]
    assert [s for text in [*english, *every_text("sv")] for s in sentences(text) if length(s) > LONGEST_TOLD] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_languages_say_the_same_string_by_string(language: str) -> None:
    for english, own in catalogue_texts(language):
        assert sorted(slots([english])) == sorted(slots([own])), own
        assert abs(len(sentences(english)) - len(sentences(own))) <= 2, own
        assert english[-1:] not in ".!?:" or own[-1] == english[-1], own
        assert own[-1] != "." or english[:1].isupper() == own[:1].isupper() or not (english[:1] + own[:1]).isalpha(), (
            own
        )


def test_finnish_and_swedish_have_the_same_sentences() -> None:
    assert {english for english, _ in catalogue_texts("fi")} == {english for english, _ in catalogue_texts("sv")}


ALIKE = re.compile(r"^(\W|\d|\{\w+\}|[A-Z]{2,}|[a-z]+ = )*$")


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_of_several_words_is_left_in_english(language: str) -> None:
    left = [own for english, own in catalogue_texts(language) if own == english and not ALIKE.match(own)]
    assert [own for own in left if len(WORD.findall(NO_WORD.sub(" ", own))) > 1] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_and_many_are_translated_apart(language: str) -> None:
    pairs = [entry for entry in _catalogue(language) if isinstance(entry.id, tuple)]
    assert pairs
    for entry in pairs:
        assert len(entry.string) == 2
        assert all(entry.string)
        assert entry.string[0] != entry.string[1], entry.string


@pytest.mark.parametrize("language", LANGUAGES)
def test_wrong_words_are_not_used(language: str) -> None:
    told = [own for _, own in catalogue_texts(language)]
    texts = [*told, *notebook_texts(language), *parameter_texts(language, MEDICAL)]
    assert [text for text in texts for word in NEVER[language] if re.search(rf"\b{word}", text.lower())] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_write_numbers_as_the_language_does(language: str) -> None:
    shown = Catalogue(language)
    assert shown.number(-1234567.25, 1) == "−1\u00a0234\u00a0567,3"
    assert shown.percent(0.043, 1) == "4,3\u00a0%"
    quarters = {"fi": "3. neljännes 2025 (heinä–syyskuu)", "sv": "kvartal 3 2025 (juli–september)"}
    assert shown.quarter(Quarter(2025, 3)) == quarters[language]
    for _english, own in catalogue_texts(language):
        written = NO_WORD.sub(" ", own)
        assert not re.search(r"\d\.\d(?!\d*\.)\d*(?! [A-ZÅÄÖ])", re.sub(r"WCAG \d\.\d", "", written)), own
        assert not re.search(r"\d,\d{3}\b|\d%|[\d}]%|(?<![\w–])-\d", own), own
        assert not re.search(r"\.\.\.|''|\"|(?<=\d)-(?=\d)", own), own
