"""The page of segments: plain answers first, the gravest segment first, hidden and missing numbers in words."""

from __future__ import annotations

from functools import cache
from typing import Any

import page_checks
import page_words
import pandas as pd
import pytest
from page_tables import context
from page_words import unfilled, words
from segment_tables import CLASSES, LABELS, RECORD, segment_tables, size_row

from ennakointi import disclosure
from ennakointi.pages.context import PageContext
from ennakointi.pages.segments import SegmentsPage
from ennakointi.parameters.documents import Preset
from ennakointi.report import exporter, markup, svg
from ennakointi.text import message_json

BLOCKS = ("answer", "sizes", "cards", "movements", "guidance", "schemes", "reliability")
SHOWN = Preset(name="thl5", threshold=5, base=10, everyone="shown")
NOTHING = Preset(name="none", threshold=1_000_000, base=10, everyone="shown")
HIDDEN = "ei näytetä (tietosuoja)"


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures without their drawing: where only words are read, they take most of the time."""
    monkeypatch.setattr(svg, "render", lambda canvas, title, description: f"<svg><desc>{description}</desc></svg>")


@cache
def released(preset: Preset = SHOWN) -> dict[str, pd.DataFrame]:
    return disclosure.release(segment_tables(), preset)


def told(language: str = "fi", **changes: Any) -> PageContext:
    own = context(language)
    return context(language, labels={**own.labels, **LABELS}, **changes)


def page(language: str = "fi", tables: dict[str, pd.DataFrame] | None = None, **changes: Any) -> SegmentsPage:
    return SegmentsPage(released() if tables is None else tables, told(language, **changes))


def alternatives(block: markup.Block) -> list[str]:
    """Alternative texts of the pictures, no-break spaces as spaces."""
    return [text.replace("\u00a0", " ") for text in page_words.alternatives(block)]


def without(*names: str) -> dict[str, pd.DataFrame]:
    return {name: table for name, table in released().items() if name not in names}


def test_the_answer_comes_first_and_in_plain_words() -> None:
    said = words(page().answer())
    assert said.startswith("Jatkuvaa tai monialaista tukea tarvitsevat: 6 % asukkaista, 50 % kustannuksista.")
    assert "Ensin katsottava: Jatkuvaa tai monialaista tukea tarvitsevat." in said
    assert "odotus keskimäärin: 95 päivää. Mitä voisi tehdä: asiakasvastaava; yhteinen suunnitelma." in said
    assert "Kasvaa eniten vuoteen 2028 mennessä: Jatkuvaa tai monialaista tukea tarvitsevat, +9" in said
    assert "Jaottelu on luotettava: tarkistuksista kunnossa 2/2." in said
    assert "Ei käytä palveluja\n30 %\nasukkaista; henkilöitä: 12 000" in said
    assert "Kallein 10 % asukkaista\n71 %\nkustannuksista" in said


def test_sizes_stand_beside_costs_with_the_gravest_segment_first() -> None:
    block = page().sizes()
    said = words(block)
    names = [LABELS["segment"][f"{RECORD}.{code}"] for code in ("continuous", "foreseeable", "occasional", "none")]
    assert sorted(names, key=said.index) == names
    assert "+80" in said  # a year ago there were 2,320
    assert "0,81" in said
    assert f"{names[0]}: 6,0 % asukkaista, 50 % kustannuksista." in alternatives(block)[0]
    assert "Kustannukset: 10 % asukkaista, osuus 71 %." in alternatives(block)[-1]


@pytest.mark.usefixtures("undrawn")
def test_a_card_tells_who_they_are_what_they_use_and_what_to_do() -> None:
    said = words(page().cards())
    assert "Ikä 75+ (35 %), Ikä 18–64 (30 %)" in said
    assert "Avosairaanhoito (80 %)" in said
    assert "odottaa nyt: 9,2 %, odottanut keskimäärin 83 päivää" in said
    assert "käynneistä etänä: 2,7 %" in said  # 1.28 remote contacts of 48
    assert "kevyempään tukeen 17 %" in said
    assert "rivejä ei saa laskea yhteen" in said
    assert "Tarvitsee apua monesta palvelusta tai joka viikko." in said


def test_moves_are_read_from_the_lightest_segment_on() -> None:
    block = page().movements()
    table = words(block)[words(block).index("Siirtymät vuodessa") :]
    first = table.splitlines()[table.splitlines().index("Ei palvelujen käyttöä", 4) + 1 :][:6]
    assert first == ["70 %", "25 %", "1,0 %", "0,2 %", "0,3 %", "3,5 %"]
    assert HIDDEN in table  # three persons
    assert "Ei palvelujen käyttöä: samassa segmentissä vuoden päästä 70 %." in alternatives(block)[0]


@pytest.mark.usefixtures("undrawn")
def test_coming_years_have_intervals_and_use_follows() -> None:
    said = words(page().movements())
    assert "2 620 (2 540–2 700)" in said
    assert "55 100 000 €" in said
    assert "pienenee" in alternatives(page().movements())[-1]
    ages = released()["segment_projection"].assign(basis="ages")
    assert "väestöennusteesta" in words(page(tables={**released(), "segment_projection": ages}).movements())


@pytest.mark.usefixtures("undrawn")
def test_moves_between_service_levels_have_their_own_picture() -> None:
    levels = {
        name: released()[name].replace({"scheme": {RECORD: "service_level"}})
        for name in ("segments", "segment_transitions", "segment_movement")
    }
    both = {name: pd.concat([released()[name], table]) for name, table in levels.items()}
    assert len(alternatives(page(tables={**released(), **both}).movements())) == (
        len(alternatives(page().movements())) + 2
    )


def test_other_divisions_are_marked_and_never_added_up() -> None:
    said = words(page().schemes())
    assert "Tämä on rekisteristä tehty arvio: julkaistua jaottelua ei voi laskea sellaisenaan." in said
    assert "Arjessa pärjääminen on päätelty rekisteristä." in said
    assert "Eri jaottelujen osuuksia ei saa laskea yhteen." in said
    assert "jakavat asukkaat lähes samoin" in said
    assert said.count("0,46") == 2  # both directions of a pair are one row: in the scheme's table, and among all pairs


def test_a_division_that_lacks_data_is_named() -> None:
    sizes = released()["segments"]
    tables = {**released(), "segments": sizes[sizes["scheme"] != "suuntima"]}
    assert "Laskematta, koska aineistoa puuttuu: Suuntima." in words(page(tables=tables).schemes())
    assert "Laskematta" not in words(page().schemes())


def test_readings_overlap_and_a_partly_hidden_sum_is_a_least_number() -> None:
    block = page().schemes()
    assert "Vähintään neljä palvelua\nvähintään 2 000" in words(block)
    assert "Kustannus ylimmässä kymmenesosassa + Vähintään neljä palvelua: 600." in alternatives(block)[-1]


def test_classes_are_described_and_drift_is_not_folded_away() -> None:
    block = page().reliability()
    said = words(block)
    assert "Aineistosta erottuvia luokkia ilman ennalta annettuja sääntöjä: 3." in said
    assert "Käynnit: 10 tai enemmän; Hoitopäivät: 1 / 2" in said
    assert "kaikki muut" in said
    assert "Tilastolliset luokat: kuinka vakaa jaottelu on</h3>" in block.html  # its check failed: not folded
    assert "Kanta-Hämeen malli\n6,0 %\n86 %\n● vakaa" in said
    assert "valittu" in said


def test_one_class_means_that_there_are_none() -> None:
    one = pd.DataFrame([size_row("latent", code, {"class_1": sum(CLASSES.values())}) for code in ("class_1", "all")])
    tables = {**released(), **disclosure.release({"segments": one}, SHOWN)}
    assert "ei erotu luokkia" in words(page(tables=tables).reliability())


def test_guidance_names_what_is_missing() -> None:
    said = words(page(missing=frozenset({"requests", "plans"})).guidance())
    assert "Pääsi heti oikeaan paikkaan: 81 %." in said
    assert said.count("Aineisto puuttuu:") == 2
    assert "Asiakasohjausta ei ole laskettu." in words(page(tables=without("guidance")).guidance())


def test_an_unreliable_division_says_why() -> None:
    failed = page(tables={**released(), "segment_stability": released()["segment_stability"].assign(passed="no")})
    said = words(failed.answer())
    assert "Jaotteluun on syytä suhtautua varoen: tarkistuksista 2/2 ei ole kunnossa." in said
    assert "Pienimmän segmentin osuus asukkaista: 6,0 % (raja 1,0 %)." in said
    assert "Kanta-Hämeen malli\n6,0 % (raja 1,0 %)" in words(failed.reliability())


def test_what_could_not_be_computed_is_told_with_its_reason() -> None:
    reason = message_json("Data missing: {tables}.", {"tables": "population"})
    card = released()["segment_stability"]
    kept = {"passed": "not_checked", "message": reason}
    absent = [
        {"scheme": RECORD, "measure": "projection", **kept},
        {"scheme": "plan", "measure": "guidance", **kept},
        {"scheme": "latent", "measure": "refused", **kept},
    ]
    told_too = pd.concat([card, pd.DataFrame(absent).reindex(columns=card.columns)], ignore_index=True)
    whole = words(page("en", tables={**released(), "segment_stability": told_too}).reliability())
    assert "Client guidance, Multi-service clients who have a plan: Data missing: population." in whole
    assert "Statistical classes: Data missing" in whole
    assert whole.count("population") == 3


def test_without_tables_every_part_says_so() -> None:
    empty = page(tables={}, missing=frozenset({"contacts", "persons"}))
    assert "Aineisto puuttuu" in words(empty.answer())
    for name in BLOCKS:
        assert words(getattr(empty, name)()).strip()


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("bit", range(5))
@pytest.mark.parametrize("empty", [True, False])
def test_tables_may_be_missing_or_empty(bit: int, empty: bool) -> None:
    """Of any two tables one is there without the other in some of the cases."""
    names = sorted(released())
    assert len(names) <= 2**5
    left = [name for place, name in enumerate(names) if (place >> bit & 1) == empty]
    tables = without(*left) | ({name: released()[name].iloc[:0] for name in left} if empty else {})
    for name in BLOCKS:
        block = getattr(page(tables=tables), name)()
        assert words(block).strip()
        assert unfilled(words(block)) == []


@pytest.mark.usefixtures("undrawn")
def test_where_everything_is_hidden_it_is_said_in_one_way() -> None:
    hidden = page(tables=released(NOTHING))
    for name in BLOCKS:
        block = getattr(hidden, name)()
        assert unfilled(words(block)) == []
        assert markup.faults(block.html) == []
    assert HIDDEN in words(hidden.sizes())
    assert "Asiakassegmenttejä: 4." in words(hidden.answer())


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_the_page_is_whole_in_every_language(language: str) -> None:
    own = page(language)
    blocks = [markup.section(name, getattr(own, name)()) for name in BLOCKS]
    assert [unfilled(words(block)) for block in blocks] == [[]] * len(BLOCKS)
    assert [markup.faults(block.html) for block in blocks] == [[]] * len(BLOCKS)
    html = exporter.block_page(markup.stack(*blocks), _page(language))
    assert page_checks.faults(html) == []


def _page(language: str) -> exporter.Page:
    own = context(language)
    return exporter.Page(
        title="Asiakassegmentit",
        language=language,
        quarter=own.quarter,
        as_of=own.as_of,
        county=own.region,
        contact="info@example.fi",
        synthetic=True,
        made_on=own.as_of,
        source="synthetic county",
        nav=(),
    )
