"""The page of indicators: values, targets by whose they are, earlier quarters, other publications."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from page_tables import context, released
from page_words import unfilled, words

from ennakointi.pages.indicators import IndicatorsPage
from ennakointi.report import markup
from ennakointi.result_tables import RESULT_TABLES

NAMES = {"weeks": "Velka viikkoina", "queues": "Jonot", "rejected": "Hylätyt", "remote": "Etäkontaktit"}
BLOCKS = ("answer", "figures", "targets", "groups", "external", "definitions")


def row(indicator: str, value: float | None, low: float | None = None, high: float | None = None, **changes: Any):
    return {
        "indicator": indicator,
        "target_group": "all",
        "period": "2025Q3",
        "target_kind": "",
        "unit": "weeks",
        "value": value,
        "lo80": low,
        "hi80": high,
        "better": "less",
        "status": "no_target",
        "definition": "new",
        "cell": "",
        "source": "ennakointi",
        "n_persons": 900.0,
        **changes,
    }


EXTERNAL = {"source": "suunnitelma", "definition": "", "better": ""}
ROWS = [
    row("weeks", 12.0, 6.0, 18.0, period="2025Q1", definition="old"),
    row("weeks", 12.4, 6.7, 17.4, period="2025Q2"),
    row("weeks", 12.5, 6.8, 17.5),
    row("weeks", 10.0, 2.0, 18.0, target_group="older_people"),
    row("weeks", 9.0, 2.0, 18.0, target_group="small", n_persons=3.0),
    row("queues", 1, 1, 5, unit="services", target_kind="legal", target=0.0, status="not_met"),
    row("rejected", 0.002, 0.002, 0.002, unit="share", target_kind="indicator", target=0.01, status="met"),
    row("remote", None, unit="percent", target_kind="project", target=45.0, status="not_measured",
        period="2025Q4", **EXTERNAL),
    row("lab_visits", 1234.0, unit="", period="2024", **EXTERNAL),
]  # fmt: skip


def page(language: str = "fi", rows: list[dict[str, Any]] = ROWS) -> IndicatorsPage:
    table = pd.DataFrame(rows).reindex(columns=list(RESULT_TABLES["indicators"].names))
    labels = {
        **context(language).labels,
        "indicator": NAMES,
        "indicator_meaning": {"weeks": "Velka jaettuna viikolla."},
        "indicator_target": {"queues.legal": "Terveydenhuoltolaki."},
    }
    return IndicatorsPage(released({"indicators": table}), context(language, labels=labels))


def test_targets_of_different_kinds_are_told_apart() -> None:
    said = words(page().answer())
    assert "Lain rajat: toteutuu 0, ei toteudu 1, ei voida sanoa 0, ei lasketa 0." in said
    assert "Hankkeiden tavoitteet: toteutuu 0, ei toteudu 0, ei voida sanoa 0, ei lasketa 1." in said
    assert "Työkalun omat tavoitteet: toteutuu 1, ei toteudu 0, ei voida sanoa 0, ei lasketa 0." in said
    html = page().targets().html
    assert html.count("<table") == 3
    for table in html.split("<table")[1:]:
        assert table.count("<tr") == 2  # its head, and the one figure of its kind


def test_status_is_in_words_beside_who_set_the_target() -> None:
    said = words(page().targets())
    assert "ei toteudu" in said
    assert "Terveydenhuoltolaki." in said
    assert "ei lasketa tässä raportissa" in said
    assert "45 %" in said


def test_earlier_quarters_stand_beside_and_other_definitions_are_named() -> None:
    said = words(page().figures())
    assert "12 (7–17)" in said
    assert said.index("1/2025") < said.index("2/2025") < said.index("3/2025")
    assert "Laskettu muilla parametreilla tai muulla tavalla: 1/2025." in said


def test_groups_overlap_and_hidden_ones_have_the_one_label() -> None:
    said = words(page().groups())
    assert "Ikääntyneet" in said
    assert "yhteen" in said
    assert "ei näytetä (tietosuoja)" in said


def test_other_publications_are_listed_as_given() -> None:
    said = words(page().external())
    assert "lab_visits" in said
    assert "1 234" in said
    assert "suunnitelma" in said


def test_without_indicators_the_page_says_so() -> None:
    empty = IndicatorsPage({}, context())
    for name in BLOCKS:
        assert words(getattr(empty, name)())


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_every_block_is_whole_in_every_language(language: str) -> None:
    for name in BLOCKS:
        block = getattr(page(language), name)()
        assert markup.faults(block.html) == []
        assert unfilled(words(block)) == []
