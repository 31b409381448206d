"""The page of effects: a verdict in words for every verdict, and never a plain before/after as evidence."""

from __future__ import annotations

from datetime import date
from functools import cache

import numpy as np
import page_checks
import pytest
from effect_tables import VERDICTS, effect_row, effect_tables, series
from page_tables import context, everything, frame, released
from page_words import alternatives, unfilled, words
from quality_tables import of

from ennakointi.pages import effect_words
from ennakointi.pages.effect_time import TimeSection
from ennakointi.pages.effects import EffectsPage
from ennakointi.periods import Quarter
from ennakointi.report import exporter, markup
from ennakointi.text import message_json

METHODS = ("answer", "forest", "ranking", "each", "definitions")


@cache
def said_of(method: str, group: str = "all", language: str = "fi") -> str:
    return words(getattr(page(group, language), method)())


def page(group: str = "all", language: str = "fi", **changes: object) -> EffectsPage:
    return EffectsPage(released(effect_tables()), group, context(language, **changes))


def answer(verdict: str, estimate: float, half: float, **changes: object) -> str:
    """The answer about one intervention with the given row."""
    effects = frame("effects", [effect_row("walks", verdict, estimate, half, **changes)])
    return words(EffectsPage(released({"effects": effects}), "all", context()).answer())


def test_counts_of_verdicts_stand_first() -> None:
    said = said_of("answer")
    assert (
        "Seurattuja kehittämistoimia: 6. Näyttöä vaikutuksesta: 2. Ei merkittävää vaikutusta: 1. "
        "Todennäköisesti haitallisia: 1. Ei voida vielä sanoa: 2." in said
    )


def test_the_strongest_evidence_stands_first() -> None:
    order = list(effect_words.primary(released(effect_tables())["effects"], context())["intervention"])
    assert order == ["outreach", "team_model", "new_form", "walks", "coaching", "pathway"]
    assert set(order) == set(VERDICTS)


def test_an_effect_is_said_with_its_interval() -> None:
    assert (
        "Moniammatillinen tiimimalli: vaikuttaa todennäköisesti. Päivystyskäynnit: noin 12 vähemmän sataa "
        "henkilöä kohti vuodessa (95 %:n luottamusväli 5–19). Näyttö: kohtalainen." in said_of("answer")
    )


def test_more_events_is_said_as_more() -> None:
    assert "noin 9 enemmän sataa henkilöä kohti vuodessa" in answer("probably_harmful", 9, 4)


def test_selected_heavy_users_are_compared_with_the_change_that_would_have_come() -> None:
    said = said_of("answer")
    assert "Valmennus: vaikutuksesta ei ole näyttöä." in said
    assert (
        "Määrä väheni 34 %. Ilman kehittämistointakin se olisi arviolta vähentynyt 33 %, koska mukaan valittiin "
        "paljon palveluja käyttäneitä." in said
    )


def test_too_few_data_say_what_they_could_have_shown() -> None:
    said = said_of("answer")
    assert "pathway: ei voida vielä sanoa." in said
    assert "siitä erottuisi vain vähintään 25 %:n muutos" in said


def test_a_significant_effect_of_small_data_may_be_too_large() -> None:
    said = answer("probably_works", -20, 15, minimum_detectable_effect=0.3)
    assert "Arvio voi olla liian suuri" in said


def test_before_the_agreed_month_a_verdict_is_interim() -> None:
    assert "ratkaisun ajankohta sovittiin ennalta (12/2025)" in said_of("answer")
    assert "väliarvio" not in answer("works", -20, 5)


def test_a_hidden_effect_shows_no_number() -> None:
    said = answer("works", -20, 5, n_persons=3)
    assert "Päivystyskäynnit: ei näytetä (tietosuoja)." in said
    assert "20" not in said


