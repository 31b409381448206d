"""What became of the missing contacts, and clearing them: every case has its honest sentence, picture and table."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from debt_section_tables import CASES, DATES, SCENARIOS, clearance, cleared, parted
from page_tables import context, debt_row, debt_tables, frame, group_tables, released
from page_words import alternatives, significant_digits, unfilled, words

from ennakointi.pages.debt_clearing import ClearingSection
from ennakointi.pages.debt_fate import FateSection
from ennakointi.report import markup

LANGUAGES = ("fi", "sv", "en")
CLEARINGS = ("full", "possible", "cleared", "enough", "impossible", "unclear", "small")
PARTS = ("8 200", "32 000", "17 000", "39 000", "14 000")


def fate(case: str = "full", language: str = "fi", **changes: object) -> FateSection:
    return FateSection(released(parted(case, **changes)), "all", context(language))  # type: ignore[arg-type]


def clearing(case: str = "full", language: str = "fi") -> ClearingSection:
    return ClearingSection(released(cleared(case)), "all", context(language))


def said(section: FateSection) -> str:
    return " ".join(section.sentences()).replace("\u00a0", " ")


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def pictures(html: str) -> list[str]:
    """The words of every picture, in the order of drawing."""
    found = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    return [re.sub(r"\s+", " ", plain(" ".join(re.findall(r">([^<]+)</text>", svg)))) for svg in found]


def test_the_finding_in_finnish() -> None:
    """Missing 110,400 − replaced 8,240 − waiting 31,900 − ended 17,300 = 52,960, known to ±33,000."""
    assert said(fate()) == (
        "Puuttuvista käynneistä noin 8 200 korvautui muilla palveluilla, ja 17 000 ei enää tarvita. Jonossa odottaa "
        "noin 32 000. Loput noin 53 000 eivät näy jonoissa. Henkilötietojen perusteella piilossa olevaa palveluvelkaa "
        "on arviolta 39 000."
    )


def test_the_finding_in_english() -> None:
    assert "are no longer needed. About 32,000 wait in a queue. The remaining 53,000 or so" in said(fate(language="en"))


def test_picture_table_and_alternative_give_the_same_numbers() -> None:
    block = fate().block()
    for picture in pictures(block.html):
        assert all(number in picture for number in (*PARTS, "2 760 000", "2 650 000", "110 000 (77 000–143 000)"))
    table = words(block)
    assert all(f"{number} (" in table for number in (*PARTS, "110 000"))
    assert "(25 000–39 000)\n29 %" in table
    for alternative in alternatives(block):
        assert "noin 110 000 ei toteutunut tavalliseen tapaan. Puuttuvista käynneistä noin 8 200" in plain(alternative)


def test_reasons_for_ended_needs_stand_in_the_table() -> None:
    assert "niistä: henkilö on kuollut\n2 100 (1 500–2 700)\n2 %" in words(fate().block())


def test_rounded_numbers_that_do_not_add_up_say_so() -> None:
    """8,200 + 32,000 + 17,000 + 39,000 + 14,000 = 110,200, shown beside 110,000."""
    assert "summa ei täsmää tarkasti" in words(fate().block())


def test_a_negative_rest_is_said_and_drawn_as_a_strip() -> None:
    block = fate("negative").block()
    assert "Viivoitettu kaista on nollaa pienempi osa" in words(block)
    assert all("−13 000" in picture for picture in pictures(block.html))
    assert "niistä" not in said(fate("negative"))


def test_queues_that_shrank_hold_none_of_the_missing() -> None:
    assert "Jonot eivät kasvaneet" in said(fate("shrunk"))
    assert all("Jonot lyhenivät" in picture for picture in pictures(fate("shrunk").block().html))


def test_parts_that_exceed_the_whole_are_said_to_be_uncertain() -> None:
    tables = parted("full")
    tables["debt_parts"].loc[tables["debt_parts"]["part"] == "visible", "value"] = 120_000.0
    assert "suuremmat kuin puuttuvien käyntien määrä" in said(FateSection(released(tables), "all", context()))


def test_without_persons_hidden_and_unexplained_are_one_piece() -> None:
    """110,400 − 8,240 − 31,900 − 17,300 = 52,960: one piece, no interval, and why."""
    block = fate("no_persons").block()
    for picture in pictures(block.html):
        assert "53 000 Ei näy jonoissa tai jää selittämättä" in picture
    assert "piilossa" not in said(fate("no_persons"))
    assert "Jonojen ulkopuolista tarvetta ei voitu arvioida henkilötiedoista. Vertailujaksolla" in words(block)


def test_an_unknown_queue_is_never_zero() -> None:
    text = said(fate("no_queue"))
    assert "Ei tiedetä, kuinka suuri osa siitä odottaa jonossa." in text
    assert "Lopuista noin 85 000 käynnistä ei tiedetä, mitä niille tapahtui." in text
    assert "Odottaa jonossa" not in words(fate("no_queue").block())


def test_without_replacement_the_debt_is_what_is_missing() -> None:
    section = fate("not_replaced")
    assert said(section).startswith("Puuttuvista käynneistä noin 17 000 ei enää tarvita.")
    assert all("Puuttuu 110 000 (77 000–143 000)" in picture for picture in pictures(section.block().html))


def test_a_hidden_part_takes_the_picture_with_it() -> None:
    """Where the door hides a part, no width may tell it: neither its own nor what it leaves to the others."""
    tables = released(parted())
    parts = tables["debt_parts"]
    hidden = parts["part"] == "visible"
    parts.loc[hidden, ["value", "lo80", "hi80"]] = float("nan")
    parts.loc[hidden, "suppressed"] = "value;lo80;hi80"
    section = FateSection(tables, "all", context())
    assert section.sentences() == []
    assert words(section.block()).count("ei näytetä (tietosuoja)") == 1
    assert "<svg" not in section.block().html


def test_a_hidden_group_shows_one_label_and_no_picture() -> None:
    block = fate(n_persons=3).block()
    assert words(block).count("ei näytetä (tietosuoja)") == 1
    assert "<svg" not in block.html


def test_without_a_debt_there_is_nothing_to_divide() -> None:
    surplus = debt_row("all", "all", -2_000, debt_lo80=-3_000, debt_hi80=-1_000)
    tables = {**parted(), "debt_summary": frame("debt_summary", [surplus])}
    section = FateSection(released(tables), "all", context())
    assert section.sentences() == []
    assert "palveluvelkaa ei ole" in words(section.block())
    assert "<svg" not in section.block().html


@pytest.mark.parametrize("group", ["heavy_users", "unknown", "older_people"])
def test_a_group_without_parts_says_so(group: str) -> None:
    section = FateSection(released(debt_tables(), group_tables()), group, context())
    assert section.sentences() == []
    assert "<svg" not in section.block().html
    assert words(section.block()).strip()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", list(CASES))
def test_every_case_of_the_parts_is_readable(case: str, language: str) -> None:
    block = fate(case, language).block()
    assert not unfilled(words(block))
    assert not markup.faults(block.html)
    for number in re.findall(r"\d{1,3}(?:[ ,]\d{3})+", words(block)):
        assert significant_digits(number.replace(",", " ")) <= 3, number


def test_clearing_in_finnish() -> None:
    """262 contacts a month, published as 260: × 12 × 7 / 365.25 = 59.8 a week; 262 × 12 / 1,210 = 2.60 years."""
    assert plain(clearing().sentence()) == (
        "Palveluvelan purkaminen vuoden 2026 loppuun mennessä onnistuu 80 %:n todennäköisyydellä, jos käyntejä "
        "lisätään 60 viikossa (2,6 henkilötyövuotta, noin 320 000 € vuodessa). Nykyisellä kapasiteetilla velka ei "
        "purkaudu."
    )


def test_clearing_in_english() -> None:
    assert "with a probability of 80% if 60\u00a0contacts a week" in clearing(language="en").sentence()


@pytest.mark.parametrize(
    ("case", "told"),
    [
        ("possible", "Nykyisellä kapasiteetilla todennäköisyys on 31 %."),
        ("cleared", "Purettavaa palveluvelkaa ei ole jäljellä."),
        ("enough", "Nykyinen kapasiteetti riittää: palveluvelka purkautuu vuoden 2026 loppuun mennessä 91 %:n"),
        ("impossible", "Palveluvelka ei purkaudu vuoden 2026 loppuun mennessä, vaikka käyntejä lisättäisiin."),
        ("unclear", "Purettavaa velkaa ei erotu epävarmuudesta."),
        ("small", "Palveluvelan purkaminen: ei näytetä (tietosuoja)."),
    ],
)
def test_every_status_has_its_sentence(case: str, told: str) -> None:
    assert told in plain(clearing(case).sentence())


@pytest.mark.parametrize(("case", "low", "high"), [("unclear", 1, 2), ("full", -100, 9_000), ("full", -900, -100)])
def test_what_may_be_nothing_gets_no_bill(case: str, low: float, high: float) -> None:
    """Also when the group's own debt is within its uncertainty, whatever a projection says."""
    total = debt_row("all", "all", (low + high) / 2, debt_lo80=low, debt_hi80=high)
    section = ClearingSection(
        released({**cleared(case), "debt_summary": frame("debt_summary", [total])}), "all", context()
    )
    assert section.sentence() == "Purettavaa velkaa ei erotu epävarmuudesta."
    assert not section.calls_for_capacity
    told = words(section.block())
    assert "<svg" not in section.block().html
    assert "tarvitaan" not in told
    assert "Mitä purkaminen vaatii" not in told


