"""What became of the missing contacts, and clearing them: every case has its honest sentence, picture and table."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from debt_section_tables import CASES, DATES, SCENARIOS, clearance, cleared, parted
from page_tables import context, debt_row, debt_tables, frame, group_tables, released
from page_words import alternatives, significant_digits, unfilled, words

from ennakointi import parameters
from ennakointi.pages.debt_certainty import CertaintySection
from ennakointi.pages.debt_clearing import ClearingSection
from ennakointi.pages.debt_fate import FateSection
from ennakointi.pages.settings import page_context
from ennakointi.periods import Quarter
from ennakointi.report import markup
from ennakointi.text import Catalogue, message_json

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
    """Missing 110,400 − replaced 8,240 − waiting 31,900 − ended 17,300 − hidden 39,200 = 13,760."""
    assert said(fate()) == (
        "Puuttuvista käynneistä noin 8 200 korvautui muilla palveluilla, ja 17 000 ei enää tarvita. Jonossa odotti "
        "jakson lopussa noin 32 000. Noin 39 000 ei näy missään jonossa: piilossa oleva palveluvelka. Noin 14 000 jää "
        "selittämättä."
    )


def test_the_finding_in_english() -> None:
    assert "are no longer needed. About 32,000 waited in a queue at the end of the period. About 39,000 are" in said(
        fate(language="en")
    )


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
    tables["debt_summary"]["visible"] = 120_000.0
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
        "Jonot ja palaava tarve saadaan puretuksi vuoden 2026 loppuun mennessä 80 %:n todennäköisyydellä, jos joka "
        "viikko annetaan 60 käyntiä enemmän (2,6 henkilötyövuotta, noin 320 000 € vuodessa). Nykyisellä kapasiteetilla "
        "velka ei purkaudu."
    )


def test_clearing_in_english() -> None:
    assert "with 80% probability if 60\u00a0contacts a week" in clearing(language="en").sentence()


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
    assert "annetaan alle 1 käyntiä enemmän (alle 0,1 henkilötyövuotta, noin alle 1 000 € vuodessa)" in said


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
    assert "palaa vain 30 %, viikossa riittää 41 käyntiä lisää. Jos siitä palaa 80 %, niitä tarvitaan 90" in words(
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


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_wanted_chance_of_the_parameters_stands_everywhere(language: str) -> None:
    """With 90 % wanted nothing says 80 % but the share that comes back, the intervals and the curve's own points."""
    section = ClearingSection(released(cleared()), "all", context(language, wanted_chance=0.9))
    ninety = context(language).catalogue.percent(0.9)
    eighty = context(language).catalogue.percent(0.8)
    assert ninety in section.sentence()
    assert eighty not in section.sentence()
    block = section.block()
    captions = re.findall(r"<caption.*?</caption>", block.html, re.DOTALL)
    assert sum(ninety in caption for caption in captions) == 2
    assert not any(eighty in caption for caption in captions)
    assert all(plain(ninety) in picture for picture in pictures(block.html))
    middle = section.middle("all")
    curve = middle and section._curve(middle)
    assert curve
    assert curve.mark[1] == pytest.approx(0.9)


def test_the_page_knows_the_wanted_chance_of_debt_yml() -> None:
    shipped = parameters.load()
    clearing_of = shipped.debt.clearing.model_copy(update={"wanted_chance": 0.9})
    changed = replace(shipped, debt=shipped.debt.model_copy(update={"clearing": clearing_of}))
    facts = {"as_of": "2025-09-30", "synthetic": True, "missing": []}
    assert page_context(changed, Catalogue("fi"), Quarter(2025, 3), facts).wanted_chance == 0.9


def test_services_stand_over_their_sum() -> None:
    """2,400 + 1,200 contacts, as all services say; together they take more than their sum."""
    tables = cleared()
    found = tables["debt_clearance"]
    found.loc[found["service"] == "all", "to_clear"] = 3_600.0
    told = words(ClearingSection(released(tables), "all", context()).block())
    assert re.search(
        r"Avosairaanhoito\n2 400\n.*Mielenterveyspalvelut\n1 200\n.*Kaikki palvelut\n3 600\n60", told, re.S
    )
    assert "Kaikki palvelut vaativat enemmän kuin muut rivit yhteensä" in told


