"""The page of the data's quality: what may be relied on, what was checked and left out, who is counted."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest
from page_checks import faults
from page_tables import context, deviation_tables, everything, frame, released
from page_words import alternatives, unfilled, words
from quality_tables import check, of

from ennakointi import parameters
from ennakointi.pages.quality import QualityPage
from ennakointi.pages.quality_trust import callout, lead
from ennakointi.pages.quality_words import CHECKS, RESULTS
from ennakointi.report import markup
from ennakointi.schema import TABLES
from ennakointi.store.validation import Knowledge, rules

LAST_DAY = date(2025, 9, 30)
METHODS = ("answer", "checks", "reconciliation", "attrition", "coverage", "groups", "fields")
DIRECTOR_NEVER = ("contacts", "need_assessed_at", "volume_break", "register", "unknown")


def page(language: str = "fi", **changes: object) -> QualityPage:
    return QualityPage(everything(), context(language, **changes))


def trusted(**levels: str) -> dict[str, pd.DataFrame]:
    rows = [(result, level, "contacts.volume_break" if level != "usable" else "") for result, level in levels.items()]
    return {**everything(), **released({"trust": of("trust", *rows)})}


@pytest.mark.parametrize(
    ("levels", "answer"),
    [
        (["usable", "usable", "missing"], "Kyllä."),
        (["usable", "usable", "care"], "Kyllä, yhtä lukua lukuun ottamatta."),
        (["usable", "usable", "usable", "care", "refused"], "Kyllä, kahta lukua lukuun ottamatta."),
        (["usable", "usable", "care", "care", "care"], "Varauksin: osassa luvuista on puutteita."),
        (["care"], "Varauksin: osassa luvuista on puutteita."),
        (["usable", "refused", "refused"], "Ei vielä: useimpia lukuja ei voi käyttää."),
    ],
)
def test_the_answer_counts_the_doubtful_results(levels: list[str], answer: str) -> None:
    said = lead(trusted(**dict(zip(RESULTS, levels, strict=False))), context())
    assert said == f"Voiko lukuihin luottaa? {answer}"


def test_nothing_judged_is_no_answer() -> None:
    missing = trusted(service_debt="missing", effects="missing")
    assert lead({}, context()) == lead(missing, context()) == ""
    said = words(QualityPage({}, context()).answer())
    assert said.startswith("Aineisto on kattava 30.9.2025 asti.")


def test_each_result_has_a_verdict_a_reason_and_somebody_to_ask() -> None:
    said = words(page().answer())
    assert "Hoitoonpääsy\n▲ ei voi käyttää\nHoidon tarpeen arvioinnin aika puuttuu (68 %)." in said
    assert "Vastaa: Potilastietojärjestelmän pääkäyttäjä." in said
    assert "Palveluvelka\n◆ käytä varauksin\nJoidenkin yksiköiden kirjaukset katkeavat (1,2 %)." in said
    assert "Kustannukset\n■ aineisto puuttuu\nTieto puuttuu: käynnit, kustannus." in said
    order = [said.index(name) for name in ("Hoitoonpääsy", "Palveluvelka", "Vaikuttavuus", "Kustannukset")]
    assert order == sorted(order)


def test_results_that_lack_the_same_data_share_a_line() -> None:
    lacking = released({"trust": of("trust", *((name, "missing", "x.missing_table") for name in list(RESULTS)[:3]))})
    said = words(QualityPage(lacking, context()).answer())
    assert "Palveluvelka, vaikuttavuus, kohderyhmät\n■ aineisto puuttuu" in said


def test_the_first_screen_has_no_codes() -> None:
    said = words(page().answer())
    assert [word for word in DIRECTOR_NEVER if word in said] == []


def test_places_are_named_by_the_start_of_their_meaning() -> None:
    meanings = {"medicines.atc": "ATC-koodi; lääkeaine", "contacts.mode": "Yhteystapa: puhelin ja muut"}
    named = context(meanings=meanings)
    assert named.place_words("medicines", "atc") == "lääkeostot, ATC-koodi"
    assert named.place_words("contacts", "mode") == "käynnit, yhteystapa"
    assert named.place_words("contacts", None) == "käynnit"


def test_many_reasons_are_cut_to_the_gravest() -> None:
    checks = [
        check("contacts", "duplicate_event", severity="error", failed=100_000),
        *(check("contacts", "midnight", column, failed=400_000) for column in ("started_at", "contacted_at")),
        check("contacts", "code_drift", "mode", failed=300_000),
    ]
    reasons = ";".join(filter(None, (f"contacts.{c['check']}.{c['column']}".strip(".") for c in checks)))
    tables = released(
        {"data_quality": frame("data_quality", checks), "trust": of("trust", ("effects", "refused", reasons))}
    )
    warning = callout(tables, "effects", context())
    assert warning is not None
    said = words(warning)
    assert said.index("kahdesti eri tunnisteilla") < said.index("Kellonaikaa ei ole kirjattu")
    assert "käynnit, started_at; käynnit, contacted_at (enintään 9,3 %)." in said
    assert "1 muu syy." in said
    assert '<a href="data_quality.html">' in warning.html


def test_a_usable_result_has_no_warning() -> None:
    assert callout(everything(), "effects", context()) is None
    assert callout({}, "effects", context()) is None


def test_accepted_rows_by_hand() -> None:
    """862 of 201,000 + 4,310,220 rows were rejected: 99.98 % accepted."""
    said = words(page().answer())
    assert "Toimitetuista riveistä hyväksyttiin 99,98 %; hylättyjä rivejä on 860, kaikkiaan 4 511 220." in said
    assert "Aineisto on kattava 30.9.2025 asti." in said


def test_a_few_rejected_rows_are_neither_counted_nor_denied() -> None:
    """3 rejected rows are hidden, so that the page must not say that every row was accepted."""
    few = [check("persons", "accepted", severity="info", status="info", rows=9_000, failed=3)]
    said = words(QualityPage(released({"data_quality": frame("data_quality", few)}), context()).answer())
    assert "Kaikki toimitetut rivit" not in said
    few.append(check("contacts", "accepted", severity="info", status="info", failed=0))
    said = words(QualityPage(released({"data_quality": frame("data_quality", few)}), context()).answer())
    assert "Lähes kaikki toimitetut rivit hyväksyttiin." in said


def test_missing_tables_are_named() -> None:
    told = ("contacts.cost_eur: Rekistereissä ei ole kustannuksia",)
    said = words(page(missing=frozenset({"referrals", "stays"}), unavailable=told).answer())
    assert "Puuttuvat aineistot (3)" in said
    assert "lähetteet (referrals)" in said
    assert "vuodeosastojaksot (stays)" in said
    assert told[0] in said


def test_failed_checks_stand_first_with_their_numbers_and_limits() -> None:
    said = words(page().checks())
    assert "Tehtyjä tarkistuksia: 4; ei kunnossa: 2. Tarkistuksia, joita ei voitu tehdä: 1." in said
    failed = "Käynnit\njoidenkin yksiköiden kirjaukset katkeavat\n\nVaikuttaa: palveluvelka, käyntimäärät."
    assert failed in said
    assert "3 400\n40\n1,18 %\n1,0 %\n100\nvaroitus" in said
    plausible = said.split("Uskottavuus")[1]
    lacking = "Osa tiedoista, joita tarkistus vertaa, puuttuu."
    assert f"Vuodeosastojaksot\nhenkilö on kahdella osastolla yhtä aikaa\n\n{lacking}" in plausible
    assert plausible.index("Ei kunnossa") < plausible.index("Ei voitu tarkistaa (1)") < plausible.index("Kunnossa (1)")


def test_fewer_rows_than_the_threshold_are_hidden() -> None:
    said = words(page().checks())
    assert "sama tapahtuma on kahdesti eri tunnisteilla" in said
    assert said.split("sama tapahtuma on kahdesti")[1].split("Valinnaiset")[0].count("ei näytetä (tietosuoja)") == 3


def test_optional_columns_are_folded_with_what_each_affects() -> None:
    said = words(page().checks())
    assert "Valinnaiset sarakkeet, joita ei toimitettu (1)" in said
    assert "Käynnit, kustannus\nkustannukset" in said


def test_every_rule_and_every_check_has_words() -> None:
    known = Knowledge({"services": ["primary_care"]}, as_of=LAST_DAY, horizon=LAST_DAY)
    made = {rule.name for table in TABLES.values() for rule in rules(table, table.names, known)}
    settings = parameters.load().quality
    assert len(made) > 5
    assert made | {one.id for one in settings.checks} <= set(CHECKS)
    assert set(settings.results) == set(RESULTS)


def test_breaks_of_units_tell_the_register_from_the_care() -> None:
    said = words(page().checks())
    assert "Rekisteristä puuttuu rivejä: 1. Epäselvä: 1. Todellinen lasku: muutkin laskivat: 1." in said
    assert "T101\nAvosairaanhoito\n3/2024\n20\n900\nrekisteristä puuttuu rivejä" in said
    assert "T103\noutreach\n5/2022\nei näytetä (tietosuoja)" in said


def test_trend_by_hand_and_with_one_quarter_only() -> None:
    """7 of 84 checks failed, 8.3 %; in the quarter before 9 of 80, 11.3 %."""
    block = page().checks()
    assert "Tarkistuksia, jotka eivät ole kunnossa: 7 / 84; edellisellä neljänneksellä: 9 / 80." in words(block)
    assert alternatives(block)[0].startswith("Tarkistuksia, jotka eivät ole kunnossa: 7 / 84")
    one = {**everything(), **released({"quality_trend": of("quality_trend", ("2025Q3", "all", 84, 7, 0.0, 0.0))})}
    said = words(QualityPage(one, context()).checks())
    assert "Laatu on kirjattu vasta yhdeltä neljännekseltä" in said


def test_differences_from_published_totals_by_hand() -> None:
    """475,000 of 500,000 published contacts: 5 % less."""
    told = "Avosairaanhoito, käynnit, 2024: tässä aineistossa 475 000, julkaistu luku 500 000 (ero −5,0 %)."
    assert told in words(page().answer())
    said = words(page().reconciliation())
    assert "Poikkeaa: 1. Ei voida verrata: 1. Täsmää: 1." in said
    assert "2024\n475 000\n500 000\n−5,0 %\n▲ poikkeaa\nrekisteri ei kata kaikkea, loput ei tiedossa\nTHL" in said
    assert "2025\n300 000\n510 000\n–\n■ ei voida verrata\naineisto ei kata koko vuotta" in said


def test_without_published_totals_it_is_said_what_is_needed() -> None:
    tables = {name: table for name, table in everything().items() if name != "reconciliation"}
    said = words(QualityPage(tables, context()).reconciliation())
    assert "Aineisto puuttuu: tunnusluvut (indicators)." in said


def test_attrition_by_hand() -> None:
    """4,310,220 − 30 − 832 − 109,358 − 200,000 − 100,000 = 3,900,000, which is 90.5 %."""
    block = page().attrition()
    said = words(block)
    assert "luvuissa on mukana 90,5 % (3 900 000; toimitettu 4 310 220)." in said
    assert "Toimitettu\n–\n4 310 220\n\ntiedoston riviä ei voi lukea\n30\n4 310 190" in said
    assert "kirjaus ilman asiakasta\n200 000\n4 000 000" in said
    assert "Mukana luvuissa\n–\n3 900 000" in said
    assert "Taulut, joista ei jäänyt pois yhtään riviä: asukkaat." in said
    assert "loppu on ennen alkua\nei näytetä (tietosuoja)\nei näytetä (tietosuoja)" in said
    assert block.html.count("<svg") == 2


def test_reasons_of_a_mapping_are_in_the_readers_language() -> None:
    steps = [("contacts", "excluded", "A visit of a group", 1, 100, 40, 60), ("contacts", "stored", "", 2, 60, 0, 60)]
    tables = released({"attrition": of("attrition", *steps)})
    said = words(QualityPage(tables, context(exclusions={"A visit of a group": "Ryhmäkäynti"})).attrition())
    assert "Ryhmäkäynti\n40\n60" in said


def test_fields_have_a_meaning_an_owner_and_how_much_is_filled() -> None:
    said = words(page().fields())
    assert "Käynnit (contacts)\nVastaa: Potilastietojärjestelmän pääkäyttäjä." in said
    assert "cost_eur\nKustannus\n0,0 %" in said
    assert "Ei toimitettu: lähetteet (referrals)." in said


def test_partial_coverage_is_shown_by_service_and_year() -> None:
    said = words(page().coverage())
    assert "Avosairaanhoito\n91 %\n91 %\n91 %" in said
    assert "Mielenterveyspalvelut" not in said
    assert "Kattavuus on heikoin tässä: Avosairaanhoito vuonna 2023, 91 % asukkaiden kuukausista." in said
    assert "1/2023: Hyvinvointialue aloittaa" in said


def test_without_coverage_table_the_known_breaks_speak_alone() -> None:
    """A break of the shipped list may leave areas out, so that the page must not say that every month counts."""
    said = words(page(missing=frozenset({"coverage"})).coverage())
    assert "Aineisto puuttuu: rekisterin kattavuus (coverage)." in said
    assert "Kattavuus on heikoin tässä: Avosairaanhoito vuonna 2023" in said
    assert "Rekisteri kattaa kaikki" not in said


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


def test_the_page_reads_well_without_seeing_it() -> None:
    body = markup.stack(*(markup.section(method, getattr(page(), method)()) for method in METHODS))
    assert faults(f'<html lang="fi"><h1>Aineiston laatu</h1>{body}</html>') == []


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_every_part_is_readable_in_every_language(language: str) -> None:
    for tables in (everything(), released(deviation_tables()), dict[str, pd.DataFrame]()):
        for method in METHODS:
            block = getattr(QualityPage(tables, context(language)), method)()
            assert not unfilled(words(block)), method
            assert not markup.faults(block.html), method