def test_services_that_may_have_nothing_are_folded() -> None:
    """One service is unclear and one has 4 contacts left, published as none: neither stands in the table."""
    tables = cleared()
    found = tables["debt_clearance"]
    found.loc[found["service"] == "mental_health", "status"] = "unclear"
    few = [clearance("physiotherapy", scenario, date, 0.001) for scenario in SCENARIOS for date in DATES]
    tables["debt_clearance"] = pd.concat([found, frame("debt_clearance", few)], ignore_index=True)
    told = words(ClearingSection(released(tables), "all", context()).block())
    assert "Avosairaanhoito\n2 400\n37" in told
    assert "Ei erotu nollasta: Mielenterveyspalvelut." in told
    assert "Ei purettavaa, tai sitä on hyvin vähän: physiotherapy." in told


def test_small_amounts_are_told_as_small() -> None:
    """4 contacts a month are published as none: under one a week, 0.04 person-years, and under 1,000 euros."""
    tables = cleared()
    small = {"capacity_for_80pct": 4.0, "cost_eur": 400.0, "fte": 0.04, "status": "possible"}
    tables["debt_clearance"] = tables["debt_clearance"].assign(**small)
    said = plain(ClearingSection(released(tables), "all", context()).sentence())
    assert "lisätään alle 1 viikossa (alle 0,1 henkilötyövuotta, noin alle 1 000 € vuodessa)" in said


