"""The words of finished pages: short answers, no codes, numbers in the reader's form, nothing said twice."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest
from quarter_pages import text

pytestmark = pytest.mark.xdist_group("quarter")
LONGEST = 25  # words of a sentence of the answer
DICTIONARY = re.compile(r'<h2 id="(tietosanasto|dataordlista)".*', re.S)  # of the quality page: names the columns
FOR_ANALYSTS = ("methods", "downloads", "provenance", "data_dictionary", "quarters")  # name files, columns, parameters
ANSWER = re.compile(r'<div class="headline[^"]*">(.*?)</div>', re.S)


def sentences(html: str) -> list[str]:
    """Sentences of a piece of a page; a number with its spaces and unit is one word."""
    paragraphs = re.findall(r"<p\b[^>]*>(.*?)</p>", html, re.S)
    plain = [unescape(re.sub(r"<[^>]+>", "", p)).replace("\u00a0", "").replace("\u2060", "") for p in paragraphs]
    return [s for p in plain for s in re.split(r"(?<=[.!?])\s+", p) if s]


def read_by_all(pages: list[Path]) -> dict[str, str]:
    shown = {page.name: page.read_text(encoding="utf-8") for page in pages if page.stem not in FOR_ANALYSTS}
    assert len(shown) > 5
    return shown


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_the_answers_are_short(pages, language: str) -> None:
    answers = {name: ANSWER.findall(html) for name, html in read_by_all(pages[language]).items()}
    said = [(name, s) for name, found in answers.items() for answer in found for s in sentences(answer)]
    assert len(said) > 20
    assert [told for told in said if len(re.findall(r"\S*\w\S*", told[1])) > LONGEST] == []


@pytest.mark.parametrize("language", ["fi", "sv"])
def test_readers_meet_no_codes(pages, language: str) -> None:
    for name, html in read_by_all(pages[language]).items():
        main = DICTIONARY.sub("", html[html.index("<main") : html.index("</main>")])
        codes = set(re.findall(r"(?<![-\w])[a-z]+(?:_[a-z]+)+\b(?!-)", text(main)))
        assert codes == set(), name
        assert not re.search(r"\b\w+\.(?:yml|py|parquet)\b|\bNone\b|\bnan\b|\bTrue\b|\{\w+\}", text(main)), name


@pytest.mark.parametrize("language", ["fi", "sv"])
def test_numbers_are_written_as_the_language_does(pages, language: str) -> None:
    shown = read_by_all(pages[language])
    shown.pop("accessibility.html")  # telephone numbers, and versions of guidelines
    for name, html in shown.items():
        main = unescape(re.sub(r"<[^>]+>", "|", re.sub(r"<(style|svg)\b.*?</\1>", "", html, flags=re.S)))
        assert re.search(r"\d\u00a0%|accessibility|glossary", main + name), name
        assert not re.search(r"\d%|(?<![\w.])-\d|\b\d{1,3} \d{3}\b(?!\d)", main), name
        assert not re.search(r"(?<![\d.])\d+\.\d+(?![\d.])(?<!2\.1)(?<!2\.2)", re.sub(r"\b\d\.\d\.\d+", "", main)), name


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_no_check_is_told_twice(pages, language: str) -> None:
    for name, html in read_by_all(pages[language]).items():
        for listed in re.findall(r'<ul class="checks">(.*?)</ul>', html, re.S):
            told = re.findall(r"<li\b[^>]*>(.*?)</li>", listed, re.S)
            assert len(told) == len(set(told)), name
