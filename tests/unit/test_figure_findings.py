"""Every figure of a page states its finding, stays small, and writes its numbers as the reader does."""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest
from effect_tables import effect_tables
from page_tables import context, deviation_tables, everything, released

from ennakointi.pages.debt import DebtPage
from ennakointi.pages.deviation import DeviationPage
from ennakointi.pages.effects import EffectsPage
from ennakointi.report.markup import Block

FINDING = re.compile(r"\d|evidence|say|effect")  # a number, or a verdict in words


def debt() -> list[Block]:
    page = DebtPage(everything(), "all", context("en"))
    return [page.fate(), page.over_time(), page.by_service(), page.equity()]


def effects() -> list[Block]:
    page = EffectsPage(released(effect_tables()), "all", context("en"))
    return [page.forest(), page.ranking()]


def each_effect() -> list[Block]:
    return [EffectsPage(released(effect_tables()), "all", context("en")).each()]


def deviation() -> list[Block]:
    return [DeviationPage(released(deviation_tables()), "all", context("en")).over_time()]


@pytest.mark.parametrize(
    "make",
    [debt, effects, deviation, pytest.param(each_effect, marks=pytest.mark.slow)],
    ids=lambda make: make.__name__,
)
def test_every_figure_of_a_page_states_its_finding(make: Callable[[], list[Block]]) -> None:
    pictures = [svg for block in make() for svg in re.findall(r"<svg.*?</svg>", block.html, re.S)]
    assert pictures
    for picture in pictures:
        root = ET.fromstring(picture)
        title, finding = (str(next(root.iter(tag)).text) for tag in ("title", "desc"))
        assert FINDING.search(finding), finding
        assert finding != title
        assert not re.match(r"(A |The )?(line|bar|chart|figure|graph|map)\b", finding, re.I)
        assert len(picture) <= 150_000
        assert root.get("viewBox", "").split()[2] in ("760", "360")
        assert not any(re.search(r"-\d", element.text or "") for element in root.iter("text"))  # a true minus only