def test_marks_lie_on_the_line_of_the_wanted_chance() -> None:
    """Small numbers are published in tens: 13 and 26 as 10 and 30; the marks are read from the curve, not from them."""
    tables = cleared()
    for table in tables.values():
        numbers = [name for name in ("capacity_for_80pct", "capacity_added_per_month") if name in table]
        table[numbers] /= 10
    section = ClearingSection(released(tables), "all", context())
    for row in section.first("all"):
        drawn = section._curve(row)
        assert drawn is not None
        assert drawn.mark[1] == pytest.approx(0.8)


def test_scenarios_are_named_at_their_lines_with_what_they_take() -> None:
    wide, narrow = pictures(clearing().block().html)
    for picture in (wide, narrow):
        assert all(f"+{n} viikossa, jos {share} % palaa" in picture for n, share in ((41, 30), (60, 50), (90, 80)))
    assert "2,6 henkilötyövuotta" in wide


def test_the_range_of_the_scenarios_is_said() -> None:
    """180 and 390 published contacts a month are 41.4 and 89.7 a week, told in two digits."""
    assert "palaa vain 30 %, lisäykseksi riittää 41 viikossa. Jos siitä palaa 80 %, tarvitaan 90" in words(
        clearing().block()
    )


def test_plans_dates_and_services_stand_in_tables() -> None:
    told = words(clearing().block())
    assert "Viisi prosenttia lisää\n32\n42 %\n42 %\n42 %\n2/2027 (5/2026 – ei purkaudu)" in told
    assert "12/2027\n50 %\n32\n1,4" in told
    assert "Avosairaanhoito\n2 400\n37\n1,6\n190 000 €\nei purkaudu\n" in told
    assert "Suunnitelmalla: Viisi prosenttia lisää\n\nAvosairaanhoito\nei purkaudu\n2/2027" in told
    assert "Erikoissairaanhoidon avohoito: Vertailujaksolla on alle 12 käyntiä." in told


def test_a_hidden_clearing_shows_no_picture() -> None:
    block = clearing("small").block()
    assert "<svg" not in block.html
    assert words(block).count("ei näytetä (tietosuoja)") == 1


def test_no_capacity_is_enough_is_said_in_words() -> None:
    told = clearing("impossible").block()
    assert "lisäys ei riitä" in words(told)
    assert all("lisäys ei riitä" in picture for picture in pictures(told.html))


def test_nothing_computed_is_not_zero() -> None:
    section = ClearingSection(released(parted()), "all", context())
    assert section.sentence() == ""
    assert words(section.block()).strip() == "Velan purkamista ei ole laskettu."


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", CLEARINGS)
def test_every_case_of_clearing_is_readable(case: str, language: str) -> None:
    block = clearing(case, language).block()
    assert clearing(case, language).sentence()
    assert not unfilled(words(block))
    assert not markup.faults(block.html)
    for alternative in alternatives(block):
        assert alternative.strip()