def test_what_is_not_known_is_not_said_to_be_nothing() -> None:
    """Nothing left in the services that have an estimate is no statement of the others; and all may be unknown."""
    tables = cleared("cleared")
    found = tables["debt_clearance"]
    reason = message_json("Services without an estimate: {services}.", {"services": 1})
    found.loc[found["service"] == "all", "reason"] = reason
    section = ClearingSection(released(tables), "all", context())
    assert section.sentence() == "Palveluissa, joista arvio saatiin, ei ole purettavaa palveluvelkaa jäljellä."
    assert "Palvelut, joista ei ole arviota: 1." in words(section.block())
    unknown = message_json("Hidden need is not known and not counted.", {})
    tables["debt_clearance"] = found.assign(
        status="refused", reason=unknown, to_clear=np.nan, capacity_for_80pct=np.nan
    )
    section = ClearingSection(released(tables), "all", context())
    assert section.sentence() == "Ei tiedetä, kuinka paljon purettavaa palveluvelkaa on jäljellä."
    told = words(section.block())
    assert "Piilossa olevaa tarvetta ei tunneta" in told
    assert "Kaikki palvelut:" not in told
    assert "<svg" not in section.block().html
    assert not section.calls_for_capacity


def test_what_a_service_leaves_out_stands_under_the_table() -> None:
    tables = cleared()
    found = tables["debt_clearance"]
    reason = message_json("Hidden need is not known and not counted.", {})
    found.loc[found["service"] == "primary_care", "reason"] = reason
    told = words(ClearingSection(released(tables), "all", context()).block())
    assert "Avosairaanhoito: Piilossa olevaa tarvetta ei tunneta" in told


def test_a_scenario_without_a_line_does_not_shift_the_others() -> None:
    """Where only 30 % comes back nothing is left to clear: the table's columns are those of 50 and 80 %."""
    tables = cleared()
    curve = tables["clearance_curve"]
    tables["clearance_curve"] = curve[curve["scenario"] != "return_30"]
    heads = re.findall(r"Jos (\d+) % palaa", plain(words(ClearingSection(released(tables), "all", context()).block())))
    assert heads[:2] == ["50", "80"]


def test_what_is_left_to_clear_reads_the_same_among_the_choices() -> None:
    """3,900 of record and 5,900 when 80 % comes back: two digits and no interval, as the clearing tells them."""
    values = {"record": 3_930.0, "return_30": 2_700.0, "return_50": 3_930.0, "return_80": 5_865.0}
    key = {"target_group": "all", "choice": "return", "lo80": np.nan, "hi80": np.nan, "n_persons": 9_000}
    rows = [{**key, "variant": name, "value": x, "change": x - values["record"]} for name, x in values.items()]
    tables = {**parted(), **cleared(), "debt_sensitivity": frame("debt_sensitivity", rows)}
    told = words(CertaintySection(released(tables), "all", context()).block())
    assert "Purettavana\nkuten raportissa\n3 900\n" in told
    assert "80 %\n5 900\n+1 900" in told
    assert "3 900" in words(ClearingSection(released(tables), "all", context()).block())


def test_what_is_left_to_clear_now_is_told_beside_what_clearing_takes() -> None:
    said = plain(clearing().left_sentence())
    assert said.startswith("Purettavana 9/2025: noin ")
    assert said.endswith("jos siitä palaa 50 %.")
    assert clearing("cleared").left_sentence() == ""


def test_hidden_need_within_its_uncertainty_is_not_told_as_a_number() -> None:
    text = said(fate("unsure"))
    assert "piilossa olevaa palveluvelkaa, ei erotu epävarmuudesta." in text
    assert "Loput noin" in text
    assert "ei näy missään jonossa" not in text
