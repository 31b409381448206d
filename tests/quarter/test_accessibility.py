"""Every page as a screen reader, a keyboard, a small screen and a printer meet it: axe-core and our own counters."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from external_tools import in_browser

pytestmark = [pytest.mark.xdist_group("quarter"), pytest.mark.browser]
OF_GROUP = re.compile(r"-(?!all\.html)[a-z_]+\.html$")  # such a page has the template of the page of everyone


def faults(answer: dict[str, Any], language: str) -> list[str]:
    """What is wrong with a page, in words; empty when all is well."""
    found = [*answer["violations"], *(f"{n} {name}" for name, n in answer["own"].items() if n)]
    found += [f"asks for {address}" for address in answer["external"]]
    found += [f"{answer['scrollWidthAt320']} px wide at 320 px"] if answer["scrollWidthAt320"] > 320 else []
    found += [f"lang={answer['language']}"] if answer["language"] != language else []
    return found + ([] if answer["rules"] > 20 else ["hardly any rule was applied"])


def audited(pages: dict[str, list[Path]], narrow: bool) -> dict[str, list[str]]:
    """The faulty ones of some pages, all opened in one browser."""
    each = [(language, page) for language, own in pages.items() for page in own]
    answers = in_browser([{"page": page, "audit": True, "narrow": narrow} for _, page in each])
    told = {f"{language}: {page.name}": faults(a, language) for (language, page), a in zip(each, answers, strict=True)}
    return {page: wrong for page, wrong in told.items() if wrong}


@pytest.mark.parametrize("language", ["fi", *(pytest.param(other, marks=pytest.mark.slow) for other in ("sv", "en"))])
def test_a_page_of_every_template_is_accessible(pages, language: str) -> None:
    of_templates = {language: [page for page in pages[language] if not OF_GROUP.search(page.name)]}
    assert len(of_templates[language]) >= 8
    assert audited(of_templates, narrow=False) == {}


@pytest.mark.slow
def test_every_page_is_accessible_on_wide_and_narrow_screens(pages) -> None:
    assert audited(pages, narrow=True) == {}


LOOKED_AT = [
    "index.html",
    "service_debt-all.html",
    "effectiveness-all.html",
    "data_quality.html",
    "segments.html",
    "need.html",
]
PAPER = 672  # pixels between the margins of A4
VIEWS = [{"width": width, "media": media} for width, media in ((1280, "screen"), (375, "screen"), (PAPER, "print"))]


@pytest.mark.parametrize("name", LOOKED_AT)
def test_pages_are_whole_on_screens_and_paper(quarter, name: str) -> None:
    (answer,) = in_browser([{"page": quarter.release / name, "pictures": VIEWS, "policy": name == LOOKED_AT[1]}])
    assert len(answer["pictures"]) == len(VIEWS)
    for picture in answer["pictures"]:
        view = f"{picture['width']} px, {picture['media']}"
        assert picture["scroll"] <= picture["width"], view
        assert picture["cut"] == [], view
        assert picture["words"] > 150, view
        assert picture["figures"] >= 1, view
    assert answer.get("policyChangesNothing", True)
