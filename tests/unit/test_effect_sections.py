"""Parts of the page of effects: the course over time, costs, designs, ranking; and what the door hides of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from effect_tables import (
    AREAS,
    OUTCOME,
    PARTICIPANTS,
    costs,
    curve,
    designs,
    effect_row,
    effect_tables,
    effects,
    over_time,
    plane,
    ranking,
    series,
)
from page_tables import context, frame, released
from page_words import alternatives, unfilled, words

from ennakointi.pages import effect_units, effect_words
from ennakointi.pages.context import InterventionFacts, record
from ennakointi.pages.effect_costs import CostSection
from ennakointi.pages.effect_designs import DesignSection
from ennakointi.pages.effect_ranking import RankingSection
from ennakointi.pages.effect_time import TimeSection
from ennakointi.pages.effects import EffectsPage
from ennakointi.report import markup
from ennakointi.text import message_json

TEAM = effect_row("team_model", "probably_works", -12, 7)


def tables(**rows: Any) -> Mapping[str, pd.DataFrame]:
    return released({name: frame(name, found) for name, found in rows.items()})


def effect(language: str = "fi", **changes: Any) -> str:
    """The sentence about an effect with other numbers or another unit."""
    row = record(tables(effects=[{**TEAM, **changes}])["effects"])
    return effect_words.effect_sentence(row, context(language))


def cost_words(row: dict[str, Any], language: str = "fi", **more: Any) -> str:
    section = CostSection(
        tables(cost_effectiveness=[row], **more), effect_row(row["intervention"], "works", -9, 2), context(language)
    )
    block = section.block()
    assert block is not None
    return words(block)


@pytest.mark.parametrize(
    ("unit", "numbers", "expected"),
    [
        (
            "per 100 person-years",
            (-12, -19, -5),
            "noin 12 vähemmän sataa henkilöä kohti vuodessa (95 %:n luottamusväli 5–19)",
        ),
        (
            "euros per person-year",
            (130, 60, 200),
            "noin 130 euroa enemmän henkilöä kohti vuodessa (95 %:n luottamusväli 60–200)",
        ),
        (
            "bed-days per 100 person-years",
            (-30, -44, -16),
            "noin 30 vuodepäivää vähemmän sataa henkilöä kohti vuodessa",
        ),
        ("days", (-5, -9, -1), "noin 5 päivää vähemmän (95 %:n luottamusväli 1–9)"),
        ("days", (-1, -1.4, -0.6), "noin 1,0 päivää vähemmän"),
        ("days", (-1, -9, -0.4), "noin 1 päivä vähemmän"),
        ("share", (-0.12, -0.19, -0.05), "noin 12 prosenttiyksikköä vähemmän (95 %:n luottamusväli 5–19)"),
        ("points", (0.5, 0.1, 0.9), "noin 0,5 pistettä enemmän"),
        ("contacts per unit and month", (-12, -19, -5), "noin 12 vähemmän yksikköä kohti kuukaudessa"),
        ("something new", (-12, -19, -5), "noin 12 vähemmän (95 %:n luottamusväli 5–19)"),
    ],
)
def test_every_unit_has_its_words(unit: str, numbers: tuple[float, float, float], expected: str) -> None:
    said = effect(unit=unit, **dict(zip(("estimate", "lo95", "hi95"), numbers)))
    assert expected in said.replace("\u00a0", " ").replace("\u2060", "")


@pytest.mark.parametrize("unit", [*effect_units.UNITS, "something new"])
@pytest.mark.parametrize("language", ["fi", "sv", "en"])
@pytest.mark.parametrize("estimate", [-12.0, 0.0, 12.0])
def test_every_unit_is_said_in_every_language(unit: str, language: str, estimate: float) -> None:
    said = effect(language, unit=unit, estimate=estimate, lo95=estimate - 7, hi95=estimate + 7)
    assert said
    assert not unfilled(said)


def test_costs_and_the_price_of_an_improvement_with_their_intervals() -> None:
    row = costs("team_model", AREAS, 2_100, 118, 0.3)
    said = cost_words(row, cost_plane=plane(row))
    assert "Kustannukset ovat noin 2 100 euroa suuremmat tuhatta asukasta kohti vuodessa" in said
    low, high = np.quantile([d["delta_cost_eur"] / d["delta_effect"] for d in plane(row)], [0.025, 0.975])
    assert (round(low), round(high)) == (8, 33)  # of the draws
    assert "Parannuksen hinta (yksi vältetty käynti): noin 18 euroa (95 %:n luottamusväli 8–33)." in said
    assert "Vapautunut työaika tunteina tuhatta asukasta kohti vuodessa: noin 62. Se ei ole rahaa kassassa" in said
    assert "vuoden 2025 hinnoin" in said


def test_cheaper_and_better_is_a_saving() -> None:
    row = costs("outreach", PARTICIPANTS, -60, 0.2, 0.3)
    said = cost_words(row)
    assert "Kustannukset ovat noin 60 euroa pienemmät osallistujaa kohti vuodessa (95 %:n luottamusväli 30–90)" in said
    assert "Säästö parannusta kohti (yksi vältetty käynti): noin 300 euroa." in said  # no draws, no interval


def test_a_ratio_is_told_only_where_the_improvement_is_sure() -> None:
    said = cost_words(costs("coaching", PARTICIPANTS, 310, 0.01, 12))
    assert "Parannuksen hintaa ei kerrota, koska aineisto ei sulje pois, ettei parannusta ole." in said
    assert "Parannuksen hinta (" not in said
    worse = costs("coaching", PARTICIPANTS, 310, -0.5, 0.2)
    assert "koska tulos huononi" in cost_words({**worse, "icer_eur": np.nan})


def test_costs_within_their_uncertainty_are_said_to_be_that() -> None:
    row = costs("coaching", PARTICIPANTS, 20, 0.2, 0.5, delta_cost_lo95=-90, delta_cost_hi95=130)
    assert "Kustannusten muutos osallistujaa kohti vuodessa mahtuu epävarmuuteen" in cost_words(row)


def test_the_net_benefit_is_said_with_the_worth_it_rests_on() -> None:
    sure = costs("outreach", PARTICIPANTS, 30, 2.0, 0.2)
    assert "arvo on 120 €, hyöty ylittää kustannukset" in cost_words(sure)
    loss = costs("outreach", PARTICIPANTS, 900, 0.1, 0.2)
    assert "kustannukset ylittävät hyödyn" in cost_words(loss)
    unsure = costs("outreach", PARTICIPANTS, 30, 0.3, 0.9)
    assert "hyödyn ja kustannusten erotus osallistujaa kohti vuodessa mahtuu epävarmuuteen" in cost_words(unsure)


def test_a_probability_is_never_told_to_be_certain() -> None:
    row = costs("outreach", PARTICIPANTS, 30, 2.0, 0.2, probability_cost_effective=1.0)
    assert "Todennäköisyys, että hyöty on suurempi: yli 99 %." in cost_words(row)


def test_costs_of_few_persons_show_no_number() -> None:
    said = cost_words(costs("outreach", PARTICIPANTS, 30, 2.0, 0.2, n_persons=3))
    assert said.split() == ["Kustannukset", "ei", "näytetä", "(tietosuoja)"]


def test_the_pictures_of_costs_are_told_in_words() -> None:
    row = costs("team_model", AREAS, 2_100, 118, 0.6)
    found = tables(cost_effectiveness=[row], cost_curve=curve(row), cost_plane=plane(row))
    block = CostSection(found, TEAM, context()).block()
    assert block is not None
    told = alternatives(block)
    assert (
        "Todennäköisyys on alle 1 %, jos parannus ei ole minkään arvoinen, ja yli 99 %, jos sen arvo on 5 000 €."
        in told[0].replace("\u00a0", " ")
    )
    assert "Parempi ja kalliimpi: 61 %" in told[-1].replace("\u00a0", " ")
    assert not markup.faults(block.html)


def time_words(rows: list[dict[str, Any]]) -> str:
    block = TimeSection(tables(effect_time=rows), TEAM, context()).over_time()
    assert block is not None
    return words(block)


def test_quarters_before_the_start_are_a_check() -> None:
    said = time_words(over_time())
    assert "Ennen aloitusta ero nollasta mahtui epävarmuuteen, kuten pitääkin." in said
    assert "Viimeisellä seuratulla neljänneksellä (+5 aloituksesta) vaikutus oli −20 %" in said


def test_quarters_before_the_start_that_differ_are_counted() -> None:
    biased = [row | {"hi95": -0.01} if row["since_start"] in (-3, -2) else row for row in over_time()]
    assert "nollasta poikkeaa 2, kaikkiaan niitä on 8. Vertailu voi olla vinossa." in time_words(biased)


def test_quarters_that_the_others_are_compared_with_are_named() -> None:
    remark = "Juuri ennen aloitusta olevat neljännekset ovat ne, joihin muita verrataan."
    assert remark not in time_words(over_time())
    assert remark in time_words([row for row in over_time() if not -4 <= row["since_start"] < 0])


def test_no_picture_without_quarters_after_the_start() -> None:
    before = [row for row in over_time() if row["since_start"] < 0]
    assert TimeSection(tables(effect_time=before), TEAM, context()).over_time() is None


def test_a_counterfactual_is_called_an_estimate() -> None:
    block = TimeSection(
        tables(effect_series=series(arms=("treated", "counterfactual"))), TEAM, context()
    ).before_after()
    assert block is not None
    assert "Ilman kehittämistointa (arvio)" in words(block)
    assert "Vertailu" not in words(block)


def test_designs_say_which_one_counts_and_why() -> None:
    found = tables(effects=effects(), effect_designs=designs())
    block = DesignSection(found, record(found["effects"]), context()).designs()
    assert block is not None
    said = words(block)
    assert "Pienin muutos, joka näin suuressa aineistossa erottuu 8 kerralla 10:stä: 8 %." in said
    lines = said.split("\n")
    assert (
        lines.index("päätelmä perustuu tähän") < lines.index("näytetään rinnalla") < lines.index("ei mahdollinen tässä")
    )
    assert "−17 % (−32 – −2 %)" in said  # without the largest area


def test_what_was_registered_is_told_with_its_mark_and_its_looks() -> None:
    found = tables(effects=[TEAM | {"alpha": 0.0061}])
    said = words(DesignSection(found, record(found["effects"]), context()).description())
    assert "12/2024, 12/2025. Tämän tarkastelun riskitaso: 0,61 %." in said
    assert TEAM["registered"] in said
    assert "0,030" in said


def ranked(rows: list[dict[str, Any]], **changes: Any) -> markup.Block:
    return RankingSection(tables(intervention_ranking=rows), {}, context(**changes)).block()


def test_ranking_tells_what_stands_among_many_findings() -> None:
    said = words(ranked(ranking()))
    assert "Yhdessä tarkasteltuja kehittämistoimia: 6." in said
    assert "18 (−11 – 47) euroa osallistujaa kohti vuodessa" in said
    assert "12 000 (3 000–22 000) euroa tuhatta asukasta kohti vuodessa" in said
    assert [said.split("\n").count(word) for word in ("kyllä", "ei")] == [1, 2]  # of three findings


def test_ranking_never_compares_different_units_in_one_picture() -> None:
    told = alternatives(ranked(ranking()))
    pictures = dict.fromkeys(told)  # each is drawn twice
    assert len(pictures) == 2
    assert [("Moniammatillinen" in text) for text in pictures] == [False, True]


def test_ranking_says_what_is_needed_to_know_more() -> None:
    needed = json.dumps([{"message": "What the intervention costs.", "values": {}}])
    said = words(ranked([ranking()[0] | {"needed": needed}], language="en"))
    assert "outreach: What the intervention costs." in said


def test_the_summary_verdict_is_that_of_the_page() -> None:
    found = released(effect_tables())
    page = EffectsPage(found, "all", context())
    assert words(page.ranking()).count("vaikutuksesta ei ole näyttöä") == 1


def hidden(found: Mapping[str, pd.DataFrame], name: str, **keys: Any) -> set[bool]:
    """Whether rows with the keys are hidden: `{True}`, `{False}`, or both."""
    rows = found[name]
    for column, value in keys.items():
        rows = rows[rows[column] == value]
    assert len(rows)
    return set((rows["suppressed"] != "").tolist())


def test_with_a_hidden_effect_goes_everything_that_tells_of_it() -> None:
    raw = effect_tables()
    raw["effects"].loc[0, "n_persons"] = 3.0
    raw["effect_checks"]["message"] = message_json("The baseline has {months} months.", {"months": 24})
    found = released(raw)
    keys = {"intervention": "team_model", "outcome": OUTCOME}
    for name in ("effects", "effect_series", "effect_time", "cost_effectiveness", "cost_curve", "cost_plane"):
        assert hidden(found, name, **keys) == {True}, name
    assert hidden(found, "intervention_ranking", intervention="team_model") == {True}
    assert json.loads(found["effect_checks"]["message"].iloc[0])["values"] == {"months": None}
    assert hidden(found, "effects", intervention="outreach") == {False}
    assert hidden(found, "effects", outcome="primary_care_contacts") == {False}


def test_a_hidden_quarter_of_one_arm_hides_the_other_and_its_effect() -> None:
    raw = effect_tables()
    rows = raw["effect_series"]
    rows.loc[(rows["arm"] == "treated") & (rows["since_start"] == 3), "n_persons"] = 2.0
    found = released(raw)
    for name in ("effect_series", "effect_time"):
        assert hidden(found, name, since_start=3) == {True}, name
        assert hidden(found, name, since_start=2) == {False}, name


def test_hidden_costs_hide_the_place_in_the_ranking() -> None:
    raw = effect_tables()
    raw["cost_effectiveness"].loc[1, "n_persons"] = 2.0
    found = released(raw)
    assert hidden(found, "intervention_ranking", intervention="outreach") == {True}
    assert hidden(found, "effects", intervention="outreach") == {False}


def test_numbers_in_a_list_of_messages_are_rounded_or_hidden() -> None:
    needed = json.dumps([{"message": "x {share} {persons}", "values": {"share": 0.123456, "persons": 3}}])
    rows = [ranking()[0] | {"needed": needed}, ranking()[1] | {"needed": needed, "n_persons": 2}]
    shown, gone = (
        json.loads(cell)[0]["values"] for cell in tables(intervention_ranking=rows)["intervention_ranking"]["needed"]
    )
    assert shown == {"share": 0.123, "persons": None}
    assert gone == {"share": None, "persons": None}


def test_an_intervention_of_another_group_is_told_on_that_group_s_page() -> None:
    links = {("effectiveness", "older_people"): "effectiveness-older_people.html"}
    found = released({"effects": frame("effects", [effect_row("outreach", "works", -20, 6)])})
    own = EffectsPage(found, "older_people", context(links=links)).each()
    every = EffectsPage(found, "all", context(links=links)).each()
    assert "Mitä tarkistettiin" in words(own)
    assert "Mitä tarkistettiin" not in words(every)
    assert "effectiveness-older_people.html" in every.html


def test_more_may_be_better() -> None:
    facts = {"team_model": InterventionFacts(better="more")}
    row = costs("team_model", AREAS, 2_100, 118, 0.3)
    block = CostSection(tables(cost_effectiveness=[row]), TEAM, context(interventions=facts)).block()
    assert block is not None
    assert "Parannuksen hinta (yksi käynti lisää)" in words(block)
