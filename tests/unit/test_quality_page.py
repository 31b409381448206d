"""The page of the data's quality: what came in, what was rejected, what is missing, who is counted."""

from __future__ import annotations

from datetime import date

import pytest
from page_tables import context, everything, released
from page_words import unfilled, words

from ennakointi.pages.quality import CHECKS, QualityPage
from ennakointi.report import markup
from ennakointi.schema import TABLES
from ennakointi.store.validation import Knowledge, rules

LAST_DAY = date(2025, 9, 30)
METHODS = ("answer", "checks", "coverage", "volumes", "groups")


def page(language: str = "fi", **changes: object) -> QualityPage:
    return QualityPage(everything(), context(language, **changes))


def test_accepted_rows_by_hand() -> None:
    """862 of 201,000 + 4,310,220 rows were rejected: 99.98 % accepted."""
    said = words(page().answer())
    assert "Toimitetuista riveistä hyväksyttiin 99,98 %; hylättyjä rivejä on 862, kaikkiaan 4 511 220." in said
    assert "Aineisto on kattava 30.9.2025 asti." in said


def test_missing_tables_are_named() -> None:
    said = words(page(missing=frozenset({"referrals", "stays"})).answer())
    assert "lähetteet (referrals)" in said
    assert "vuodeosastojaksot (stays)" in said


def test_findings_are_worded_and_the_grave_ones_stand_first() -> None:
    said = words(page().checks())
    assert "contacts.service\nkoodi ei ole koodistossa\nvaroitus\n862" in said
    assert said.index("koodi ei ole koodistossa") < said.index("sarake ei kuulu tietomalliin")
    assert "palveluvelka, kehittämistoimien vaikutukset" in said


def test_every_rule_of_the_contract_has_words() -> None:
    known = Knowledge({"services": ["primary_care"]}, as_of=LAST_DAY, horizon=LAST_DAY)
    made = {rule.name for table in TABLES.values() for rule in rules(table, table.names, known)}
    assert len(made) > 5
    assert made <= set(CHECKS)


def test_partial_coverage_is_shown_by_service_and_year() -> None:
    said = words(page().coverage())
    assert "Avosairaanhoito\n91 %\n91 %\n91 %" in said
    assert "Mielenterveyspalvelut" not in said
    assert "Kattavuus on heikoin tässä: Avosairaanhoito vuonna 2023, 91 % asukkaiden kuukausista." in said
    assert "1/2023: Hyvinvointialue aloittaa" in said


def test_without_coverage_table_every_month_counts() -> None:
    said = words(page(missing=frozenset({"coverage"})).coverage())
    assert "Aineisto puuttuu: rekisterin kattavuus (coverage)." in said
    assert "Ilman sitä jokainen kuukausi tulkitaan täydelliseksi." in said


def test_hidden_volumes_are_said_to_be_hidden() -> None:
    assert words(page().volumes()).count("ei näytetä (tietosuoja)") == 3


def test_groups_must_not_be_added_up() -> None:
    said = words(page().groups())
    assert "rivejä ei saa laskea yhteen" in said
    assert "heavy_users\n4 000\n2,0 %" in said
    assert "Pieni ryhmä\nei näytetä (tietosuoja)\nei näytetä (tietosuoja)" in said


def test_each_overlap_stands_once_and_without_all_residents() -> None:
    said = words(page().groups())
    assert said.count("1 400") == 1
    assert said.split("Ryhmien suurimmat")[1].count("Koko väestö") == 0


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_every_part_is_readable_in_every_language(language: str) -> None:
    for made in (page(language), QualityPage(released(), context(language))):
        for method in METHODS:
            block = getattr(made, method)()
            assert not unfilled(words(block)), method
            assert not markup.faults(block.html), method