def test_a_refused_effect_says_why() -> None:
    row = effect_row("walks", "cannot_say", np.nan, 0, design="before_after", evidence_level="none")
    reason = message_json("There are no data of the outcome.", {})
    keys = {"intervention": "walks", "outcome": "emergency_contacts", "target_group": "all"}
    check = {**keys, "check": "comparison", "passed": "no", "message": reason}
    tables = released({"effects": frame("effects", [row]), "effect_checks": frame("effect_checks", [check])})
    said = words(EffectsPage(tables, "all", context()).answer())
    assert "walks: ei voida vielä sanoa. Tuloksesta ei ole aineistoa." in said


def test_the_picture_says_verdicts_in_words() -> None:
    told = alternatives(page().forest())[0]
    assert "Moniammatillinen tiimimalli: vaikuttaa todennäköisesti" in told
    assert "Valmennus: vaikutuksesta ei ole näyttöä" in told


def test_only_the_row_of_record_of_the_primary_outcome_is_ranked() -> None:
    said = said_of("forest")
    assert said.count("Moniammatillinen tiimimalli") == 1
    assert "Avosairaanhoidon käynnit" not in said
    assert "Avosairaanhoidon käynnit" in said_of("each")


def test_areas_are_counted_as_areas() -> None:
    said = said_of("each")
    assert "Alueita, joilla kehittämistoimi on käytössä: 5; vertailussa: 6." in said
    assert "Osallistujia: 620; vertailuhenkilöitä: 2 400." in said


def test_a_group_shows_its_own_interventions_and_all_shows_every_one() -> None:
    assert "Moniammatillinen" not in said_of("answer", "older_people")
    assert "outreach" in said_of("answer", "older_people")
    assert "outreach" in said_of("answer")


def test_without_participants_the_missing_table_is_named() -> None:
    said = words(EffectsPage({}, "all", context(missing=frozenset({"enrolments"}))).answer())
    assert "Aineisto puuttuu: kehittämistoimien osallistujat (enrolments)." in said


def test_failed_checks_are_sentences() -> None:
    assert "ei kunnossa: Vertailujakson pituus kuukausina: 24." in said_of("each")


def test_verdicts_in_swedish_and_english() -> None:
    assert "har sannolikt effekt" in said_of("answer", language="sv")
    assert "Valmennus: no evidence of effect." in said_of("answer", language="en")


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
@pytest.mark.parametrize("group", ["all", "older_people", "small"])
def test_every_part_is_readable_in_every_language(group: str, language: str) -> None:
    made = page(group, language)
    for method in METHODS if group == "all" and language == "fi" else [name for name in METHODS if name != "each"]:
        block = getattr(made, method)()
        assert words(block).strip(), method
        assert not unfilled(words(block)), method
        assert not markup.faults(block.html), method


def test_a_series_without_comparison_is_drawn_alone() -> None:
    found = released({"effect_series": frame("effect_series", series(arms=("treated",)))})
    section = TimeSection(found, effect_row("team_model", "works", -12, 7), context()).before_after()
    assert section is not None
    assert "Vertailu" not in words(section)
    assert "Neljänneksiä aloituksesta" in words(section)


def test_shortcomings_of_the_data_stand_beside_the_effects() -> None:
    doubted = {**everything(), **released({"trust": of("trust", ("effects", "refused", "contacts.volume_break"))})}
    said = words(EffectsPage(doubted, "all", context()).answer())
    assert "Vaikuttavuus: ei voi käyttää\nJoidenkin yksiköiden kirjaukset katkeavat (1,2 %)." in said


def test_the_whole_page_is_accessible() -> None:
    made = page()
    body = markup.stack(*(markup.section(name, getattr(made, name)()) for name in METHODS))
    about = exporter.Page(
        title="Vaikuttavuus",
        language="fi",
        quarter=Quarter(2025, 3),
        as_of=date(2025, 9, 30),
        county="Päijät-Häme",
        contact="info@example.fi",
        synthetic=True,
        made_on=date(2025, 10, 12),
        source="synthetic county",
    )
    assert not page_checks.faults(exporter.block_page(body, about))
